/** Files as one tar archive (POSIX ustar), which every system can open; nothing in it depends on the time.
 *
 * Each file is a block of 512 bytes that says its name and length, then its content, filled up to whole blocks. */
const block = 512;

export function tar(files: ReadonlyMap<string, Uint8Array>): Uint8Array {
  const pieces = [...files].flatMap(([name, bytes]) => [
    header(name, bytes.length),
    bytes,
    new Uint8Array((block - (bytes.length % block)) % block),
  ]);
  pieces.push(new Uint8Array(2 * block));
  const archive = new Uint8Array(pieces.reduce((sum, piece) => sum + piece.length, 0));
  let at = 0;
  for (const piece of pieces) {
    archive.set(piece, at);
    at += piece.length;
  }
  return archive;
}

function header(name: string, size: number): Uint8Array {
  const bytes = new Uint8Array(block);
  const write = (text: string, at: number) => bytes.set(new TextEncoder().encode(text), at);
  const octal = (n: number, digits: number) => `${n.toString(8).padStart(digits, '0')}\0`;
  if (new TextEncoder().encode(name).length > 100) throw new RangeError(`tar: the name ${name} is too long`);
  write(name, 0);
  write(octal(0o644, 7), 100);
  write(octal(0, 7), 108); // owner
  write(octal(0, 7), 116); // group
  write(octal(size, 11), 124);
  write(octal(0, 11), 136); // time
  write(' '.repeat(8), 148); // the sum is taken with spaces in its place
  write('0', 156); // a plain file
  write('ustar\x0000', 257);
  const sum = bytes.reduce((total, byte) => total + byte, 0);
  write(`${octal(sum, 6)} `, 148);
  return bytes;
}
