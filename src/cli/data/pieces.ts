/** Reads texts larger than memory piece by piece, each piece normalized.
 *
 * A piece ends before a space or line break that follows something else. There the pre-tokenizer of BPE cuts in any case, and
 * nothing that is normalized stands on both sides: so the tokens of the pieces are those of the whole text. Only where a text
 * has no such place for a megabyte, it is cut between any two characters. */
import { closeSync, openSync, readSync } from 'node:fs';
import { normalizeText } from '../../model/text/tokenizer.ts';
import { decodeText } from '../host/decode.ts';
import { attempt } from '../host/files.ts';

/** Small enough for what one piece leaves behind to be cleared away at once. */
const pieceBytes = 1 << 16;
/** So many times that. */
const longestRun = 16;

/** The files one after another, each on a line of its own. @param size bytes that are read at a time, at least 4 */
export function* textPieces(paths: readonly string[], size = pieceBytes): Generator<string, void, undefined> {
  let text = '';
  for (const path of paths) {
    let between = text === '' || text.endsWith('\n') ? '' : '\n';
    for (const part of decodedParts(path, size)) {
      text += between + part;
      between = '';
      const at = cutPlace(text, text.length > longestRun * size);
      if (at <= 0) continue;
      yield normalizeText(text.slice(0, at));
      text = text.slice(at);
    }
  }
  if (text !== '') yield normalizeText(text);
}

/** The last place where a text can be cut, or 0. The end is none: what follows is not known. */
function cutPlace(text: string, anywhere: boolean): number {
  for (let i = text.length - 1; i > 0; i--) {
    const code = text.charCodeAt(i);
    if ((code === 0x20 || code === 0x0a) && !/[\s\u0085]/.test(text[i - 1]!)) return i;
  }
  if (!anywhere) return 0;
  let i = text.length - 1;
  while (i > 0 && /[\n\ufeff\udc00-\udfff]/.test(text[i]!)) i--;
  return i;
}

/** The text of a UTF-8 file without the mark at its start, cut between any two characters. */
function* decodedParts(path: string, size: number): Generator<string, void, undefined> {
  const file = attempt('read', path, () => openSync(path, 'r'));
  const bytes = Buffer.alloc(size);
  const read = (at: number, from: number) =>
    attempt('read', path, () => readSync(file, bytes, at, size - at, from));
  const linesBefore = (offset: number): number => {
    let lines = 0;
    for (let from = 0; from < offset; from += size) {
      const part = bytes.subarray(0, Math.min(read(0, from), offset - from));
      for (const byte of part) if (byte === 0x0a) lines++;
    }
    return lines;
  };
  let begun = false;
  try {
    for (let offset = 0, kept = 0, got = -1; got !== 0; ) {
      got = read(kept, offset + kept);
      const filled = kept + got;
      const end = got === 0 ? filled : wholeCharacters(bytes.subarray(0, filled));
      if (end > 0) {
        const text = decodeText(bytes.subarray(0, end), path, path, { offset, lines: linesBefore });
        const part: string = begun ? text : text.replace(/^\ufeff+/, '');
        begun ||= part !== '';
        yield part;
      }
      bytes.copyWithin(0, end, filled);
      kept = filled - end;
      offset += end;
    }
  } finally {
    closeSync(file);
  }
}

/** How many of the bytes are whole characters of UTF-8. */
function wholeCharacters(bytes: Uint8Array): number {
  const { length } = bytes;
  for (let back = 1; back <= Math.min(4, length); back++) {
    const byte = bytes[length - back]!;
    if ((byte & 0xc0) === 0x80) continue;
    const size = byte < 0xc0 ? 1 : byte < 0xe0 ? 2 : byte < 0xf0 ? 3 : 4;
    return size > back ? length - back : length;
  }
  return length;
}
