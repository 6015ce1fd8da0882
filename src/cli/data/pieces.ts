/** Reads texts larger than memory piece by piece, each piece normalized.
 *
 * A piece ends before a space or line break that follows something else. There the pre-tokenizer of BPE cuts in any case, and
 * nothing that is normalized stands on both sides: so the tokens of the pieces are those of the whole text. Only where a text
 * has no such place for a megabyte, it is cut between any two characters. */
import { closeSync, createReadStream, openSync, readSync } from 'node:fs';
import { pipeline } from 'node:stream';
import { createGunzip } from 'node:zlib';
import { normalizeText } from '../../model/text/tokenizer.ts';
import { decodeText, markedDecoder } from '../host/decode.ts';
import { attempt } from '../host/files.ts';

/** Small enough for what one piece leaves behind to be cleared away at once. */
const pieceBytes = 1 << 16;
/** So many times that. */
const longestRun = 16;

/** The files one after another, each on a line of its own. @param size bytes that are read at a time, at least 4 */
export async function* textPieces(paths: readonly string[], size = pieceBytes): AsyncGenerator<string> {
  let text = '';
  for (const path of paths) {
    let between = text === '' || text.endsWith('\n') ? '' : '\n';
    for await (const part of decodedParts(path, size)) {
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

/** The text of a file without the mark at its start, cut between any two characters. */
async function* decodedParts(path: string, size: number): AsyncGenerator<string> {
  let [offset, begun] = [0, false];
  const name = nameOf(path);
  const unpackedName = path === '-' ? 'FILE' : path.replace(/\.gz$/, '');
  let kept: Uint8Array = new Uint8Array(0);
  let marked: ReturnType<typeof markedDecoder>;
  const decoded = async (bytes: Uint8Array, more: boolean): Promise<string> => {
    if (offset === 0) marked = markedDecoder(bytes, name);
    if (marked !== undefined) return marked(bytes, more);
    const decode = (lines: number) => decodeText(bytes, name, unpackedName, { offset, lines });
    try {
      return decode(0);
    } catch {
      return decode(await linesBefore(path, offset, size)); // says it again, with the right line
    }
  };
  const next = async (bytes: Uint8Array, more: boolean): Promise<string> => {
    const text = await decoded(bytes, more);
    offset += bytes.length;
    const part = begun ? text : text.replace(/^\ufeff+/, '');
    begun ||= part !== '';
    return part;
  };
  for await (const chunk of bytesOf(path, size)) {
    const bytes = kept.length === 0 ? chunk : Buffer.concat([kept, chunk]);
    const end = bytes.length < 4 ? 0 : marked === undefined ? wholeCharacters(bytes) : bytes.length;
    if (end > 0) yield await next(bytes.subarray(0, end), true);
    kept = bytes.subarray(end);
  }
  if (offset + kept.length === 0) throw new Error(`${name} is empty; expected a text`);
  if (kept.length > 0 || marked !== undefined) yield await next(kept, false);
}

/** Whether bytes begin as gzip does. */
export const isPacked = (bytes: Uint8Array): boolean => bytes[0] === 0x1f && bytes[1] === 0x8b;

/** The bytes of a file, or of standard input, unpacked if they are gzip. */
async function* bytesOf(path: string, size: number): AsyncGenerator<Uint8Array> {
  const stored = path === '-' ? process.stdin : createReadStream(path, { highWaterMark: size });
  let packed = false;
  try {
    const chunks: AsyncIterator<Uint8Array> = stored[Symbol.asyncIterator]();
    const { value: first, done } = await chunks.next();
    if (done) return;
    packed = isPacked(first);
    const all = async function* () {
      yield first;
      yield* { [Symbol.asyncIterator]: () => chunks };
    };
    yield* packed ? pipeline(all, createGunzip(), () => {}) : all();
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    if (packed && code?.startsWith('Z_')) throw new Error(`${nameOf(path)} is damaged gzip: ${message}`);
    attempt('read', path, () => {
      throw error;
    });
  }
}

const nameOf = (path: string): string => (path === '-' ? 'standard input' : path);

/** Some bytes of a file. */
export function bytesAt(path: string, offset: number, length: number): Buffer {
  const bytes = Buffer.alloc(length);
  const file = attempt('read', path, () => openSync(path, 'r'));
  try {
    return bytes.subarray(
      0,
      attempt('read', path, () => readSync(file, bytes, 0, length, offset)),
    );
  } finally {
    closeSync(file);
  }
}

async function linesBefore(path: string, offset: number, size: number): Promise<number> {
  let [lines, at] = [0, 0];
  for await (const bytes of bytesOf(path, size)) {
    for (const byte of bytes.subarray(0, offset - at)) if (byte === 0x0a) lines++;
    at += bytes.length;
    if (at >= offset) break;
  }
  return lines;
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
