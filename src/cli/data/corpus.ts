/** From what --data and --val-data name to a corpus, its checksum, and what there is to say of it. */
import { createHash } from 'node:crypto';
import type { CorpusChoice, DocumentMode } from '../../train/corpus-choice.ts';
import { type Corpus, countCharacters, type Document, wholeOf } from '../../train/documents.ts';
import { counted } from '../../train/metrics.ts';
import { checkLength } from '../host/decode.ts';
import { documentsIn } from './cut.ts';
import { textFiles } from './files.ts';
import { isJsonLines } from './json-lines.ts';
import { textPieces } from './pieces.ts';

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

/** Whether a file has a JSON object in each line. @param plain what looks like JSON lines is a text like others, as it was for
 * runs that kept no choice */
export function isRecords(choice: CorpusChoice, plain: boolean, path: string): boolean {
  return !plain && (choice.documents === 'jsonl' || isJsonLines(path));
}

/** Where --documents is not given, texts of which one is JSON lines are documents, and others are one text. */
export const documentsOf = (choice: CorpusChoice, jsonLines: boolean): DocumentMode =>
  choice.documents ?? (jsonLines ? 'file' : 'none');

/** What is learned, or what is held out. */
export interface Part {
  readonly characters: number;
  /** Its documents, without empty ones; of one text, its pieces. */
  readonly read: () => AsyncGenerator<Document>;
}
/** Looks at a document, or a piece of one text. */
type Look = (document: Document, part: number) => void;

/** Reads all of a choice once. */
export async function survey(choice: CorpusChoice, plain: boolean, look: Look) {
  const { data, valData, field } = choice;
  const both = valData ? [data, valData] : [data];
  if (both.flat().filter((path) => path === '-').length > 1)
    throw new Error('standard input can be read only once');
  const skipped: string[] = [];
  const files: string[][] = [];
  for (const paths of both) files.push(await textFiles(paths, skipped));
  const isJson = (path: string) => isRecords(choice, plain, path);
  const jsonLines = files.flat().some(isJson);
  const mode = documentsOf(choice, jsonLines);
  const isText = mode === 'none';
  const hash = createHash('sha256');
  const [parts, summaries]: [Part[], string[]] = [[], []];
  let prompts = false;
  for (const [part, paths] of files.entries()) {
    let empty = 0;
    const isPieces = isText && !jsonLines;
    const read = () =>
      isPieces ? piecesOf(paths) : documentsFrom(paths, isJson, { documents: mode, field }, () => empty++);
    // Of one text the checksum is its own, of two it is that of JSON strings, as it is of documents.
    const isString = isText && both.length > 1;
    let [documents, characters] = [0, 0];
    if (isString) hash.update(`[${part},"`);
    for await (const document of read()) {
      const { text, prompt } = document;
      const line = () => `${JSON.stringify([part, text, prompt])}\n`;
      hash.update(isString ? JSON.stringify(text).slice(1, -1) : isText ? text : line());
      if (text.trim() !== '') documents++;
      characters += countCharacters(wholeOf(document));
      prompts ||= prompt !== undefined;
      look(document, part);
    }
    if (isString) hash.update('",null]\n');
    const name = nameOf({ data: both[part]! });
    if (documents === 0) throw new Error(`${name}: every text is empty; expected at least one character`);
    const some = [
      counted(paths.length, 'file'),
      counted(documents, 'document'),
      counted(characters, 'character'),
    ];
    summaries.push(some.filter((_, i) => !isText || i !== 1).join(', '));
    if (empty > 0) skipped.push(`${counted(empty, 'document')} of ${name} without a character`);
    parts.push({ characters, read });
  }
  const loss = prompts ? (choice.loss ?? 'completion') : undefined;
  const isPlain = data.length === 1 && valData === undefined && isText && !jsonLines;
  return {
    parts,
    isText,
    corpus: { ends: !isText, ...(loss === undefined ? {} : { loss }) },
    sha256: hash.digest('hex'),
    choice: isPlain ? undefined : { ...choice, documents: mode, loss },
    jsonLines,
    summary: summaries.join('; held out: '),
    skipped,
  };
}

async function* piecesOf(paths: readonly string[]): AsyncGenerator<Document> {
  for await (const text of textPieces(paths)) yield { text };
}

/** Without empty ones; if they are to be one text, each on a line of its own. */
async function* documentsFrom(
  paths: readonly string[],
  isJson: (path: string) => boolean,
  way: Pick<CorpusChoice, 'documents' | 'field'>,
  onEmpty: () => void,
): AsyncGenerator<Document> {
  let before = '\n';
  for (const path of paths) {
    const pieces = textPieces([path]);
    for await (const document of documentsIn(path, pieces, { ...way, isRecords: isJson(path) })) {
      if (way.documents === 'none') {
        const text = (before.endsWith('\n') ? '' : '\n') + document.text;
        before = text || before;
        yield { text };
      } else if (document.text.trim() !== '') yield document;
      else onEmpty();
    }
  }
}

/** Into memory. */
export async function readCorpus(choice: CorpusChoice, plain = false): Promise<ReadCorpus> {
  const read: Document[][] = [[], []];
  let units = 0;
  const { parts, isText, corpus, ...about } = await survey(choice, plain, (document, part) => {
    read[part]!.push(document);
    units += document.text.length;
    checkLength(units, nameOf(choice));
  });
  const joined = (all: readonly Document[]) => [{ text: all.map(({ text }) => text).join('') }];
  const [documents, heldOut] = read.map((all) => (isText ? joined(all) : all)) as [Document[], Document[]];
  return { ...about, corpus: { documents, heldOut: parts.length > 1 ? heldOut : undefined, ...corpus } };
}
