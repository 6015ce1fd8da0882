/** SOAP against its formulas. */
import { describe, expect, it } from 'vitest';
import { powerIteration, Soap } from '../../bench/recipe/soap.ts';
import type { Gpt } from '../../src/model/gpt.ts';
import type { Parameter } from '../../src/tensor/arena.ts';
import { reference } from '../../src/tensor/reference/index.ts';
import { type Tensor, tensor } from '../../src/tensor/tensor.ts';
import { expectClose } from '../support/compare.ts';
import {
  configs,
  lines,
  matrix,
  mirror,
  muonRate,
  open,
  product,
  settings,
  size,
  transpose,
} from '../support/recipe.ts';

describe('SOAP', () => {
  const config = configs[1][1];
  const openSoap = () => open(config, (arena) => new Soap(arena, reference, settings));
  const hidden = (model: Gpt) => model.parameters.filter((p) => p.hidden !== undefined);

  it('has orthogonal bases, in which m is the running mean of the gradients', () => {
    const { model, optimizer, step, gradient } = openSoap();
    const updates = 25;
    for (let t = 1; t <= updates; t++) step(t);
    for (const [i, p] of hidden(model).entries()) {
      const { left, right, m } = optimizer.states[i]!;
      const [QL, QR] = [matrix(left.basis), matrix(right.basis)];
      for (const Q of [QL, QR]) {
        const gram = product(transpose(Q), Q);
        const error = gram.flatMap((row, r) => row.map((x, c) => Math.abs(x - Number(r === c))));
        expect(Math.max(...error), p.name).toBeLessThan(1e-5);
      }
      const mean = new Float64Array(p.value.size);
      const sides = [left, right].map((side) => ({ side, squares: new Float64Array(side.mean.size) }));
      const run = (of: Float64Array, next: ArrayLike<number>) => {
        for (let j = 0; j < of.length; j++) of[j] = 0.95 * of[j]! + 0.05 * next[j]!;
      };
      for (let t = 1; t <= updates; t++) {
        const G = matrix(tensor('g', p.value.shape, gradient(p, t)));
        if (t > 1) run(mean, G.flat());
        run(sides[0]!.squares, product(G, transpose(G)).flat());
        run(sides[1]!.squares, product(transpose(G), G).flat());
      }
      for (const { side, squares } of sides) expectClose(side.mean, squares, { relative: 1e-6 });
      expectClose(product(product(QL, matrix(m)), transpose(QR)).flat(), mean, { relative: 1e-5 });
    }
  });

  it('has its first bases from the first gradient, and with the second steps by the rate in every direction', () => {
    const { model, optimizer, step, gradient } = openSoap();
    let before = hidden(model).map(({ value }) => value.data.slice());
    const decayed = (i: number) => before[i]!.map((x) => (1 - muonRate * 0.1) * x);
    step(1);
    for (const [i, { value }] of hidden(model).entries()) {
      expectClose(value, decayed(i), { relative: 1e-7 });
    }
    before = hidden(model).map(({ value }) => value.data.slice());
    step(2);
    for (const [i, p] of hidden(model).entries()) {
      const { left, right } = optimizer.states[i]!;
      const turned = (x: ArrayLike<number>) =>
        product(
          product(transpose(matrix(left.basis)), matrix(tensor('x', p.value.shape, x))),
          matrix(right.basis),
        ).flat();
      const g = turned(gradient(p, 2));
      const moved = turned(decayed(i).map((x, j) => x - p.value.data[j]!));
      for (const [j, x] of moved.entries()) {
        if (Math.abs(g[j]!) > 1e-3) expect(x / muonRate).toBeCloseTo(Math.sign(g[j]!), 4); // else it is noise
      }
      const first = turned(gradient(p, 1));
      const diagonal = first.filter((_, j) => j % (p.value.shape[1]! + 1) === 0);
      expect(size(diagonal) / size(first), p.name).toBeGreaterThan(0.8); // on the axes it is 0.2 to 0.3
    }
  });

  it('never steps further than the rate while its bases stand still', () => {
    const { model, optimizer, step } = openSoap();
    for (let t = 1; t <= 5; t++) {
      const before = hidden(model).map(({ value }) => value.data.slice());
      step(t);
      for (const [i, { value, name }] of hidden(model).slice(0, 4).entries()) {
        const { left, right } = optimizer.states[i]!;
        const moved = before[i]!.map((x, j) => (1 - muonRate * 0.1) * x - value.data[j]!);
        const move = matrix(tensor('move', value.shape, moved));
        const inBasis = product(product(transpose(matrix(left.basis)), move), matrix(right.basis)).flat();
        expect(Math.max(...inBasis.map(Math.abs)) / muonRate, `${name} ${t}`).toBeLessThan(1.001); // Cauchy and Schwarz
      }
    }
  });

  it('keeps v with its directions when their order changes', () => {
    const { model, optimizer, step } = openSoap();
    const i = hidden(model).findIndex(({ name }) => name.includes('q_proj'));
    const diagonal = (at: (n: number) => number) => (p: Parameter) =>
      Float32Array.from({ length: p.value.size }, (_, j) =>
        p === hidden(model)[i] && j % 13 === 0 ? at(j / 13) : 0,
      );
    const [up, down] = [(n: number) => n + 1, (n: number) => 3 * (12 - n)];
    step(1, diagonal(up));
    step(2, diagonal(up));
    const turn = 10 - (i % 10); // the next update in which this matrix has its power iteration
    const order = () => optimizer.states[i]!.left.basis.data.slice(0, 12).findIndex((x) => x !== 0);
    expect(order()).toBe(11);
    step(turn, diagonal(down));
    expect(order()).toBe(0);
    const { left, right, v } = optimizer.states[i]!;
    const squared = (t: Tensor) => matrix(t).map((row) => row.map((x) => x * x));
    const onAxes = product(product(squared(left.basis), matrix(v)), transpose(squared(right.basis)));
    for (const [r, row] of onAxes.entries()) {
      for (const [c, x] of row.entries()) {
        const expected = 0.95 * 0.05 * up(r) ** 2 + 0.05 * down(r) ** 2;
        expect(x).toBeCloseTo(r === c ? expected : 0, 4);
      }
    }
    expect(model.arena.params.data.every(Number.isFinite)).toBe(true); // all other gradients were 0
  });

  it('comes to the eigenvectors, that of the largest eigenvalue first', () => {
    const S = 6;
    const vectors = mirror('vectors', S);
    const values = [1, 4, 2, 32, 8, 16];
    const scaled = vectors.map((row) => row.map((x, c) => x * values[c]!));
    const mean = tensor('mean', [S, S], product(scaled, vectors).flat());
    const basis = tensor(
      'basis',
      [S, S],
      Array.from({ length: S * S }, (_, i) => Number(i % (S + 1) === 0)),
    );
    const side = { mean, basis, product: tensor('product', [S, S]) };
    for (let n = 0; n < 25; n++) powerIteration(reference, side);
    const found = lines(basis, 'columns');
    for (const [k, column] of [3, 5, 4, 1, 2, 0].entries()) {
      const vector = vectors.map((row) => row[column]!);
      const cosine = found[k]!.reduce((sum, x, r) => sum + x * vector[r]!, 0);
      expect(Math.abs(cosine)).toBeCloseTo(1, 5);
    }
  });
});
