/** From the text of a file, whole or in pieces, to the documents in it. */
import { constants } from 'node:buffer';
import type { CorpusChoice } from '../../train/corpus-choice.ts';
import type { Document } from '../../train/documents.ts';
import { readJsonLines } from './json-lines.ts';

/** What is known of a file before it is read. */
export interface Cut extends Pick<CorpusChoice, 'documents' | 'field'> {
  /** Whether it has a JSON object in each line. */
  readonly isRecords: boolean;
}

/** The documents, empty ones too. However the text is cut into pieces, they are the same. */
export async function* documentsIn(
  name: string,
  pieces: Iterable<string> | AsyncIterable<string>,
  { documents = 'none', field, isRecords }: Cut,
): AsyncGenerator<Document> {
  let [text, looked, line, some] = ['', 0, 1, false];
  const taken = (part: string): Document[] => {
    const read = isRecords ? readJsonLines(name, part, field, line) : [{ text: part }];
    if (isRecords) line += part.split('\n').length - 1;
    some ||= read.length > 0;
    if (documents !== 'file' && documents !== 'jsonl' && read.some(({ prompt }) => prompt !== undefined)) {
      throw new Error(
        `${name} has prompts and completions, each pair a document; expected --documents file, got ${documents}`,
      );
    }
    return read.flatMap((document) => cut(document, documents));
  };
  for await (const piece of pieces) {
    if (text.length + piece.length > constants.MAX_STRING_LENGTH) {
      const most = Math.floor(constants.MAX_STRING_LENGTH / 1e6);
      throw new Error(
        `${name}: a document is too long; expected at most ${most} MB in each; choose other --documents`,
      );
    }
    text += piece;
    if (text.length < 2 * looked) continue; // a long document is looked through a few times only
    const end = lastBorder(text, isRecords ? 'lines' : documents);
    looked = end === 0 ? text.length : 0;
    if (end === 0) continue;
    yield* taken(text.slice(0, end));
    text = text.slice(end);
  }
  yield* taken(text);
  if (!some) throw new Error(`${name} holds no document; expected one JSON object a line`);
}

const separator = /\n(?:[^\S\n]*\n){2,}/g;

/** Where the last document of a text begins that may go on; 0 if that is the first one. */
function lastBorder(text: string, mode: Cut['documents']): number {
  if (mode === 'lines') return text.lastIndexOf('\n') + 1;
  let end = 0;
  if (mode === 'blocks')
    for (const { index, 0: found } of text.matchAll(separator)) end = index + found.length;
  return end;
}

/** Lines and blocks that are empty separate others and are nothing themselves. */
function cut(document: Document, mode: Cut['documents']): Document[] {
  const { text } = document;
  if (mode !== 'lines' && mode !== 'blocks') return [document];
  return text
    .split(mode === 'lines' ? '\n' : separator)
    .map((piece) => ({ text: piece.replace(/^(?:[^\S\n]*\n)+/, '').trimEnd() }))
    .filter((piece) => piece.text !== '');
}
