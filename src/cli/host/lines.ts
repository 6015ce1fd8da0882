/** Reads files of lines piece by piece, from the beginning or from the end, so that they may be of any length. */
import { closeSync, fstatSync, openSync, readSync } from 'node:fs';

/** No record of a run is longer. */
const longest = 2 ** 20;
const lineBreak = 0x0a;

/** Calls `visit` with each line and its number, from 1; a line of more than a mebibyte is undefined. What is not UTF-8
 * becomes U+FFFD. `unfinished` means that the file ends without a line break. */
export function eachLine(
  path: string,
  visit: (line: string | undefined, number: number, unfinished: boolean) => void,
): void {
  const file = openSync(path, 'r');
  try {
    const bytes = Buffer.alloc(longest);
    let [kept, number, tooLong] = [0, 0, false];
    const tell = (from: number, to: number, unfinished: boolean) => {
      visit(tooLong ? undefined : bytes.toString('utf8', from, to), ++number, unfinished);
      tooLong = false;
    };
    for (;;) {
      const read = readSync(file, bytes, kept, longest - kept, null);
      if (read === 0) break;
      const piece = bytes.subarray(0, kept + read);
      let from = 0;
      for (let to = piece.indexOf(lineBreak, kept); to >= 0; to = piece.indexOf(lineBreak, from)) {
        tell(from, to, false);
        from = to + 1;
      }
      if (from === 0 && piece.length === longest) [kept, tooLong] = [0, true];
      else kept = piece.copy(bytes, 0, from);
    }
    if (kept > 0 || tooLong) tell(0, kept, true);
  } finally {
    closeSync(file);
  }
}

/** The byte offset of the last `text` in a file, not before `start`; -1 if there is none. Reads from the end. */
export function lastIndexIn(path: string, text: string, start = 0): number {
  const wanted = Buffer.from(text);
  const file = openSync(path, 'r');
  try {
    const bytes = Buffer.alloc(longest);
    for (let end = fstatSync(file).size; end > start; ) {
      const from = Math.max(start, end - longest);
      const at = bytes.subarray(0, readSync(file, bytes, 0, end - from, from)).lastIndexOf(wanted);
      if (at >= 0) return from + at;
      end = from === start ? start : from + wanted.length - 1; // it may lie across two pieces
    }
    return -1;
  } finally {
    closeSync(file);
  }
}

/** The line that begins at a byte of a file. */
export function lineAt(path: string, start: number): string {
  const file = openSync(path, 'r');
  try {
    const bytes = Buffer.alloc(longest);
    const piece = bytes.subarray(0, readSync(file, bytes, 0, longest, start));
    const end = piece.indexOf(lineBreak);
    return piece.toString('utf8', 0, end < 0 ? piece.length : end);
  } finally {
    closeSync(file);
  }
}

/** The whole lines that begin at byte `start`, up to a mebibyte of them, and the byte after the last. A line that is longer
 * than that is left out; one that has no end yet is left for the next time. */
export function linesFrom(path: string, start: number): { readonly lines: string[]; readonly end: number } {
  const file = openSync(path, 'r');
  try {
    const bytes = Buffer.alloc(longest);
    for (let at = start; ; at += longest) {
      const piece = bytes.subarray(0, readSync(file, bytes, 0, longest, at));
      const end = at === start ? piece.lastIndexOf(lineBreak) : piece.indexOf(lineBreak);
      if (end >= 0) {
        const lines = at === start ? piece.toString('utf8', 0, end).split('\n') : [];
        return { lines, end: at + end + 1 };
      }
      if (piece.length < longest) return { lines: [], end: start };
    }
  } finally {
    closeSync(file);
  }
}
