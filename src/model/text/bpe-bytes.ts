/** Bytes as text, two ways, both without loss.
 *
 * The alphabet of GPT-2 writes every byte as one visible character, so that tokens can stand in a JSON file: the 188
 * printable characters of Latin-1 stand for themselves, and U+0100, U+0101, ... stand for the other 68 bytes in order
 * (control characters, the space, the no-break space, the soft hyphen). A space is written Ġ, a newline Ċ.
 *
 * The escape of PEP 383 reads bytes as UTF-8 and keeps those that are not UTF-8: such a byte b becomes the lone surrogate
 * U+DC00 + b. Valid UTF-8 never holds a surrogate, so it decodes as usual, and every string of bytes has exactly one escaped
 * text. */

const utf8Encoder = new TextEncoder();
const utf8Decoder = new TextDecoder('utf-8', { ignoreBOM: true }); // a byte order mark is text, not to be dropped
const loneSurrogate = /\p{Surrogate}/u;
const everyLoneSurrogate = /\p{Surrogate}/gu;

function isPrintable(byte: number): boolean {
  return (byte >= 0x21 && byte <= 0x7e) || (byte >= 0xa1 && byte !== 0xad);
}

/** alphabet[byte] is its character. */
export const alphabet: readonly string[] = makeAlphabet();
const byteOfCharacter = new Map(alphabet.map((character, byte) => [character, byte]));

/** All bytes in the order of their characters: byte `alphabetOrder[i]` is token i of GPT-2, and of what we train. */
export const alphabetOrder: readonly number[] = alphabet
  .map((_, byte) => byte)
  .sort((a, b) => alphabet[a].charCodeAt(0) - alphabet[b].charCodeAt(0));

function makeAlphabet(): string[] {
  let others = 0;
  return Array.from({ length: 256 }, (_, byte) =>
    String.fromCharCode(isPrintable(byte) ? byte : 0x100 + others++),
  );
}

/** The bytes that `text` writes, or undefined if one of its characters is not in the alphabet. */
export function fromAlphabet(text: string): Uint8Array | undefined {
  const bytes = new Uint8Array(text.length);
  for (let i = 0; i < text.length; i++) {
    const byte = byteOfCharacter.get(text[i]);
    if (byte === undefined) return undefined;
    bytes[i] = byte;
  }
  return bytes;
}

/** UTF-8, as TextEncoder gives it: a lone surrogate becomes U+FFFD. */
export function toUtf8(text: string): Uint8Array {
  return utf8Encoder.encode(text);
}

/** The text of UTF-8 bytes; what is not UTF-8 becomes U+FFFD. */
export function fromUtf8(bytes: Uint8Array): string {
  return utf8Decoder.decode(bytes);
}

/** Every lone surrogate becomes U+FFFD: the text that its own UTF-8 decodes to. */
export function toWellFormed(text: string): string {
  return loneSurrogate.test(text) ? text.replace(everyLoneSurrogate, '\ufffd') : text;
}

export function escapeBytes(bytes: Uint8Array): string {
  let text = '';
  let start = 0; // of the valid run that ends at i
  for (let i = 0; i < bytes.length; ) {
    const length = sequenceLength(bytes, i);
    if (length > 0) {
      i += length;
      continue;
    }
    if (start < i) text += fromUtf8(bytes.subarray(start, i));
    text += String.fromCharCode(0xdc00 + bytes[i]);
    start = ++i;
  }
  return text + fromUtf8(bytes.subarray(start));
}

/** Undoes `escapeBytes`. */
export function unescapeBytes(text: string): Uint8Array {
  if (!loneSurrogate.test(text)) return toUtf8(text);
  const bytes: number[] = [];
  for (const character of text) {
    const code = character.codePointAt(0)!;
    if (code >= 0xdc80 && code <= 0xdcff) bytes.push(code - 0xdc00);
    else bytes.push(...toUtf8(character));
  }
  return Uint8Array.from(bytes);
}

/** The text of bytes for people: a byte that is not UTF-8 is written <0xE2>. */
export function displayBytes(bytes: Uint8Array): string {
  return escapeBytes(bytes).replace(everyLoneSurrogate, (c) => `<${hexByte(c.charCodeAt(0) - 0xdc00)}>`);
}

export function hexByte(byte: number): string {
  return `0x${byte.toString(16).toUpperCase().padStart(2, '0')}`;
}

/** Length of the well-formed UTF-8 sequence at i, or 0 (The Unicode Standard, table 3-7: no overlong forms, no
 * surrogates, nothing above U+10FFFF; only the second byte's range depends on the first). */
function sequenceLength(bytes: Uint8Array, i: number): number {
  const first = bytes[i];
  if (first < 0x80) return 1;
  if (first < 0xc2 || first > 0xf4) return 0;
  const length = first < 0xe0 ? 2 : first < 0xf0 ? 3 : 4;
  if (i + length > bytes.length) return 0;
  const lowest = first === 0xe0 ? 0xa0 : first === 0xf0 ? 0x90 : 0x80;
  const highest = first === 0xed ? 0x9f : first === 0xf4 ? 0x8f : 0xbf;
  if (bytes[i + 1] < lowest || bytes[i + 1] > highest) return 0;
  for (let k = 2; k < length; k++) if ((bytes[i + k] & 0xc0) !== 0x80) return 0;
  return length;
}
