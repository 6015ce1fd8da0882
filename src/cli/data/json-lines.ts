/** Reads JSON lines: a JSON object a line, each with a document as its field "text" or another. */
import { isObject, quote, show } from '../../model/json.ts';
import { normalizeText } from '../../model/text/tokenizer.ts';
import type { Document } from '../../train/documents.ts';
import type { NamedText } from './files.ts';

export const isJsonLines = (name: string): boolean => /\.(jsonl|ndjson)(\.gz)?$/i.test(name);

/** The documents, empty ones too; empty lines are none. An error names the line. */
export function readJsonLines({ name, text }: NamedText, field: string | undefined): Document[] {
  const documents = text
    .split('\n')
    .map((line, i) => [line, `${name} line ${i + 1}`] as const)
    .filter(([line]) => line.trim() !== '')
    .map(([line, where]) => readDocument(line, where, field));
  if (documents.length === 0) throw new Error(`${name} holds no document; expected one JSON object a line`);
  return documents;
}

function readDocument(line: string, where: string, field: string | undefined): Document {
  let value: unknown;
  try {
    value = JSON.parse(line);
  } catch {
    throw new Error(`${where}: expected a JSON object in one line, got ${quote(line)}`);
  }
  if (!isObject(value)) throw new Error(`${where}: expected a JSON object, got ${show(value)}`);
  return { text: textIn(value, field ?? 'text', where, field === undefined) };
}

function textIn(record: Record<string, unknown>, field: string, where: string, byDefault: boolean): string {
  const value = record[field];
  if (typeof value !== 'string') {
    const got =
      value === undefined ? `only ${Object.keys(record).map(quote).join(', ') || 'nothing'}` : show(value);
    const hint = byDefault ? '; --field NAME says where the text is' : '';
    throw new Error(`${where}: expected a text as ${quote(field)}, got ${got}${hint}`);
  }
  if (/\p{Surrogate}/u.test(value)) {
    throw new Error(`${where}: ${quote(field)} holds half a surrogate pair; expected whole characters`);
  }
  return normalizeText(value);
}
