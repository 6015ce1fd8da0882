/** tokenizer.json of either kind; its decoder says which. ByteLevel turns the byte alphabet back into bytes, so it is a
 * byte-level BPE; Fuse joins the tokens as they are, so it is a character tokenizer. */

import { isObject, show } from '../json.ts';
import { BpeTokenizer } from './bpe.ts';
import { CharTokenizer, type Tokenizer } from './tokenizer.ts';
import { endOfTextName, onlyStep, writeAddedTokens, writeEndOfText } from './tokenizer-json.ts';

/** Throws a RangeError of one line that starts with `source`, the path of the file. */
export function tokenizerFromJSON(value: unknown, source: string): Tokenizer {
  const decoder = isObject(value) ? onlyStep(value['decoder'], 'decoders') : undefined;
  const type = isObject(decoder) ? decoder['type'] : undefined;
  try {
    if (type === 'ByteLevel') return BpeTokenizer.fromJSON(value);
    if (!isObject(value) || type === 'Fuse') return CharTokenizer.fromJSON(value);
  } catch (error) {
    // The readers know only the name of the file; the error begins with its whole path.
    throw new RangeError((error as Error).message.replace(/^tokenizer\.json/, () => source));
  }
  throw new RangeError(
    `${source}: decoder.type: expected "Fuse" (a character tokenizer) or "ByteLevel" (a byte-level BPE), got ${show(type)}`,
  );
}

/** The same tokenizer for a model that knows documents: texts begin with the end-of-text token. Without such a token it gets
 * one, with the next id. */
export function withEndOfText(tokenizer: Tokenizer): Tokenizer {
  if (tokenizer.endOfText !== undefined) return tokenizer;
  const id = tokenizer.added.get(endOfTextName) ?? tokenizer.vocabSize;
  const added_tokens = writeAddedTokens(new Map([...tokenizer.added, [endOfTextName, id]]));
  return tokenizerFromJSON(
    { ...tokenizer.toJSON(), added_tokens, post_processor: writeEndOfText(id) },
    'tokenizer.json',
  );
}
