/** For tests of the recipe's optimizers: a tiny model with one, and matrices as nested arrays of numbers. */
import { rows } from '../../bench/recipe/rows.ts';
import type { ModelConfig } from '../../src/model/config.ts';
import { Gpt } from '../../src/model/gpt.ts';
import type { Arena, Parameter } from '../../src/tensor/arena.ts';
import { reference } from '../../src/tensor/reference/index.ts';
import type { Tensor } from '../../src/tensor/tensor.ts';
import type { Optimizer } from '../../src/train/optimizer.ts';
import { randomTensor } from './compare.ts';
import { randomize, tinyConfig, tinyQwen3 } from './models.ts';

/** AdamW's rate 0.005, Muon's 0.025 at the peak, weight decay 0.1; 100 steps from the first update to the last. */
export const { settings } = rows.recipe!(20, 101);
export const rate = 0.004;
export const muonRate = 5 * rate;
export const configs = [
  ['gpt2', tinyConfig],
  ['qwen3', { ...tinyQwen3, tiedHead: true }],
] as const;

export function open<O extends Optimizer>(config: ModelConfig, make: (arena: Arena) => O) {
  const model = new Gpt(config, { kernels: reference, batch: 1, slots: 0, gradients: true });
  const { arena } = model;
  const optimizer = make(arena);
  arena.allocate(reference.memory);
  randomize(model, 2);
  const gradient = (p: Parameter, step: number) => randomTensor(`${p.name} ${step}`, p.value.shape, 4).data;
  /** Random gradients, or those given; not clipped. */
  const step = (t: number, given = gradient) => {
    for (const p of model.parameters) p.grad.data.set(given(p, t));
    optimizer.update(rate, 1, t);
  };
  const find = (name: string) => model.parameters.find((p) => p.name.endsWith(`${name}.weight`))!;
  return { model, optimizer, gradient, step, find };
}

export const size = (x: ArrayLike<number>) => Math.hypot(...Array.from(x));
/** Rows of a matrix, or its columns. */
export function lines({ data, shape }: Tensor, axis: 'rows' | 'columns', columns = shape[1]!): number[][] {
  const at = (r: number, c: number) => data[r * columns + c]!;
  const [R, C] = [shape[0]!, columns];
  return axis === 'rows'
    ? Array.from({ length: R }, (_, r) => Array.from({ length: C }, (_, c) => at(r, c)))
    : Array.from({ length: C }, (_, c) => Array.from({ length: R }, (_, r) => at(r, c)));
}
export const product = (x: number[][], y: number[][]) =>
  x.map((row) => y[0]!.map((_, c) => row.reduce((sum, v, k) => sum + v * y[k]![c]!, 0)));
export const transpose = (x: number[][]) => x[0]!.map((_, c) => x.map((row) => row[c]!));
export const matrix = (t: Tensor) => lines(t, 'rows');

/** An orthogonal matrix which is its own inverse. */
export function mirror(name: string, S: number): number[][] {
  const v = randomTensor(name, [S], 1).data;
  return Array.from({ length: S }, (_, r) =>
    Array.from({ length: S }, (_, c) => Number(r === c) - (2 * v[r]! * v[c]!) / size(v) ** 2),
  );
}
