import { alphabet, alphabetOrder } from '../../../src/model/text/bpe-bytes.ts';

export interface Content {
  added_tokens: { id: unknown; content: unknown; special?: unknown }[];
  normalizer: unknown;
  pre_tokenizer: unknown;
  post_processor: unknown;
  decoder: unknown;
  model: Record<string, unknown>;
}

export const stringMerges = ['Ġ t', 'Ġt h'];
export const arrayMerges = [
  ['Ġ', 't'],
  ['Ġt', 'h'],
];

/** The layout of GPT-2's published tokenizer.json with two merges instead of 50,000: neither model.type nor use_regex,
 * which are younger, and the added token within the vocabulary. */
export function gpt2Layout(merges: readonly unknown[]): Content {
  const tokens = [...alphabetOrder.map((byte) => alphabet[byte]), 'Ġt', 'Ġth', '<|endoftext|>'];
  const endOfText = { id: 258, special: true, content: '<|endoftext|>', single_word: false, lstrip: false };
  const content = {
    version: '1.0',
    truncation: null,
    padding: null,
    added_tokens: [{ ...endOfText, rstrip: false, normalized: false }],
    normalizer: null,
    pre_tokenizer: { type: 'ByteLevel', add_prefix_space: false, trim_offsets: true },
    post_processor: { type: 'ByteLevel', add_prefix_space: true, trim_offsets: false },
    decoder: { type: 'ByteLevel', add_prefix_space: true, trim_offsets: true },
    model: {
      dropout: null,
      unk_token: null,
      continuing_subword_prefix: '',
      end_of_word_suffix: '',
      fuse_unk: false,
      vocab: Object.fromEntries(tokens.map((token, id) => [token, id])),
      merges,
    },
  };
  return structuredClone(content);
}
