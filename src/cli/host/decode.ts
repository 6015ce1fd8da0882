/** Decodes UTF-8, and UTF-16 that begins with its mark. For other bytes, the error says how to convert them. */
import { constants } from 'node:buffer';
import { shellWord } from './printable.ts';

/** Throws if a text has more bytes than a string can hold: in V8 half a gigabyte. */
export function checkLength(bytes: number, source: string): void {
  const most = constants.MAX_STRING_LENGTH;
  if (bytes <= most) return;
  const [got, limit] = [bytes, most].map((n) => `${Math.floor(n / 1e6)} MB`);
  throw new Error(
    `${source} is too long: ${got}; expected at most ${limit} of text; take a part of it (npm run train reads larger ones in pieces, but not from standard input)`,
  );
}

/** Where bytes stand in their file, and how many lines end before them. */
export interface Place {
  readonly offset: number;
  readonly lines: number;
}
const start: Place = { offset: 0, lines: 0 };

/** The text of UTF-8 or marked UTF-16 bytes. Errors call it `source`, and in the command that they suggest it is `file`.
 * @param place of a later part of a file, which has no mark */
export function decodeText(bytes: Uint8Array, source: string, file = source, place = start): string {
  checkLength(bytes.length, source);
  const isStart = place.offset === 0;
  const convert = (encoding: string) => `iconv -f ${encoding} -t UTF-8 ${shellWord(file)} > utf8.txt`;
  const marked = isStart ? markedDecoder(bytes, source) : undefined;
  if (marked !== undefined) return marked(bytes);
  const wide = isStart ? utf16(bytes) : undefined;
  if (wide !== undefined) {
    throw new Error(`${source} is not UTF-8 text, it looks like UTF-16; to convert it: ${convert(wide)}`);
  }
  const nul = bytes.indexOf(0);
  try {
    const text = new TextDecoder('utf-8', { fatal: true, ignoreBOM: !isStart }).decode(bytes);
    if (nul < 0) return text;
  } catch {
    const at = firstBadByte(bytes);
    const lines = bytes.subarray(0, at).reduce((n, byte) => n + (byte === 0x0a ? 1 : 0), 1);
    const bad = `byte 0x${bytes[at]!.toString(16)} at offset ${place.offset + at}`;
    const hint =
      nul >= 0
        ? 'it looks like a binary file; expected a plain text file'
        : mixes(bytes)
          ? `the rest is UTF-8, so it mixes encodings; to leave out what is not: ${convert('UTF-8 -c')}`
          : `if it is an older text: ${convert('WINDOWS-1252')}`;
    const line = place.lines + lines;
    throw new Error(`${source} is not UTF-8 text: ${bad}, line ${line}; ${hint}`);
  }
  throw new Error(`${source} holds NUL bytes: a binary file; expected a plain text file`);
}

/** What decodes bytes that begin with the mark of UTF-16, all at once or, as long as `more` follow, in parts; undefined for
 * others. */
export function markedDecoder(
  bytes: Uint8Array,
  source: string,
): ((bytes: Uint8Array, more?: boolean) => string) | undefined {
  const mark = (bytes[0]! << 8) | bytes[1]!;
  if (mark !== 0xfffe && mark !== 0xfeff) return undefined;
  const decoder = new TextDecoder(mark === 0xfffe ? 'utf-16le' : 'utf-16be', { fatal: true });
  return (part, more = false) => {
    let text: string;
    try {
      text = decoder.decode(part, { stream: more });
    } catch {
      throw new Error(`${source} begins with the mark of UTF-16, but is not UTF-16 text; is it whole?`);
    }
    if (text.includes('\0')) throw new Error(`${source} holds NUL characters; expected a plain text file`);
    return text;
  };
}

/** Whether bytes that are not all UTF-8 have characters of several bytes in UTF-8: older encodings do not look like it. */
function mixes(bytes: Uint8Array): boolean {
  const text = new TextDecoder('utf-8').decode(bytes);
  return /[\u0080-\ufffc]|[\u{10000}-\u{10ffff}]/u.test(text);
}

/** Recognises UTF-16 without a mark, because every second byte of most letters is zero. */
function utf16(bytes: Uint8Array): string | undefined {
  const start = bytes.subarray(0, 4096);
  const zeros = [0, 0];
  for (const [i, byte] of start.entries()) if (byte === 0) zeros[i % 2]! += 1;
  const [even, odd] = zeros as [number, number];
  if (Math.max(even, odd) < Math.max(4, start.length / 16)) return;
  return even * 8 < odd ? 'UTF-16LE' : odd * 8 < even ? 'UTF-16BE' : undefined;
}

/** The offset of the first byte that is not UTF-8. Decoding puts U+FFFD there; where the text itself has that
 * character, it is there as three bytes. */
function firstBadByte(bytes: Uint8Array): number {
  const parts = new TextDecoder('utf-8', { ignoreBOM: true }).decode(bytes).split('\ufffd');
  let at = 0;
  for (const part of parts) {
    at += Buffer.byteLength(part);
    if (bytes[at] !== 0xef || bytes[at + 1] !== 0xbf || bytes[at + 2] !== 0xbd) break;
    at += 3;
  }
  return at;
}
