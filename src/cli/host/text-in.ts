/** Standard input as a text. */
import { fstatSync } from 'node:fs';
import { decodeText } from './decode.ts';

/** Whether standard input is a file or a pipe, and not a terminal or closed. */
export function isPiped(): boolean {
  try {
    const input = fstatSync(0);
    return input.isFIFO() || input.isFile();
  } catch {
    return false; // closed
  }
}

/** All of standard input, as UTF-8. */
export async function readInput(): Promise<string> {
  const chunks: Uint8Array[] = [];
  for await (const chunk of process.stdin) chunks.push(chunk as Uint8Array);
  return decodeText(Buffer.concat(chunks), 'standard input', '-');
}
