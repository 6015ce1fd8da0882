/** The lessons: each claim with the function that checks it. */
import { cacheExact, cacheMemory, cacheSpeed } from './cache.ts';
import type { Claim } from './claims/claim.ts';
import { claims } from './claims/list.ts';
import * as distributions from './distributions.ts';
import { classifies, hallucination, onlyThePast, reproducible, threeThings } from './kind.ts';
import type { Run } from './lesson.ts';
import { bleuAndRouge, humanPairs, perplexities, sameTokens } from './measures.ts';
import { againstRepetition, fixedK, loops, useCases } from './texts.ts';
import { blindGuess, everyPosition, lowLoss, memory, teacherForcing } from './training.ts';
import { learnedFirst, overfitting, scaling, spikes } from './trainings.ts';

export interface Lesson extends Claim {
  readonly run: Run;
}

const runs: Readonly<Record<number, Run>> = {
  1: everyPosition,
  2: teacherForcing,
  3: blindGuess,
  4: learnedFirst,
  5: overfitting,
  6: spikes,
  7: scaling,
  8: lowLoss,
  9: memory,
  10: distributions.overflow,
  11: distributions.fiveLogits,
  12: distributions.threeLogits,
  13: distributions.printedTable,
  14: distributions.temperatureLimits,
  15: distributions.removesNothing,
  16: fixedK,
  17: distributions.nucleusRules,
  18: distributions.orderOfStages,
  19: reproducible,
  20: loops,
  21: useCases,
  22: againstRepetition,
  23: cacheSpeed,
  24: cacheMemory,
  25: cacheExact,
  26: perplexities,
  27: sameTokens,
  28: bleuAndRouge,
  29: humanPairs,
  30: classifies,
  31: hallucination,
  32: onlyThePast,
  33: threeThings,
};

export const lessons: readonly Lesson[] = claims.map((claim) => ({ ...claim, run: runs[claim.number]! }));
