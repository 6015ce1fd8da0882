/** Text from a model: read the prompt once (prefill), then one cached step a token, for any number of sequences.
 *
 * Row r of a batch gets exactly what it would get alone: each sequence has its own cache slot and its own stream of
 * random numbers, the token at step i being drawn with the uniform of (seed, stream, i).
 *
 * The model sees at most T tokens. When a sequence reaches T, the context policy decides:
 *     stop     end it there
 *     shift    forget the older half, read the newer half again as a prompt, go on with the cache; the default
 *     slide    before every token, read the newest T tokens again: what nanoGPT does, about T times as slow
 *     roll     drop the oldest key and value of every layer, read nothing again: every token costs the same
 * Where positions are learned per place no cached key survives a move; that is why shift and slide re-read, and why roll
 * needs rotary positions.
 *
 * What roll computes: attention over a sliding window. The prompt (its newest T tokens) stands at positions 0, 1, ...;
 * positions go on counting without end, and in each layer a token attends to its own key and the T - 1 before it, each
 * turned by the position at which it was read. Keys are not computed again when a token leaves the window, so what is
 * kept in later layers has seen tokens that are gone: the logits depend on up to L (T - 1) earlier tokens, and roll is
 * not slide. Scores depend on differences of positions only, and these stay below T, as in training. */
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
  /** Tells the rows of a batch apart in the random numbers. */
  readonly stream: number;
}
/** What every way of decoding has to know. */
export interface DecodeOptions {
  /** Defaults for what is left out; eosTokens, stopTokens and minNewTokens count for the end, too. */
  readonly settings: Partial<SamplingSettings>;
  readonly maxNewTokens: number;
  readonly contextPolicy: ContextPolicy;
  /** With it, events and results carry text; without it their texts are empty. */
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
  /** Filled anew before each event, with the step that the event reports. */
  readonly trace?: Trace | undefined;
  /** For texts that may never end: of each row only what its next token depends on is kept, so its result holds some of
   *  its newest tokens and no text. Penalties and noRepeatNgram depend on all. */
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
  /** What can now be shown: all events' texts of a row, joined, are its text, and none is ever taken back. */
  readonly text: string;
  /** Why this was the row's last event, if it was. */
  readonly finishReason: FinishReason | undefined;
}

/** A sequence in a cache slot. */
export interface Sequence {
  readonly slot: number;
  /** Prompt and drawn tokens, of which the cache holds all it can but the newest. */
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
  const memory = forget ? memoryOf(T, sampler.settings, ends) : Infinity;
  const random = new RandomStream(seed, 'sample');
  const rows = requests.map((request, slot) => new SampledRow(slot, request, sampler.start(), ends));

  /** Draws the row's next token from its logits and looks whether the row ends with it. */
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

/** What there is to say of a row that has ended; T is the context. */
export function generationOf({ ids, promptLength, given, text, finish }: Row, T: number): Generation {
  return {
    tokens: ids.slice(Math.max(0, promptLength)),
    text,
    finishReason: finish!,
    truncatedPromptTokens: Math.max(0, given - T),
  };
}

/** How many of the newest tokens a row's next one can depend on. */
function memoryOf(T: number, settings: SamplingSettings, { stopSequences, loop }: StopSettings): number {
  const { bannedSequences, repetitionPenalty, frequencyPenalty, presencePenalty, noRepeatNgram } = settings;
  const all = repetitionPenalty !== 1 || frequencyPenalty !== 0 || presencePenalty !== 0 || noRepeatNgram > 0;
  if (all) return Infinity;
  const looped = loop === undefined ? 0 : loop.minCount * loop.maxPattern;
  const sequences = [...bannedSequences, ...stopSequences].map(({ length }) => length);
  return Math.max(T, looped, ...sequences);
}

/** Reads each sequence's newest token, the others being in the cache, and yields the logits after it, which the next
 *  step of the iteration overwrites. What the context policy asks for when a cache is full is done here. */
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

/** Starts the sequence's cache over with its newest `length` tokens. */
export function reread(model: Gpt, { slot, ids }: Sequence, length: number): Floats {
  model.cache.truncate(slot, 0);
  return model.prefill(slot, ids.slice(-length)).data;
}

/** Rows with equal prompts together, each group where its first row stands. */
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
export function generateAll(
  model: Gpt,
  requests: readonly Request[],
  options: GenerateOptions,
): Generation[] {
  const events = generate(model, requests, options);
  for (;;) {
    const next = events.next();
    if (next.done) return next.value;
  }
}

/** Checks all there is to check before the model computes anything; the sampler and what ends the texts. */
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
