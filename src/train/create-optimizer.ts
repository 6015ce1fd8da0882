/** Which optimizer a run gets: the one place that knows them all. */
import type { Arena } from '../tensor/arena.ts';
import type { Kernels } from '../tensor/kernels.ts';
import { AdamW } from './adamw.ts';
import { Muon } from './muon.ts';
import type { Optimizer, OptimizerSettings } from './optimizer.ts';

/** Plans the state; so before the arena is allocated. @param settings.learningRate the schedule's peak. */
export function createOptimizer(
  arena: Arena,
  kernels: Kernels,
  settings: OptimizerSettings & { readonly learningRate: number },
): Optimizer {
  if (settings.optimizer !== 'muon') return new AdamW(arena, kernels, settings);
  const { muonLearningRate = 0.02, learningRate } = settings;
  return new Muon(arena, kernels, settings, muonLearningRate / learningRate);
}
