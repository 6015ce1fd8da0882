/** The verdicts that the browser keeps for this page, as the text of a file that npm run judge would write. */
import { readVerdicts, verdictHeader, verdictLine } from '../../evaluate/verdict-file.ts';
import type { Verdict } from '../../evaluate/verdicts.ts';

const key = 'inkling.verdicts';

/** What the file would hold; only its first line where nothing was judged, or where the browser keeps nothing. */
export function keptFile(): string {
  try {
    return localStorage.getItem(key) ?? verdictHeader;
  } catch {
    return verdictHeader;
  }
}

export function keptVerdicts(): Verdict[] {
  return readVerdicts(keptFile(), 'what this browser keeps');
}

/** Adds one, also to those that another tab has added meanwhile. */
export function keepVerdict(verdict: Verdict): void {
  write(keptFile() + verdictLine(verdict));
}

export function forgetVerdicts(): void {
  localStorage.removeItem(key);
}

function write(text: string): void {
  try {
    localStorage.setItem(key, text);
  } catch (error) {
    throw new Error(
      `the browser has no room for verdicts, or keeps none here (${(error as Error).message}); download what there is`,
    );
  }
}
