/** What a command says of its model, its prompt and its speed, each in a line, to standard error. */
import { basename, join } from 'node:path';
import { quote } from '../../model/json.ts';
import type { Tokenizer } from '../../model/text/tokenizer.ts';
import type { FinishReason } from '../../sample/stop.ts';
import { decodeState } from '../../train/state.ts';
import type { Progress } from '../../train/train.ts';
import { listFolder, readBytes } from '../host/files.ts';
import { runOf } from '../runs/folder.ts';
import { isLocked } from '../runs/lock.ts';

/** Which model a command has loaded: runs/nano/best, step 1200, 0.915 nats per token.
 * @param folder the checkpoint's; one that belongs to no run is told by its size */
export function modelLine(folder: string, parameters: number): string {
  const run = runOf(folder);
  if (run === undefined) return `${folder}, ${parameters.toLocaleString('en-US')} parameters`;
  const step = /^step-(\d+)$/.exec(basename(folder))?.[1];
  const best = step === undefined ? bestOf(run) : null;
  return [
    folder,
    ...(step === undefined ? [] : [`step ${Number(step)}`]),
    ...(best === null ? [] : [`step ${best.step}`, `${best.nll.toFixed(3)} nats per token`]),
    ...(isLocked(run) ? ['of a run that is training now'] : []),
  ].join(', ');
}

/** Step and held-out loss of a run's best model, as its newest checkpoint has them; null if that cannot be read. */
function bestOf(run: string): Progress['best'] {
  try {
    const newest = listFolder(run).findLast((name) => name.startsWith('step-'));
    if (newest === undefined) return null;
    const path = join(run, newest, 'state.json');
    return decodeState(readBytes(path), path).best;
  } catch {
    return null; // only a remark, which must not keep anybody from sampling
  }
}

/** Says that the text of an added token stands in `what` (the prompt), which Hugging Face's library would read as that
 *  token and Inkling reads as text: see docs/sampling.md. */
export function noteAddedText(text: string, what: string, tokenizer: Tokenizer): void {
  const note = addedTextNote(text, what, tokenizer);
  if (note !== undefined) console.error(note);
}

export function addedTextNote(text: string, what: string, tokenizer: Tokenizer): string | undefined {
  const found = [...tokenizer.added].filter(([content, id]) => {
    if (!text.includes(content)) return false;
    const ids = tokenizer.encode(content, 'skip'); // a character of the vocabulary may be an added token, too
    return ids.length !== 1 || ids[0] !== id;
  });
  if (found.length === 0) return undefined;
  const named = found.slice(0, 3).map(([content]) => quote(content));
  const more = found.length > named.length ? ` and ${found.length - named.length} more` : '';
  return `note: ${what} holds ${named.join(', ')}${more}, in Python a token of its own; here it is read as plain text`;
}

/** How much was drawn, and how fast: 300 tokens, 7,123 tokens/s */
export function speed(tokens: number, milliseconds: number): string {
  const whole = (x: number) => Math.round(x).toLocaleString('en-US');
  const rate = tokens === 0 ? '' : `, ${whole((1000 * tokens) / milliseconds)} tokens/s`;
  return `${whole(tokens)} ${tokens === 1 ? 'token' : 'tokens'}${rate}`;
}

/** The end of a remark: why texts ended, where it was not one of the usual reasons (a stop text or token, the length). */
export function unusualEnds(reasons: readonly (FinishReason | undefined)[]): string {
  const unusual = (['repetition', 'context-full', 'no-candidates'] as const).flatMap((reason) => {
    const count = reasons.filter((other) => other === reason).length;
    if (count === 0) return [];
    return reasons.length === 1 ? [reason] : [`${reason} (${count} of ${reasons.length})`];
  });
  return unusual.length === 0 ? '' : `; ended: ${unusual.join(', ')}`;
}
