/** The rows of the recipe's table: each changes what it says and nothing else. */
import { describe, expect, it } from 'vitest';
import { rows } from '../../bench/recipe/rows.ts';
import { nodeHost } from '../../src/cli/host/simd-host.ts';
import { initialize } from '../../src/model/initialize.ts';
import { createSimdKernels } from '../../src/tensor/simd/index.ts';
import { Trainer } from '../../src/train/trainer.ts';
import { randomIds } from '../support/models.ts';

const kernels = await createSimdKernels(nodeHost, { threads: 1, math: 'portable' });
const tokens = randomIds(40, 20).data;

/** A row at a size that takes no time. */
function start(name: string) {
  const { config, settings, architecture, prepare } = rows[name]!(20, 100);
  const tiny = { ...config, layers: 1, contextLength: 8 };
  const small = { ...settings, batchSize: 1, steps: 100, seed: 1 };
  const split = { train: tokens, validation: tokens };
  return { settings, prepare, trainer: new Trainer(tiny, small, split, { kernels, architecture }) };
}
const names = (name: string) => start(name).trainer.model.parameters.map((p) => p.name.split('.').at(-2));

describe('rows of the recipe', () => {
  it.each(Object.keys(rows))('%s learns', (name) => {
    const { trainer, prepare } = start(name);
    initialize(trainer.model, 1, 'fan-in');
    prepare?.(trainer.model);
    const { loss } = trainer.train(1e-3);
    expect(loss).toBeGreaterThan(2.5); // ln 20 = 2.996 for a model that knows nothing
    expect(loss).toBeLessThan(3.5);
    expect(trainer.train(1e-3).gradNorm).toBeGreaterThan(0);
  });

  it('with one part replaced have the parameters of that part', () => {
    const count = (name: string, part: string) => names(name).filter((n) => n === part).length;
    expect(start('recipe').trainer.model.parameters).toHaveLength(13);
    expect(count('learned-positions', 'positions')).toBe(1);
    expect(count('layernorm', 'norm1')).toBe(2); // gain and shift
    expect(count('gelu', 'norm1')).toBe(1);
    expect(count('gelu', 'gate')).toBe(0);
    expect(count('gelu', 'up')).toBe(1);
    expect(count('recipe', 'q_norm')).toBe(1);
    expect(count('no-qk-norm', 'q_norm')).toBe(0);
  });

  it('all see the same number of tokens', () => {
    const seen = Object.values(rows).map((row) => {
      const { config, settings } = row(20, 400);
      return settings.steps * settings.batchSize * config.contextLength;
    });
    expect(new Set(seen).size).toBe(1);
  });
});
