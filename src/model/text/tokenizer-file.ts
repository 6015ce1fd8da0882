/** tokenizer.json of either kind: its decoder says which. ByteLevel turns the byte alphabet back into bytes, as only a
 * byte-level BPE needs it; Fuse joins the tokens as they are, as a character tokenizer does. */

import { isObject, show } from '../json.ts';
import { BpeTokenizer } from './bpe.ts';
import { CharTokenizer, type Tokenizer } from './tokenizer.ts';
import { onlyStep } from './tokenizer-json.ts';

/** Throws a RangeError of one line that starts with `source`, the path of the file. */
export function tokenizerFromJSON(value: unknown, source: string): Tokenizer {
  const decoder = isObject(value) ? onlyStep(value['decoder'], 'decoders') : undefined;
  const type = isObject(decoder) ? decoder['type'] : undefined;
  try {
    if (type === 'ByteLevel') return BpeTokenizer.fromJSON(value);
    if (!isObject(value) || type === 'Fuse') return CharTokenizer.fromJSON(value);
  } catch (error) {
    // The readers know the file by its name only; which folder it is in comes first.
    throw new RangeError((error as Error).message.replace(/^tokenizer\.json/, () => source));
  }
  throw new RangeError(
    `${source}: decoder.type: expected "Fuse" (a character tokenizer) or "ByteLevel" (a byte-level BPE), got ${show(type)}`,
  );
}
