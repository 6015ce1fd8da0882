/** The first pass over texts that are too large to be held: their checksum, their characters, what is held out of them, and enough
 * of their beginning to learn a tokenizer on. */
import type { CorpusChoice, DocumentMode } from '../../train/corpus-choice.ts';
import { cutAt, type Document, firstCharacters, KeySizes, keyOf } from '../../train/documents.ts';
import { type Part, type ReadCorpus, survey } from './corpus.ts';
import type { FileNote } from './token-file.ts';

/** How many characters BPE is learned on at most: the first ones, of so many documents, and of each no more than a part of that. */
const learnedCharacters = 1 << 25;
const learnedDocuments = 1 << 19;
const learnedOfDocument = learnedCharacters / 16;

export interface LargeText {
  /** One, a part of which is held out, or two. */
  readonly parts: readonly Part[];
  /** As they were before they were read. */
  readonly files: readonly FileNote[];
  /** The keys of the documents that are held out, where these are documents in one part. */
  readonly held: ReadonlySet<number> | undefined;
}
/** The corpus of a large text is its beginning and each of its characters once, enough to learn a tokenizer. */
export type ReadText = ReadCorpus & { readonly large?: LargeText };

export async function scan(
  choice: CorpusChoice,
  mode: DocumentMode,
  plain: boolean,
  files: readonly FileNote[],
): Promise<ReadText> {
  const isText = mode === 'none';
  const alphabet = new Alphabet();
  const sizes = new KeySizes();
  const beginning: { readonly document: Document; readonly key: number }[] = [];
  let learned = 0;
  const { parts, corpus, ...about } = await survey(choice, plain, (document, part) => {
    const { text, prompt = '' } = document;
    alphabet.add(text);
    alphabet.add(prompt);
    if (part > 0) return;
    if (!isText) sizes.add(document);
    if (learned >= learnedCharacters || (!isText && beginning.length >= learnedDocuments)) return;
    const some = { ...document, text: firstCharacters(text, learnedOfDocument) };
    learned += some.text.length + prompt.length;
    beginning.push({ document: some, key: isText ? 0 : keyOf(document) });
  });
  const isOne = parts.length === 1;
  const held = isOne && !isText ? sizes.heldOut() : undefined;
  const documents = beginning.filter(({ key }) => !held?.has(key)).map(({ document }) => document);
  const most = Math.min(learnedCharacters, isOne ? cutAt(parts[0]!.characters) : learnedCharacters);
  const text = () => firstCharacters(documents.map((piece) => piece.text).join(''), most);
  return {
    ...about,
    corpus: {
      documents: isText ? [{ text: text() }] : documents,
      heldOut: [{ text: alphabet.text() }],
      ...corpus,
    },
    summary: `${about.summary}, read in pieces`,
    large: { parts, held, files },
  };
}

/** The code points of texts. */
class Alphabet {
  readonly #seen = new Uint8Array(0x110000);

  add(text: string): void {
    for (let i = 0; i < text.length; i++) {
      const code = text.charCodeAt(i);
      this.#seen[(code & 0xfc00) === 0xd800 ? text.codePointAt(i++)! : code] = 1;
    }
  }

  /** Each once. */
  text(): string {
    const all: string[] = [];
    for (const [code, is] of this.#seen.entries()) if (is === 1) all.push(String.fromCodePoint(code));
    return all.join('');
  }
}
