/** Beam search: looks for the likeliest text instead of drawing one.
 *
 *     log P(text) = sum over its tokens of log p(token | what is before)      score = log P / length^a
 *
 * Step by step each of the W best hypotheses is continued by each of its W best tokens, and of all these, together with
 * the hypotheses that have ended, the W best scored stay. W = 1 is greedy decoding; W = V^(n-1) finds the likeliest
 * text of n tokens, for then nothing that could be part of it is ever dropped. a > 0, the length penalty, makes up for
 * the fact that every token lowers log P: without it short texts win wherever texts may end.
 *
 * Why one should rather sample: the likeliest text is not a typical one. Like a coin that falls on heads six times in
 * ten, whose likeliest sequence is heads for ever, a language model gives its highest probability to texts that repeat
 * themselves, and each repetition makes the next one more certain. People write at a steady surprise instead. Beam
 * search serves where one right answer is wanted (translation, a checksum of a model), not for stories.
 *
 * Length penalty: Wu et al., "Google's neural machine translation system", 2016, section 7, here without its constant.
 * Likely is not typical: Holtzman et al., "The curious case of neural text degeneration", ICLR 2020. */
import type { Gpt } from '../model/gpt.ts';
import { exp, log } from '../tensor/math.ts';
import type { Floats } from '../tensor/tensor.ts';
import { Chain } from './chain.ts';
import { chainSettings } from './chain-settings.ts';
import {
  checkRequests,
  type DecodeOptions,
  type FinishReason,
  type Generation,
  readNewest,
  reread,
} from './generate.ts';
import type { History } from './penalties.ts';
import { RowText } from './row-text.ts';
import { keepTopK, totalWeight } from './sampler.ts';
import { setting } from './settings.ts';
import { stopReason, stopSettings } from './stop.ts';
import { findStop } from './stop-text.ts';

export interface BeamOptions extends DecodeOptions {
  /** W: hypotheses kept at each step, each in a cache slot. */
  readonly width: number;
  /** a: 0 compares whole probabilities, 1 the mean of log p over the tokens. */
  readonly lengthPenalty: number;
}
export interface BeamResult extends Generation {
  readonly logProbability: number;
  readonly score: number;
}

/** A text begun. It is in the cache but for its newest token; an ended one has left the cache. */
class Hypothesis implements History {
  readonly slot: number;
  readonly ids: number[];
  readonly promptLength: number;
  readonly logProbability: number;
  /** The decoded text without the prompt, where stop strings are looked for. */
  readonly text: string;
  finish: FinishReason | undefined;

  constructor(slot: number, ids: number[], promptLength: number, logProbability: number, text: string) {
    this.slot = slot;
    this.ids = ids;
    this.promptLength = promptLength;
    this.logProbability = logProbability;
    this.text = text;
  }

  get length(): number {
    return this.ids.length;
  }

  get drawn(): number {
    return this.ids.length - this.promptLength;
  }
}

/** An ended hypothesis, or a live one and its next token. */
interface Candidate {
  readonly parent: Hypothesis;
  readonly token: number | undefined;
  readonly logProbability: number;
  readonly score: number;
}

/** The best texts found, at most `width` of them, best first. Of the settings, those that draw and cut do nothing. */
export function beamSearch(model: Gpt, prompt: ArrayLike<number>, options: BeamOptions): BeamResult[] {
  const { contextPolicy, tokenizer, includeStop = false } = options;
  const { vocabSize: V, contextLength: T } = model.config;
  const width = setting(
    'width',
    options.width,
    undefined,
    `must be an integer from 1 to ${model.cache.slots}, the slots of the cache`,
    (x) => Number.isInteger(x) && x >= 1 && x <= model.cache.slots,
  );
  const lengthPenalty = setting(
    'lengthPenalty',
    options.lengthPenalty,
    0,
    'must be finite and at least 0',
    (x) => x >= 0 && x < Infinity,
  );
  checkRequests(model, [{ prompt, stream: 0 }], options);
  const settings = chainSettings(options.settings, V);
  const { eosTokens, stopTokens, minNewTokens } = settings;
  const stops = stopSettings({ ...options, eosTokens, stopTokens, minNewTokens }, V);
  const chain = new Chain(V, settings);
  const score = (logProbability: number, length: number): number =>
    logProbability / exp(lengthPenalty * log(Math.max(length, 1)));

  /** The hypothesis's W best continuations. */
  const continuations = (parent: Hypothesis, logits: Floats): Candidate[] => {
    const c = chain.prepare(logits, parent);
    const logTotal = log(totalWeight(c));
    keepTopK(c, width);
    const { ids, logits: kept, max } = c;
    return Array.from({ length: c.count }, (_, i) => {
      const logProbability = parent.logProbability + (kept[i] - max - logTotal);
      return { parent, token: ids[i], logProbability, score: score(logProbability, parent.drawn + 1) };
    });
  };
  const extend = ({ parent, token, logProbability }: Candidate, slot: number): Hypothesis => {
    const ids = [...parent.ids, token!];
    const text = tokenizer?.decode(ids.slice(parent.promptLength)) ?? '';
    const child = new Hypothesis(slot, ids, parent.promptLength, logProbability, text);
    child.finish = stopReason(child, stops);
    const searched = child.drawn > minNewTokens ? parent.text.length : text.length;
    if (findStop(text, searched, stops.stop) !== undefined) child.finish = 'stop-string';
    else if (contextPolicy === 'stop' && child.length >= T) child.finish ??= 'context-full';
    return child;
  };

  const root = new Hypothesis(0, Array.from(prompt), prompt.length, 0, '');
  let beam = [root];
  let steps: Iterable<[Hypothesis, Floats]> = [[root, reread(model, root, T)]];
  for (;;) {
    const grown = new Map<Hypothesis, Candidate[]>();
    for (const [parent, logits] of steps) grown.set(parent, continuations(parent, logits));
    const pool = beam.flatMap((parent): Candidate[] => {
      const children = grown.get(parent) ?? [];
      if (children.length > 0) return children;
      parent.finish ??= 'no-candidates';
      const { logProbability } = parent;
      return [{ parent, token: undefined, logProbability, score: score(logProbability, parent.drawn) }];
    });
    const best = pool.sort((a, b) => b.score - a.score).slice(0, width); // stable: of equals the better parent's, of those the lowest id
    const slots = assignSlots(model, best, width);
    beam = best.map((candidate, i) =>
      candidate.token === undefined ? candidate.parent : extend(candidate, slots[i]),
    );
    const live = beam.filter(({ finish }) => finish === undefined);
    if (live.length === 0) break;
    steps = readNewest(model, live, contextPolicy);
  }

  return beam.map((hypothesis) => {
    const { logProbability, drawn, promptLength } = hypothesis;
    const finishReason = hypothesis.finish!;
    const tokens = hypothesis.ids.slice(promptLength);
    const silent = !includeStop && (finishReason === 'eos' || finishReason === 'stop-token');
    const text = tokenizer && new RowText(tokenizer, stops.stop, includeStop);
    for (const [i, token] of (silent ? tokens.slice(0, -1) : tokens).entries()) {
      text?.push(token, { early: i < minNewTokens });
    }
    text?.end();
    return {
      tokens,
      text: text?.text ?? '',
      finishReason,
      truncatedPromptTokens: Math.max(0, promptLength - T),
      logProbability,
      score: score(logProbability, drawn),
    };
  });
}

/** A slot for each continuation: its parent's for the best of a parent's, one that is free, and a copy, for the others.
 *  No more continuations than slots: so no slot is written to that is still to be copied. */
function assignSlots(model: Gpt, best: readonly Candidate[], width: number): number[] {
  const growing = best.filter(({ token }) => token !== undefined);
  const kept = new Set(growing.map(({ parent }) => parent.slot));
  const free = Array.from({ length: width }, (_, slot) => slot).filter((slot) => !kept.has(slot));
  const taken = new Set<number>();
  return best.map(({ parent, token }) => {
    if (token === undefined) return -1;
    const slot = taken.has(parent.slot) ? free.pop()! : parent.slot;
    if (slot !== parent.slot) model.cache.copy(slot, parent.slot);
    taken.add(parent.slot);
    return slot;
  });
}
