/** Text from a model: reads the prompt once, then draws one token after the other, each with one cached step of the model.
 *
 * Any number of sequences go together as one batch. Row r of it gets exactly what it would get alone: each row has its own
 * cache slot and its own stream of random numbers, and token i is drawn with the uniform number of (seed, stream, i).
 *
 * The model sees at most T tokens, its context. When a row has reached T, the context policy decides:
 *     shift    read the newer half again as a prompt, and go on with the cache; the default
 *     slide    read the newest T tokens again before every token: what nanoGPT does, about T times as slow
 *     roll     drop the oldest key and value of every layer and read nothing again: every token costs the same
 *     stop     end the text there
 * `readNewest` carries them out. */
import type { Gpt } from '../model/gpt.ts';
import type { Tokenizer } from '../model/text/tokenizer.ts';
import { RandomStream } from '../tensor/random.ts';
import type { Floats } from '../tensor/tensor.ts';
import { type Ends, Row } from './row.ts';
import { noCandidates, Sampler, type SamplerState } from './sampler.ts';
import { type SamplingSettings, samplingSettings } from './settings.ts';
import { type FinishReason, type LoopRule, type StopSettings, stopSettings } from './stop.ts';
import type { Trace } from './trace.ts';

export const contextPolicies = ['shift', 'slide', 'roll', 'stop'] as const;
export type ContextPolicy = (typeof contextPolicies)[number];

export interface Request {
  readonly prompt: ArrayLike<number>;
  /** Which stream of random numbers the row draws with; rows of equal streams draw equal numbers. */
  readonly stream: number;
}
/** What both ways of decoding, sampling and beam search, need to know. */
export interface DecodeOptions {
  /** What is left out has its default. eosTokens, stopTokens and minNewTokens also decide when a text ends. */
  readonly settings: Partial<SamplingSettings>;
  readonly maxNewTokens: number;
  readonly contextPolicy: ContextPolicy;
  /** Without it the texts of events and results are empty. */
  readonly tokenizer?: Tokenizer | undefined;
  /** Strings that end the text. They need the tokenizer. */
  readonly stop?: readonly string[];
  /** Whether the text keeps the stop string or stop token that ended it; the tokens always do. */
  readonly includeStop?: boolean;
  readonly stopSequences?: readonly (readonly number[])[];
  readonly loop?: LoopRule | undefined;
}
export interface GenerateOptions extends DecodeOptions {
  readonly seed: number;
  /** Holds, at each event, how the token of that event was drawn. */
  readonly trace?: Trace | undefined;
  /** For texts that may never end: keeps of each row only the tokens that its next one depends on, and no text. Then the
   *  result holds some of the newest tokens only. Penalties and noRepeatNgram depend on all tokens, so these keep all. */
  readonly forget?: boolean;
}
export interface Generation {
  /** The drawn tokens, without the prompt. */
  readonly tokens: readonly number[];
  readonly text: string;
  readonly finishReason: FinishReason;
  /** Leading tokens of the prompt that did not fit into the context. */
  readonly truncatedPromptTokens: number;
}
/** One step of one row, as it comes. */
export interface TokenEvent {
  readonly row: number;
  /** Undefined if there was no candidate. */
  readonly token: number | undefined;
  /** What can now be shown. The texts of a row's events, joined, are its text; nothing is ever taken back. */
  readonly text: string;
  /** Why this was the row's last event, if it was. */
  readonly finishReason: FinishReason | undefined;
}

/** A text in a slot of the cache. */
export interface Sequence {
  readonly slot: number;
  /** Prompt and drawn tokens. The newest is not in the cache yet. */
  readonly ids: number[];
}

class SampledRow extends Row {
  readonly stream: number;
  readonly state: SamplerState;

  constructor(slot: number, { prompt, stream }: Request, state: SamplerState, ends: Ends) {
    super(slot, Array.from(prompt), prompt.length, ends);
    this.stream = stream;
    this.state = state;
  }
}

/** n samples of each prompt: stream = promptIndex * n + sampleIndex. */
export function sampleRequests(prompts: readonly ArrayLike<number>[], n: number): Request[] {
  return prompts.flatMap((prompt, p) => Array.from({ length: n }, (_, i) => ({ prompt, stream: p * n + i })));
}

/** Yields tokens as they are drawn and returns the finished rows. The model needs a cache slot for each request. */
export function* generate(
  model: Gpt,
  requests: readonly Request[],
  options: GenerateOptions,
): Generator<TokenEvent, Generation[]> {
  const { seed, contextPolicy, trace, forget = false } = options;
  const T = model.config.contextLength;
  const { sampler, ends } = startDecoding(model, requests, options);
  const memory = forget ? memoryOf(T, sampler, ends) : Infinity;
  const random = new RandomStream(seed, 'sample');
  const rows = requests.map((request, slot) => new SampledRow(slot, request, sampler.start(), ends));

  /** Draws a row's next token from its logits; the row may end with it. */
  const draw = (row: SampledRow, logits: Floats): TokenEvent => {
    const token = sampler.next(row.state, logits, row, random.uniform(row.drawn, row.stream), trace);
    const text = row.take(token);
    if (forget) row.forget(memory);
    const drawn = token === noCandidates ? undefined : token;
    return { row: row.slot, token: drawn, text, finishReason: row.finish };
  };

  for (const group of samePrompts(rows)) {
    const [first, ...others] = group;
    const logits = reread(model, first!, T);
    for (const { slot } of others) model.cache.copy(slot, first!.slot); // a common prompt is read once
    for (const row of group) yield draw(row, logits);
  }
  for (;;) {
    const active = rows.filter((row) => row.finish === undefined);
    if (active.length === 0) break;
    for (const [row, logits] of readNewest(model, active, contextPolicy)) yield draw(row, logits);
  }
  return rows.map((row) => generationOf(row, T));
}

/** The result of a row that has ended; T is the context length. */
export function generationOf({ ids, promptLength, given, text, finish }: Row, T: number): Generation {
  return {
    tokens: ids.slice(Math.max(0, promptLength)),
    text,
    finishReason: finish!,
    truncatedPromptTokens: Math.max(0, given - T),
  };
}

/** How many of the newest tokens a row's next token can depend on. */
function memoryOf(T: number, sampler: Sampler, { stopSequences, loop }: StopSettings): number {
  const looped = loop === undefined ? 0 : loop.minCount * loop.maxPattern;
  return Math.max(T, sampler.memory, looped, ...stopSequences.map(({ length }) => length));
}

/** Reads the newest token of each sequence, whose other tokens are in the cache, and yields the logits that follow it; the
 * next step of the iteration overwrites them. Where a cache is full, does what the context policy says.
 *
 * shift and slide read tokens again, because a key learned at one position is wrong at another. roll needs rotary positions,
 * whose attention scores depend only on the difference of two positions: positions then go on counting without end, while
 * the differences stay below T, as in training. Each layer attends to the newest T keys. These were computed when their
 * tokens were read, so in the later layers they still carry something of tokens that are gone: the logits depend on up to
 * L (T - 1) earlier tokens, and roll does not give the same text as slide. */
export function* readNewest<S extends Sequence>(
  model: Gpt,
  active: readonly S[],
  contextPolicy: ContextPolicy,
): Generator<[S, Floats]> {
  const T = model.config.contextLength;
  if (contextPolicy === 'roll') {
    for (const { slot } of active) if (model.cache.length(slot) === T) model.cache.drop(slot);
  }
  const full = active.filter((row) => model.cache.length(row.slot) === T);
  const open = active.filter((row) => model.cache.length(row.slot) < T);
  if (open.length > 0) {
    const logits = model.extend(
      open.map((row) => row.slot),
      open.map((row) => row.ids.at(-1)!),
    );
    for (const [i, row] of open.entries()) yield [row, logits.row(i).data];
  }
  for (const row of full) {
    yield [row, reread(model, row, contextPolicy === 'slide' ? T : T - Math.floor(T / 2))];
  }
}

/** Empties the sequence's cache and reads its newest `length` tokens; returns the logits after them. */
export function reread(model: Gpt, { slot, ids }: Sequence, length: number): Floats {
  model.cache.truncate(slot, 0);
  return model.prefill(slot, ids.slice(-length)).data;
}

/** The rows in groups of equal prompts, in the order of each group's first row. */
function samePrompts<R extends Row>(rows: readonly R[]): R[][] {
  const groups: R[][] = [];
  for (const row of rows) {
    const group = groups.find(
      ([{ ids }]) => ids.length === row.length && ids.every((id, i) => id === row.ids[i]),
    );
    if (group === undefined) groups.push([row]);
    else group.push(row);
  }
  return groups;
}

/** Runs `generate` to its end. */
export function generateAll(...given: Parameters<typeof generate>): Generation[] {
  return lastOf(generate(...given));
}

/** What a generator returns, without what it yields on the way. */
export function lastOf<Result>(steps: Generator<unknown, Result>): Result {
  for (;;) {
    const next = steps.next();
    if (next.done) return next.value;
  }
}

/** Checks requests and options before the model computes anything, and returns the sampler and what ends the texts. */
export function startDecoding(
  model: Gpt,
  requests: readonly Request[],
  options: DecodeOptions,
): { readonly sampler: Sampler; readonly ends: Ends } {
  checkRequests(model, requests, options);
  const { vocabSize: V, contextLength: T } = model.config;
  const { tokenizer, contextPolicy, includeStop = false } = options;
  const settings = samplingSettings(options.settings, V);
  const { eosTokens, stopTokens, minNewTokens } = settings;
  const stops = stopSettings({ ...options, eosTokens, stopTokens, minNewTokens }, V);
  const mostTokens = contextPolicy === 'stop' ? T : Number.POSITIVE_INFINITY;
  return { sampler: new Sampler(V, settings), ends: { ...stops, tokenizer, includeStop, mostTokens } };
}

function checkRequests(
  model: Gpt,
  requests: readonly Request[],
  { contextPolicy, tokenizer, stop = [] }: DecodeOptions,
): void {
  const T = model.config.contextLength;
  if (requests.length > model.cache.slots) {
    throw new RangeError(`generate: expected at most ${model.cache.slots} sequences, got ${requests.length}`);
  }
  if (stop.length > 0 && tokenizer === undefined) {
    throw new TypeError('generate: stop strings need text; expected a tokenizer, got none');
  }
  if (contextPolicy === 'roll' && !model.rotary) {
    throw new RangeError(
      'generate: context policy roll needs rotary positions, got the learned ones of gpt2; use shift or slide',
    );
  }
  for (const { prompt } of requests) {
    if (prompt.length === 0)
      throw new RangeError('generate: the prompt is empty; expected at least one token');
    if (contextPolicy === 'stop' && prompt.length >= T) {
      throw new RangeError(
        `generate: the prompt leaves no room; expected fewer than ${T} tokens, got ${prompt.length}; shorten it or use --context-policy shift`,
      );
    }
  }
}
