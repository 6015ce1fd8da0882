/** The file that a judge's verdicts are kept in. Lines are only ever added, each flushed, so nothing that was judged is lost. */
import { closeSync, existsSync, fsyncSync, openSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { readVerdicts, verdictHeader, verdictLine } from '../../evaluate/verdict-file.ts';
import type { Verdict } from '../../evaluate/verdicts.ts';
import { decodeText } from '../host/decode.ts';
import { attempt, makeFolder, readBytes } from '../host/files.ts';

export class VerdictFile {
  readonly path: string;
  readonly verdicts: Verdict[];

  /** Opens a file, or begins one. Error for a file that holds something else, or that cannot be written. */
  constructor(path: string) {
    this.path = path;
    if (existsSync(path)) {
      const text = decodeText(readBytes(path), path);
      this.verdicts = readVerdicts(text, path);
      this.#append(text.endsWith('\n') ? '' : '\n'); // an editor may have left it out
    } else {
      this.verdicts = [];
      makeFolder(dirname(path));
      this.#append(verdictHeader);
    }
  }

  add(verdict: Verdict): void {
    this.#append(verdictLine(verdict));
    this.verdicts.push(verdict);
  }

  #append(text: string): void {
    attempt('write', this.path, () => {
      const file = openSync(this.path, 'a');
      try {
        writeFileSync(file, text);
        fsyncSync(file);
      } finally {
        closeSync(file);
      }
    });
  }
}
