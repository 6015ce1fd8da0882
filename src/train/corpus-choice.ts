/** Where the texts of a corpus are, and how they are read: kept with a run, so that it can go on. */
import { isObject, show } from '../model/json.ts';

/** What a document is: nothing, all is one text; a file, or a line of a .jsonl; a line; what two or more empty lines
 * separate; a line of JSON, whatever the names of the files are. */
export const documentModes = ['none', 'file', 'lines', 'blocks', 'jsonl'] as const;
export type DocumentMode = (typeof documentModes)[number];

/** Which tokens of a document with a prompt are learned. */
export const losses = ['all', 'completion'] as const;
export type Loss = (typeof losses)[number];

export interface CorpusChoice {
  /** Files, folders, or - for standard input. */
  readonly data: readonly string[];
  /** The same, for what is held out. */
  readonly valData?: readonly string[] | undefined;
  readonly documents?: DocumentMode | undefined;
  /** Where JSON lines have the text. */
  readonly field?: string | undefined;
  /** Only where there are prompts. */
  readonly loss?: Loss | undefined;
}

/** What keeps a value of unknown origin from being a choice. */
export function faultInChoice(value: unknown): string | undefined {
  if (!isObject(value)) return `expected an object, got ${show(value)}`;
  const { data, valData = ['none'], documents = 'none', field = '', loss = 'all' } = value;
  for (const [name, list] of Object.entries({ data, valData })) {
    const named = Array.isArray(list) && list.length > 0 && list.every((path) => typeof path === 'string');
    if (!named) return `${name}: expected a list of texts, got ${show(list)}`;
  }
  if (!(documentModes as readonly unknown[]).includes(documents)) {
    return `documents: expected one of ${documentModes.join(', ')}, got ${show(documents)}`;
  }
  if (!(losses as readonly unknown[]).includes(loss)) {
    return `loss: expected one of ${losses.join(', ')}, got ${show(loss)}`;
  }
  return typeof field === 'string' ? undefined : `field: expected a text, got ${show(field)}`;
}
