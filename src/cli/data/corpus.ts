/** From what --data and --val-data name to a corpus, its checksum, and the lines that say what was read. */
import { type Corpus, type CorpusChoice, countCharacters, type Document } from '../../train/documents.ts';
import { counted } from '../../train/metrics.ts';
import { sha256 } from '../host/files.ts';
import { readTexts } from './files.ts';
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

/** The corpus of a run, from what its state says: a choice, or else one plain text. */
export function readCorpusOf(
  { corpus, data }: { readonly data: string; readonly corpus?: CorpusChoice | undefined },
  instead: Partial<CorpusChoice> = {},
): Promise<ReadCorpus> {
  return readCorpus({ ...(corpus ?? { data: [data] }), ...instead }, corpus === undefined);
}

/** @param plain what looks like JSON lines is a text like others, as it was for runs that kept no choice */
export async function readCorpus(choice: CorpusChoice, plain = false): Promise<ReadCorpus> {
  const { data, valData, field } = choice;
  const learned = await readPart(data, field, plain);
  const held = valData === undefined ? undefined : await readPart(valData, field, plain);
  const corpus = { documents: learned.documents, heldOut: held?.documents };
  const jsonLines = learned.jsonLines || held?.jsonLines === true;
  const isPlain = data.length === 1 && valData === undefined && !jsonLines;
  return {
    corpus,
    sha256: checksumOf(corpus),
    jsonLines,
    choice: isPlain ? undefined : choice,
    summary: held === undefined ? learned.summary : `${learned.summary}, and to hold out ${held.summary}`,
    skipped: [...learned.skipped, ...(held?.skipped ?? [])],
  };
}

interface Part {
  readonly documents: readonly Document[];
  readonly jsonLines: boolean;
  readonly summary: string;
  readonly skipped: readonly string[];
}

async function readPart(paths: readonly string[], field: string | undefined, plain: boolean): Promise<Part> {
  const { texts, skipped } = await readTexts(paths);
  const jsonLines = texts.some(({ name }) => !plain && isJsonLines(name));
  const documents = texts.flatMap((text): Document[] =>
    !plain && isJsonLines(text.name) ? readJsonLines(text, field) : [text],
  );
  const text = concatenated(documents);
  if (text === '')
    throw new Error(`${paths.join(', ')}: every text is empty; expected at least one character`);
  const characters = counted(countCharacters(text), 'character');
  return {
    documents: [{ text }],
    jsonLines,
    summary: `${counted(texts.length, 'file')}, ${characters}`,
    skipped,
  };
}

/** One text of several; each begins on a line of its own. */
function concatenated(documents: readonly Document[]): string {
  return documents.reduce((all, { text }) => all + (all === '' || all.endsWith('\n') ? '' : '\n') + text, '');
}

/** Of one text its own; of parts and documents that of all of them, apart. */
function checksumOf({ documents, heldOut }: Corpus): string {
  if (heldOut === undefined && documents.length === 1) return sha256(documents[0]!.text);
  const line = (part: number) => (document: Document) => `${JSON.stringify([part, document.text])}\n`;
  return sha256([...documents.map(line(0)), ...(heldOut ?? []).map(line(1))].join(''));
}
