/** From what --data and --val-data name to a corpus, its checksum, and what there is to say of it. */
import type { CorpusChoice, DocumentMode } from '../../train/corpus-choice.ts';
import { type Corpus, countCharacters, type Document } from '../../train/documents.ts';
import { counted } from '../../train/metrics.ts';
import { sha256 } from '../host/files.ts';
import { type NamedText, readTexts } from './files.ts';
import { isJsonLines, readJsonLines } from './json-lines.ts';

export interface ReadCorpus {
  readonly corpus: Corpus;
  readonly sha256: string;
  /** What to keep, so that the same corpus can be read again; undefined for one plain text. */
  readonly choice: CorpusChoice | undefined;
  /** Whether any of it was JSON lines. */
  readonly jsonLines: boolean;
  /** How much was read. */
  readonly summary: string;
  /** What was left out, and why. */
  readonly skipped: readonly string[];
}

/** How a corpus is named where there is room for one text. */
export const nameOf = ({ data }: Pick<CorpusChoice, 'data'>): string => data.join(', ');

/** How the corpus of a run is read, from what its state says: a choice, or else one plain text. */
export function choiceOf(
  { corpus, data }: { readonly data: string; readonly corpus?: CorpusChoice | undefined },
  instead: Partial<CorpusChoice> = {},
): [choice: CorpusChoice, plain: boolean] {
  return [{ ...(corpus ?? { data: [data] }), ...instead }, corpus === undefined];
}

export const readCorpusOf = (run: Parameters<typeof choiceOf>[0]): Promise<ReadCorpus> =>
  readCorpus(...choiceOf(run));

/** Where --documents is not given, texts of which one is JSON lines are documents, and others are one text.
 * @param plain what looks like JSON lines is a text like others, as it was for runs that kept no choice */
export async function readCorpus(choice: CorpusChoice, plain = false): Promise<ReadCorpus> {
  const { data, valData, field } = choice;
  const isRecords = ({ name }: NamedText) => !plain && (choice.documents === 'jsonl' || isJsonLines(name));
  const [learned, held] = [await readTexts(data), valData && (await readTexts(valData))];
  const jsonLines = [...learned.texts, ...(held?.texts ?? [])].some(isRecords);
  const documents = choice.documents ?? (jsonLines ? 'file' : 'none');
  const part = (texts: readonly NamedText[], paths: readonly string[]) => {
    const read = texts.flatMap((text): readonly Document[] =>
      isRecords(text) ? readJsonLines(text, field) : [text],
    );
    return partOf(read, documents, texts.length, nameOf({ data: paths }));
  };
  const training = part(learned.texts, data);
  const heldOut = held && valData && part(held.texts, valData);
  const all = [...training.documents, ...(heldOut?.documents ?? [])];
  const prompts = all.some(({ prompt }) => prompt !== undefined);
  if (choice.loss === 'completion' && !prompts) {
    throw new Error(
      `${nameOf(choice)} has no prompts; expected JSON lines with "prompt" and "completion" for --loss completion`,
    );
  }
  const loss = prompts ? (choice.loss ?? 'completion') : undefined;
  const corpus: Corpus = {
    documents: training.documents,
    heldOut: heldOut?.documents,
    ends: documents !== 'none',
    ...(loss === undefined ? {} : { loss }),
  };
  const isPlain = data.length === 1 && valData === undefined && documents === 'none' && !jsonLines;
  return {
    corpus,
    sha256: checksumOf(corpus),
    choice: isPlain ? undefined : { ...choice, documents, loss },
    jsonLines,
    summary: heldOut === undefined ? training.summary : `${training.summary}; held out: ${heldOut.summary}`,
    skipped: [...learned.skipped, ...(held?.skipped ?? []), ...training.skipped, ...(heldOut?.skipped ?? [])],
  };
}

/** The documents of one part, and what there is to say of them. */
function partOf(read: readonly Document[], mode: DocumentMode, files: number, name: string) {
  if (mode !== 'file' && mode !== 'jsonl' && read.some(({ prompt }) => prompt !== undefined)) {
    throw new Error(
      `${name} has prompts and completions, each pair a document; expected --documents file, got ${mode}`,
    );
  }
  const all = mode === 'none' ? [{ text: concatenated(read) }] : read.flatMap((one) => cut(one, mode));
  const documents = all.filter(({ text }) => text.trim() !== '');
  const empty = all.length - documents.length;
  if (documents.length === 0)
    throw new Error(`${name}: every text is empty; expected at least one character`);
  const characters = documents.reduce((sum, { text }) => sum + countCharacters(text), 0);
  return {
    documents,
    summary: [
      counted(files, 'file'),
      ...(mode === 'none' ? [] : [counted(documents.length, 'document')]),
      counted(characters, 'character'),
    ].join(', '),
    skipped: empty === 0 ? [] : [`${counted(empty, 'document')} of ${name} without a character`],
  };
}

/** One text of several; each begins on a line of its own. */
function concatenated(documents: readonly Document[]): string {
  return documents.reduce((all, { text }) => all + (all === '' || all.endsWith('\n') ? '' : '\n') + text, '');
}

/** Lines and blocks that are empty separate others and are nothing themselves. */
function cut(document: Document, mode: DocumentMode): Document[] {
  const { text } = document;
  if (mode !== 'lines' && mode !== 'blocks') return [document];
  const pieces = mode === 'lines' ? text.split('\n') : text.split(/\n(?:[^\S\n]*\n){2,}/);
  return pieces
    .map((piece) => ({ text: piece.replace(/^(?:[^\S\n]*\n)+/, '').trimEnd() }))
    .filter((piece) => piece.text !== '');
}

/** Of one text its own; of documents and of two parts that of all texts, apart. */
function checksumOf({ documents, heldOut, ends }: Corpus): string {
  if (heldOut === undefined && !ends) return sha256(documents[0]!.text);
  const line = (part: number) => (document: Document) =>
    `${JSON.stringify([part, document.text, document.prompt])}\n`;
  return sha256([...documents.map(line(0)), ...(heldOut ?? []).map(line(1))].join(''));
}
