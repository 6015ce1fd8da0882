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
import { RandomStream } from '../tensor/random.ts';
import { Candidates, noCandidates, sample } from './sampler.ts';
import type { SamplingSettings } from './settings.ts';

export const contextPolicies = ['shift', 'slide', 'roll', 'stop'] as const;
export type ContextPolicy = (typeof contextPolicies)[number];
export type FinishReason = 'max-tokens' | 'context-full' | 'no-candidates';

export interface Request {
  readonly prompt: ArrayLike<number>;
  /** Tells the rows of a batch apart in the random numbers. */
  readonly stream: number;
}
export interface GenerateOptions {
  readonly settings: SamplingSettings;
  readonly maxNewTokens: number;
  readonly seed: number;
  readonly contextPolicy: ContextPolicy;
}
export interface Generation {
  /** The drawn tokens, without the prompt. */
  readonly tokens: readonly number[];
  readonly finishReason: FinishReason;
  /** Leading tokens of the prompt that did not fit into the context. */
  readonly truncatedPromptTokens: number;
}
/** One drawn token of one row, as it comes. */
export interface TokenEvent {
  readonly row: number;
  readonly token: number;
}

interface Row {
  readonly index: number;
  readonly stream: number;
  /** Prompt and drawn tokens. */
  readonly history: number[];
  readonly promptLength: number;
  finish: FinishReason | undefined;
}

/** Yields tokens as they are drawn and returns the finished rows. The model needs a cache slot for each request. */
export function* generate(
  model: Gpt,
  requests: readonly Request[],
  options: GenerateOptions,
): Generator<TokenEvent, Generation[]> {
  const { settings, maxNewTokens, seed, contextPolicy } = options;
  const T = model.config.contextLength;
  check(model, requests, options);
  const candidates = new Candidates(model.config.vocabSize);
  const random = new RandomStream(seed, 'sample');
  const rows = requests.map(({ prompt, stream }, index): Row => {
    return { index, stream, history: Array.from(prompt), promptLength: prompt.length, finish: undefined };
  });

  /** Draws the row's next token from its logits; undefined when the row ends without one. */
  const draw = (row: Row, logits: Float32Array | Float64Array): TokenEvent | undefined => {
    const drawn = row.history.length - row.promptLength;
    const token = sample(candidates, logits, settings, random.uniform(drawn, row.stream));
    if (token === noCandidates) {
      row.finish = 'no-candidates';
      return undefined;
    }
    row.history.push(token);
    if (drawn + 1 === maxNewTokens) row.finish = 'max-tokens';
    else if (contextPolicy === 'stop' && row.history.length >= T) row.finish = 'context-full';
    return { row: row.index, token };
  };
  /** Starts the row's cache over with the newest `length` tokens. */
  const reread = (row: Row, length: number) => {
    model.cache.truncate(row.index, 0);
    return model.prefill(row.index, row.history.slice(-length)).data;
  };

  for (const row of rows) {
    const event = draw(row, reread(row, T));
    if (event !== undefined) yield event;
  }
  for (;;) {
    const active = rows.filter((row) => row.finish === undefined);
    if (active.length === 0) break;
    if (contextPolicy === 'roll') {
      for (const { index } of active) if (model.cache.length(index) === T) model.cache.drop(index);
    }
    const full = active.filter((row) => model.cache.length(row.index) === T);
    const open = active.filter((row) => model.cache.length(row.index) < T);
    if (open.length > 0) {
      const logits = model.extend(
        open.map((row) => row.index),
        open.map((row) => row.history.at(-1)!),
      );
      for (const [i, row] of open.entries()) {
        const event = draw(row, logits.row(i).data);
        if (event !== undefined) yield event;
      }
    }
    for (const row of full) {
      const event = draw(row, reread(row, contextPolicy === 'slide' ? T : T - Math.floor(T / 2)));
      if (event !== undefined) yield event;
    }
  }
  return rows.map((row) => ({
    tokens: row.history.slice(row.promptLength),
    finishReason: row.finish!,
    truncatedPromptTokens: Math.max(0, row.promptLength - T),
  }));
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

function check(
  model: Gpt,
  requests: readonly Request[],
  { maxNewTokens, contextPolicy }: GenerateOptions,
): void {
  const T = model.config.contextLength;
  if (!(Number.isInteger(maxNewTokens) && maxNewTokens >= 1)) {
    throw new RangeError(
      `generate: expected maxNewTokens to be an integer of at least 1, got ${maxNewTokens}`,
    );
  }
  if (requests.length > model.cache.slots) {
    throw new RangeError(`generate: expected at most ${model.cache.slots} sequences, got ${requests.length}`);
  }
  if (contextPolicy === 'roll' && model.config.arch === 'gpt2') {
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
