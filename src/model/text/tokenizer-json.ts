/** What the files of both kinds of tokenizer have in common: Hugging Face's tokenizer.json, its fields checked by name.
 *
 * Other software writes steps that change nothing: a Sequence of one step, a template that adds nothing to a text, or cutting
 * and padding that a call once asked for. `withoutIdleSteps` removes them, so that the readers see only the plain form. Null and
 * absent mean what they mean in the tokenizers library (0.23). */
import { escapeUnseen, isObject } from '../json.ts';

export type Fields = Readonly<Record<string, unknown>>;

/** How both kinds write the beginning of their model: BPE, and none of the library's options. */
export const plainBpe = {
  type: 'BPE',
  dropout: null,
  unk_token: null,
  continuing_subword_prefix: null,
  end_of_word_suffix: null,
  fuse_unk: false,
  byte_fallback: false,
  ignore_merges: false,
} as const;

/** The same file in its plain form. Throws if a post-processor would change anything. */
export function withoutIdleSteps(file: Fields): Fields {
  // Each call asks for cutting and padding by itself.
  const { truncation: _truncation, padding: _padding, post_processor: postProcessor, ...rest } = file;
  if (!addsNothing(postProcessor) && !isTemplate(postProcessor)) {
    fail('post_processor', 'one that adds no token', postProcessor);
  }
  return {
    ...rest,
    normalizer: onlyStep(file['normalizer'], 'normalizers'),
    pre_tokenizer: onlyStep(file['pre_tokenizer'], 'pretokenizers'),
    decoder: onlyStep(file['decoder'], 'decoders'),
  };
}

/** A Sequence of one step is that step, and of none is null. */
export function onlyStep(step: unknown, key: string): unknown {
  if (!isObject(step) || step['type'] !== 'Sequence') return step;
  const steps = step[key];
  if (!Array.isArray(steps) || steps.length > 1) return step;
  return steps.length === 0 ? null : onlyStep(steps[0], key);
}

/** Whether a post-processor gives the ids of one text as they are: ByteLevel changes offsets only, and a template may
 * consist of the text alone. What it does to two texts does not matter. */
function addsNothing(step: unknown): boolean {
  if (!isObject(step)) return step === null || step === undefined;
  if (step['type'] === 'ByteLevel') return true;
  if (step['type'] === 'Sequence') {
    return Array.isArray(step['processors']) && step['processors'].every(addsNothing);
  }
  if (step['type'] !== 'TemplateProcessing' || !Array.isArray(step['single'])) return false;
  const [piece, ...others] = step['single'] as unknown[];
  const sequence = isObject(piece) ? piece['Sequence'] : undefined;
  return others.length === 0 && isObject(sequence) && sequence['id'] === 'A';
}

/** The text of the token that documents are joined with: GPT-2's. */
export const endOfTextName = '<|endoftext|>';

const sequence = (id: string, type_id: number) => ({ Sequence: { id, type_id } });

/** The post-processor that begins each text with the end-of-text token, as each document begins. */
export function writeEndOfText(id: number | undefined): object | null {
  if (id === undefined) return null;
  const special = { SpecialToken: { id: endOfTextName, type_id: 0 } };
  return {
    type: 'TemplateProcessing',
    single: [special, sequence('A', 0)],
    pair: [special, sequence('A', 0), special, sequence('B', 1)],
    special_tokens: { [endOfTextName]: { id: endOfTextName, ids: [id], tokens: [endOfTextName] } },
  };
}

/** The id of the end-of-text token that a file's texts begin with; undefined if they do not. */
export function readEndOfText(file: Fields, added: ReadonlyMap<string, number>): number | undefined {
  const template = file['post_processor'];
  if (!isTemplate(template)) return undefined;
  const id = added.get(endOfTextName);
  const special = fieldsOf('special_tokens', fieldsOf('post_processor', template)['special_tokens']);
  const { ids } = fieldsOf(endOfTextName, special[endOfTextName]);
  if (id === undefined || !Array.isArray(ids) || ids.length !== 1 || ids[0] !== id) {
    fail('post_processor.special_tokens', `${endOfTextName} as in added_tokens`, special);
  }
  return id;
}

/** Whether a post-processor is the one that is written here; what it does to two texts does not matter. */
function isTemplate(step: unknown): boolean {
  if (!isObject(step) || step['type'] !== 'TemplateProcessing' || !Array.isArray(step['single']))
    return false;
  const [special, text, ...others] = step['single'] as unknown[];
  const [first, second] = [isObject(special) && special['SpecialToken'], isObject(text) && text['Sequence']];
  const named = isObject(first) && first['id'] === endOfTextName;
  return named && isObject(second) && second['id'] === 'A' && others.length === 0;
}

/** The ids of added tokens by their text. Those in the vocabulary have to have its ids. */
export function readAddedTokens(value: unknown, vocab: Fields): Map<string, number> {
  const ids = new Map<string, number>();
  for (const [i, item] of listOf('added_tokens', value === undefined ? [] : value).entries()) {
    const name = `added_tokens[${i}]`;
    const fields = fieldsOf(name, item);
    const content = textOf(`${name}.content`, fields['content']);
    if (content === '') fail(`${name}.content`, 'at least one character', content);
    const id = idOf(`${name}.id`, fields['id']);
    // A token that is not special would be cut out of ordinary text before merging.
    expectOneOf(fields, `${name}.`, 'special', [true, undefined]);
    if (ids.has(content)) fail(`${name}.content`, 'each added token once', content);
    if (Object.hasOwn(vocab, content) && vocab[content] !== id) {
      fail(`${name}.id`, `${vocab[content]} as in model.vocab`, id);
    }
    ids.set(content, id);
  }
  return ids;
}

export function writeAddedTokens(added: ReadonlyMap<string, number>): object[] {
  return [...added].map(([content, id]) => ({
    id,
    content,
    single_word: false,
    lstrip: false,
    rstrip: false,
    normalized: false,
    special: true,
  }));
}

/** By id: the tokens of the vocabulary and the added ones above it. Every id from 0 on has to be there once. */
export function tokensById(vocab: Fields, added: ReadonlyMap<string, number>): string[] {
  const above = [...added].filter(([content]) => !Object.hasOwn(vocab, content));
  const entries = [...Object.entries(vocab), ...above];
  const tokens: string[] = new Array(entries.length);
  for (const [token, value] of entries) {
    if (!isId(value)) fail(`id of ${quote(token)}`, idForm, value);
    if (value >= entries.length)
      fail(`id of ${quote(token)}`, `ids 0 to ${entries.length - 1}, each once`, value);
    if (tokens[value] !== undefined) {
      fail(`id of ${quote(token)}`, `an id of its own, not ${quote(tokens[value])}'s`, value);
    }
    tokens[value] = token;
  }
  return tokens;
}

export function fieldsOf(name: string, value: unknown): Fields {
  if (!isObject(value)) throw new TypeError(problem(name, 'an object', value));
  return value;
}

export function listOf(name: string, value: unknown): readonly unknown[] {
  if (!Array.isArray(value)) throw new TypeError(problem(name, 'a list', value));
  return value;
}

export function textOf(name: string, value: unknown): string {
  if (typeof value !== 'string') throw new TypeError(problem(name, 'a text', value));
  return value;
}

const idForm = 'an integer from 0 up';
const isId = (value: unknown): value is number => Number.isSafeInteger(value) && (value as number) >= 0;

function idOf(name: string, value: unknown): number {
  return isId(value) ? value : fail(name, idForm, value);
}

/** An absent field counts as null where null is among the expected. */
export function expectOneOf(fields: Fields, parent: string, key: string, expected: readonly unknown[]): void {
  const value = fields[key];
  if (expected.includes(value) || (value === undefined && expected.includes(null))) return;
  fail(`${parent}${key}`, quote(expected[0]), value);
}

/** A value as JSON, at most 60 characters of it, on one line. */
export function quote(value: unknown): string {
  const text = escapeUnseen(JSON.stringify(value) ?? 'nothing');
  return text.length > 60 ? `${text.slice(0, 57)}...` : text;
}

function problem(name: string, expected: string, got: unknown): string {
  return `tokenizer.json: ${name} does not fit; expected ${expected}, got ${quote(got)}`;
}

export function fail(name: string, expected: string, got: unknown): never {
  throw new RangeError(problem(name, expected, got));
}
