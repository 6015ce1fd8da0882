/** tokenizer.json of either kind: its decoder says which. ByteLevel turns the byte alphabet back into bytes, as only a
 * byte-level BPE needs it; Fuse joins the tokens as they are, as a character tokenizer does. */
import { BpeTokenizer } from './bpe.ts';
import { isObject, show } from './json.ts';
import { CharTokenizer, type Tokenizer } from './tokenizer.ts';

/** Throws a RangeError of one line that starts with `source`, the path of the file. */
export function tokenizerFromJSON(value: unknown, source: string): Tokenizer {
  const decoder = isObject(value) ? value['decoder'] : undefined;
  const type = isObject(decoder) ? decoder['type'] : undefined;
  if (type === 'ByteLevel') return readBpe(value, source);
  if (!isObject(value) || type === 'Fuse') return CharTokenizer.fromJSON(value, source);
  throw new RangeError(
    `${source}: decoder.type: expected "Fuse" (a character tokenizer) or "ByteLevel" (a byte-level BPE), got ${show(type)}`,
  );
}

/** The reader knows the file by its name only; which folder it is in comes first. */
function readBpe(value: unknown, source: string): BpeTokenizer {
  try {
    return BpeTokenizer.fromJSON(value);
  } catch (error) {
    throw new RangeError((error as Error).message.replace(/^tokenizer\.json/, () => source));
  }
}
