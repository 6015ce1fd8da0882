/** What a text is cut into: its characters, and the pieces that BPE learns from it merge by merge. */
import { BpeTokenizer } from '../../model/text/bpe.ts';
import { escapeBytes } from '../../model/text/bpe-bytes.ts';
import { bpeOf, learnMerges } from '../../model/text/bpe-train.ts';
import { CharTokenizer, normalizeText, type Tokenizer } from '../../model/text/tokenizer.ts';
import type { Calls } from './protocol.ts';

type Answer<K extends keyof Calls> = (given: Calls[K][0]) => Calls[K][1];

/** The text of each id; bytes that are no whole character as `escapeBytes` writes them. */
export function tokenTexts(tokenizer: Tokenizer, ids: Iterable<number>): string[] {
  const piece =
    tokenizer instanceof BpeTokenizer
      ? (id: number) => escapeBytes(tokenizer.decodeBytes([id]))
      : (id: number) => tokenizer.decode([id]);
  return Array.from(ids, piece);
}

const allOf = (tokenizer: Tokenizer) => tokenTexts(tokenizer, Array(tokenizer.vocabSize).keys());

export const vocabularies: Answer<'vocabularies'> = ({ text, most }) => {
  const normal = normalizeText(text);
  const { merges, counts } = learnMerges(normal, most);
  const characters = normal === '' ? [] : allOf(CharTokenizer.train(normal));
  return { characters, pieces: allOf(bpeOf(merges)), merges, counts };
};

export const mergeAll: Answer<'mergeAll'> = ({ text, merges }) => bpeOf(merges).encode(normalizeText(text));
