/** Beam search: looks for the likeliest text instead of drawing one.
 *
 *     log P(text) = sum over its tokens of log p(token | tokens before it)
 *     score       = (log P + what bias and penalties change in its tokens' logits) / length^a
 *
 * In each step, each of the W best texts so far (the hypotheses) is continued by each of its W best tokens. Of all these,
 * and of the hypotheses that have ended, the W with the best scores stay. W = 1 is greedy decoding. W = V^(n-1) finds the
 * likeliest text of n tokens, because then nothing that could be part of it is ever dropped. Every token lowers log P, so
 * short texts win wherever texts may end; a > 0, the length penalty, makes up for that.
 *
 * The likeliest text is not a typical one, so rather sample. A coin that shows heads six times in ten has heads for ever as
 * its likeliest sequence. In the same way a language model gives its highest probability to texts that repeat themselves,
 * and each repetition makes the next one more certain. People write at a steady surprise instead. Beam search is for where
 * there is one right answer, as in translation, and not for stories.
 *
 * p is the model's own, over all tokens: what masks leave is not made to sum to 1 again. So masks choose among texts but
 * never change what a text is worth, and the result is the likeliest text that they allow. If p were renormalized, a place
 * where the masks leave only unlikely tokens would cost a text nothing, and the search would look for such places. A ban is
 * the limit of a bias, so a bias counts in the same way.
 *
 * Length penalty: Wu et al., "Google's neural machine translation system", 2016, section 7, here without its constant.
 * Likely is not typical: Holtzman et al., "The curious case of neural text degeneration", ICLR 2020. */
import type { Gpt } from '../model/gpt.ts';
import { exp, log } from '../tensor/math.ts';
import type { Floats } from '../tensor/tensor.ts';
import { keepTopK } from './cuts.ts';
import { logSumExp } from './edits.ts';
import {
  type DecodeOptions,
  type Generation,
  generationOf,
  lastOf,
  readNewest,
  reread,
  startDecoding,
} from './generate.ts';
import { Row } from './row.ts';
import { noCandidates } from './sampler.ts';
import { setting } from './settings.ts';

export interface BeamOptions extends DecodeOptions {
  /** W: hypotheses kept at each step, each in a cache slot. */
  readonly width: number;
  /** a: 0 compares whole probabilities, 1 the mean of log p over the tokens. */
  readonly lengthPenalty: number;
}
export interface BeamResult extends Generation {
  /** log P, the model's own. */
  readonly logProbability: number;
  /** -0 where length^a is more than a number can hold; the order of the results is still right. */
  readonly score: number;
}

/** How good a text is. */
interface Worth {
  readonly logProbability: number;
  /** log P and what bias and penalties add: the score before it is divided by length^a. */
  readonly sum: number;
}

/** A text so far. Its newest token is not in the cache yet; one that has ended has left the cache. */
export interface Hypothesis extends Worth {
  readonly row: Row;
}

/** An ended hypothesis, or a live one and its next token. */
export interface Candidate extends Worth {
  readonly parent: Hypothesis;
  readonly token: number | undefined;
  /** In tokens, at least 1. */
  readonly length: number;
}

/** What one token of the search came to: kept[i] is what the candidate considered[i] has become, and the others are dropped. */
export interface BeamStep {
  /** The best first. */
  readonly considered: readonly Candidate[];
  readonly kept: readonly Hypothesis[];
}

/** The best texts found, at most `width` of them, best first. Temperature, cuts and seed do nothing here. */
export function beamSearch(...given: Parameters<typeof beamSteps>): BeamResult[] {
  return lastOf(beamSteps(...given));
}

/** The same, with a rest after each token: a page that searches shows what was dropped, and stays ready to stop. */
export function* beamSteps(
  model: Gpt,
  prompt: ArrayLike<number>,
  options: BeamOptions,
): Generator<BeamStep, BeamResult[]> {
  const { contextPolicy } = options;
  const T = model.config.contextLength;
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
  const { sampler, ends } = startDecoding(model, [{ prompt, stream: 0 }], options);

  /** The hypothesis's W best continuations. */
  const continuations = (parent: Hypothesis, logits: Floats): Candidate[] => {
    const c = sampler.prepare(logits, parent.row);
    keepTopK(c, width);
    const logSum = logSumExp(logits);
    return Array.from(c.ids.subarray(0, c.count), (token, i) => ({
      parent,
      token,
      length: parent.row.drawn + 1,
      logProbability: parent.logProbability + (logits[token] - logSum),
      sum: parent.sum + (c.logits[i] - logSum),
    }));
  };
  const extend = ({ parent, token, logProbability, sum }: Candidate, slot: number): Hypothesis => {
    const row = parent.row.branch(slot);
    row.take(token!);
    return { row, logProbability, sum };
  };

  const root = new Row(0, Array.from(prompt), prompt.length, ends);
  let beam: Hypothesis[] = [{ row: root, logProbability: 0, sum: 0 }];
  let steps: Iterable<[Row, Floats]> = [[root, reread(model, root, T)]];
  for (;;) {
    const grown = new Map<Row, Candidate[]>();
    for (const [row, logits] of steps) {
      const parent = beam.find((hypothesis) => hypothesis.row === row)!;
      grown.set(row, continuations(parent, logits));
    }
    const pool = beam.flatMap((parent): Candidate[] => {
      const { row, logProbability, sum } = parent;
      const children = grown.get(row) ?? [];
      if (children.length > 0) return children;
      if (row.finish === undefined) row.take(noCandidates);
      return [{ parent, token: undefined, length: Math.max(1, row.drawn), logProbability, sum }];
    });
    pool.sort((x, y) => compareScores(x, y, lengthPenalty)); // stable: of equals the better parent's, of those the lowest id
    const best = pool.slice(0, width);
    const slots = assignSlots(model, best, width);
    beam = best.map((candidate, i) =>
      candidate.token === undefined ? candidate.parent : extend(candidate, slots[i]),
    );
    yield { considered: pool, kept: beam };
    const live = beam.map(({ row }) => row).filter(({ finish }) => finish === undefined);
    if (live.length === 0) break;
    steps = readNewest(model, live, contextPolicy);
  }

  return beam.map(({ row, logProbability, sum }) => ({
    ...generationOf(row, T),
    logProbability,
    score: scoreOf({ sum, length: Math.max(1, row.drawn) }, lengthPenalty),
  }));
}

type Scored = Pick<Candidate, 'sum' | 'length'>;

/** sum / length^a */
export const scoreOf = ({ sum, length }: Scored, a: number): number => sum / exp(a * log(length));

/** Negative if x has the larger sum / length^a and so comes first. Compares logarithms, because length^a may be more than a
 *  number can hold. */
function compareScores(x: Scored, y: Scored, a: number): number {
  if (x.length === y.length || Math.sign(x.sum) !== Math.sign(y.sum)) return y.sum - x.sum;
  const larger = log(x.sum / y.sum) - a * log(x.length / y.length); // |x.sum| / x.length^a against the same of y
  return x.sum < 0 ? larger : -larger;
}

/** A slot of the cache for each continuation: the best child of a parent takes over its parent's, and the others get a copy
 *  in a free one. There are no more continuations than slots, so no slot is overwritten before it has been copied. */
function assignSlots(model: Gpt, best: readonly Candidate[], width: number): number[] {
  const growing = best.filter(({ token }) => token !== undefined);
  const kept = new Set(growing.map(({ parent }) => parent.row.slot));
  const free = Array.from({ length: width }, (_, slot) => slot).filter((slot) => !kept.has(slot));
  const taken = new Set<number>();
  return best.map(({ parent, token }) => {
    if (token === undefined) return -1;
    const from = parent.row.slot;
    const slot = taken.has(from) ? free.pop()! : from;
    if (slot !== from) model.cache.copy(slot, from);
    taken.add(from);
    return slot;
  });
}
