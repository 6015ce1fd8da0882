/** Reads JSON lines: a JSON object a line, each with a document as its field "text" or another, or in two parts, "prompt" and
 * "completion". */
import { isObject, quote, show } from '../../model/json.ts';
import { normalizeText } from '../../model/text/tokenizer.ts';
import type { Document } from '../../train/documents.ts';

export const isJsonLines = (name: string): boolean => /\.(jsonl|ndjson)(\.gz)?$/i.test(name);

/** The documents, empty ones too; empty lines are none. An error names the line. @param first the number of the first line */
export function readJsonLines(name: string, text: string, field: string | undefined, first = 1): Document[] {
  return text
    .split('\n')
    .map((line, i) => [line, `${name} line ${first + i}`] as const)
    .filter(([line]) => line.trim() !== '')
    .map(([line, where]) => readDocument(line, where, field));
}

function readDocument(line: string, where: string, field: string | undefined): Document {
  let value: unknown;
  try {
    value = JSON.parse(line);
  } catch {
    throw new Error(`${where}: expected a JSON object in one line, got ${quote(line)}`);
  }
  if (!isObject(value)) throw new Error(`${where}: expected a JSON object, got ${show(value)}`);
  if (field === undefined && value['text'] === undefined && ('prompt' in value || 'completion' in value)) {
    const prompt = textIn(value, 'prompt', where);
    return { prompt, text: textIn(value, 'completion', where), where };
  }
  const hint =
    field === undefined ? ', or as "prompt" and "completion"; --field NAME says where else the text is' : '';
  return { text: textIn(value, field ?? 'text', where, hint) };
}

function textIn(record: Record<string, unknown>, field: string, where: string, hint = ''): string {
  const value = record[field];
  if (typeof value !== 'string') {
    const got =
      value === undefined ? `only ${Object.keys(record).map(quote).join(', ') || 'nothing'}` : show(value);
    throw new Error(`${where}: expected a text as ${quote(field)}${hint}; got ${got}`);
  }
  if (/\p{Surrogate}/u.test(value)) {
    throw new Error(`${where}: ${quote(field)} holds half a surrogate pair; expected whole characters`);
  }
  return normalizeText(value);
}
