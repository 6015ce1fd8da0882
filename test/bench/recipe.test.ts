/** The rows of the recipe's table: each changes what it says and nothing else. */
import { describe, expect, it } from 'vitest';
import { rows } from '../../bench/recipe/rows.ts';
import { scoreRandomWindows, startTrainer } from '../../bench/recipe/run.ts';
import { nodeHost } from '../../src/cli/host/simd-host.ts';
import { RandomStream } from '../../src/tensor/random.ts';
import { createSimdKernels } from '../../src/tensor/simd/index.ts';
import { score } from '../../src/train/score.ts';
import { randomIds } from '../support/models.ts';

const kernels = await createSimdKernels(nodeHost, { threads: 1, math: 'portable' });
const tokens = randomIds(40, 20).data;

/** A row at a size that takes no time. */
function start(name: string) {
  const row = rows[name]!(20, 100);
  const config = { ...row.config, layers: 1, contextLength: 8 };
  const settings = { ...row.settings, batchSize: 1, steps: 100 };
  const split = { train: tokens, validation: tokens };
  return { split, ...startTrainer({ ...row, config, settings }, 1, split, kernels) };
}
const names = (name: string) => start(name).trainer.model.parameters.map((p) => p.name.split('.').at(-2));

describe('rows of the recipe', () => {
  it.each(Object.keys(rows))('%s learns', (name) => {
    const { trainer } = start(name);
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

  it('are scored over windows that begin anywhere, too', () => {
    const { trainer, buffers, split } = start('recipe');
    trainer.train(1e-2);
    const each = Array.from(
      { length: 32 },
      (_, start) => score(trainer.model, buffers, tokens, [{ start, length: 8 }]).nll,
    );
    const random = new RandomStream(1, 'evaluate');
    const drawn = Array.from({ length: 1000 }, (_, i) => each[random.below(32, i)]!);
    const mean = drawn.reduce((sum, nll) => sum + nll, 0) / 1000;
    expect(new Set(drawn).size).toBe(32);
    expect(scoreRandomWindows(trainer, buffers, split)).toBeCloseTo(mean, 10);
    expect(Math.abs(mean - trainer.evaluate('full').nll)).toBeGreaterThan(1e-6);
  });
});
