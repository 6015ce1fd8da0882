import { afterEach, describe, expect, it } from 'vitest';
import { ids, tensor } from '../../../src/tensor/tensor.ts';
import { backends } from '../../support/backends.ts';
import { expectClose, expectSameBits, unit } from '../../support/compare.ts';
import { GuardedMemory } from '../../support/guarded.ts';
import { magnitudes, pairs, range, rowsOf, sum, xPool } from './support.ts';

/** Loss and probabilities of one row of logits, in float64. */
function naive(z: readonly number[], target: number) {
  const max = Math.max(...z);
  const total = sum(z.map((v) => Math.exp(v - max)));
  return { loss: Math.log(total) + max - z[target], probs: z.map((v) => Math.exp(v - max) / total) };
}

describe.each(await backends())('$name', ({ kernels }) => {
  const memory = new GuardedMemory(kernels.memory);
  afterEach(() => memory.reset());

  /** Losses and dlogits (with scale 1 unless given) for these rows. */
  function run(rows: readonly (readonly number[])[], targets: readonly number[], scale = 1) {
    const shape = [rows.length, rows[0].length];
    const logits = memory.tensor('logits', shape, rows.flat());
    const losses = memory.tensor('losses', [rows.length]);
    const dlogits = memory.tensor('dlogits', shape);
    const at = memory.ids('targets', targets);
    kernels.crossEntropy(losses, logits, at);
    kernels.crossEntropyBackward(dlogits, logits, at, scale);
    return { logits, losses, dlogits, at };
  }

  it('logits (0, ln 3) are probabilities (1/4, 3/4): the loss of the second is ln 4/3, its gradient (1/4, -1/4)', () => {
    const { losses, dlogits } = run([[0, Math.log(3)]], [1]);
    expectClose(losses, [Math.log(4 / 3)], { relative: 1e-6 });
    expectClose(dlogits, [0.25, -0.25], { relative: 1e-6 });
  });

  /** The difference z - max is off by one rounding of itself, up to the row's range, which e^z turns into so many
   * relative roundings; exp, log and V additions add theirs. */
  it('is within V + 2 range + 8 roundings of float64, forward and backward, for every size', () => {
    for (const [N, V] of pairs) {
      memory.reset();
      const rows = rowsOf(xPool.subarray(0, N * V), V).map((row) => row.map((v) => Math.fround(3 * v)));
      const targets = range(N).map((n) => (7 * n) % V);
      const { losses, dlogits } = run(rows, targets, 0.37);
      const exact = rows.map((row, n) => naive(row, targets[n]));
      const roundings = rows.map((row) => V + 2 * (Math.max(...row) - Math.min(...row)) + 8);
      expectClose(
        losses,
        exact.map(({ loss }) => loss),
        { relative: unit, scale: exact.map(({ loss }, n) => roundings[n] * (1 + loss)) },
      );
      expectClose(
        dlogits,
        exact.flatMap(({ probs }, n) => probs.map((p, v) => 0.37 * (p - (v === targets[n] ? 1 : 0)))),
        {
          relative: unit,
          scale: exact.flatMap(({ probs }, n) =>
            probs.map((p, v) => 0.37 * (roundings[n] * p + (v === targets[n] ? 2 : 0))),
          ),
        },
      );
    }
  });

  it('is log V for equal logits, whatever they are, with gradient 1 / V', () => {
    for (const value of [0, 1, -1e4, 1e4, 1e30]) {
      for (const V of [1, 2, 13, 64]) {
        memory.reset();
        const { losses, dlogits } = run([new Array(V).fill(value)], [V - 1]);
        expectClose(losses, [Math.log(V)], { relative: (V + 8) * unit, scale: 1 });
        const gradient = range(V).map((v) => 1 / V - (v === V - 1 ? 1 : 0));
        expectClose(dlogits, gradient, { relative: (V + 8) * unit, scale: 1 / V });
      }
    }
  });

  it('neither overflows nor loses anything at logits of +-1e4: certain right is 0, certain wrong is 20000', () => {
    const sure = [-1e4, 1e4, -1e4];
    const { losses, dlogits } = run([sure, sure], [1, 2]);
    expectSameBits(losses, [0, 20000]);
    expect(Array.from(dlogits.data, (v) => v + 0)).toEqual([0, 0, 0, 0, 1, -1]);
  });

  it('does not change, in any bit, when a power of two is added to logits that are integers', () => {
    const rows = [
      [3, -2, 0, 5, 5],
      [1, 1, 2, -9, 4],
    ];
    const { losses, dlogits } = run(rows, [4, 3]);
    const shifted = run(
      rows.map((row) => row.map((v) => v + 4096)),
      [4, 3],
    );
    expectSameBits(shifted.losses, losses);
    expectSameBits(shifted.dlogits, dlogits);
  });

  it('has gradients of each row that sum to zero', () => {
    const V = 33;
    const { dlogits } = run(rowsOf(xPool.subarray(0, 9 * V), V), range(9));
    for (const row of rowsOf(dlogits.data, V)) {
      expect(Math.abs(sum(row))).toBeLessThan((V + 8) * unit * sum(magnitudes(row)));
    }
  });

  it('may write the gradient over the logits', () => {
    const { logits, dlogits, at } = run(rowsOf(xPool.subarray(0, 5 * 17), 17), [0, 16, 3, 3, 8], 0.2);
    kernels.crossEntropyBackward(logits, logits, at, 0.2);
    expectSameBits(logits, dlogits);
  });

  it('gives a row the same bits alone as among others', () => {
    for (const V of [1, 5, 16, 33, 65]) {
      memory.reset();
      const rows = rowsOf(xPool.subarray(0, 9 * V), V);
      const targets = range(9).map((n) => n % V);
      const together = run(rows, targets);
      rows.forEach((row, n) => {
        const alone = run([row], [targets[n]]);
        expectSameBits(alone.losses, together.losses.data.subarray(n, n + 1));
        expectSameBits(alone.dlogits, together.dlogits.data.subarray(n * V, (n + 1) * V));
      });
    }
  });

  it('gives a row without a target no loss and no gradient, and changes no other row', () => {
    for (const V of [1, 3, 4, 7, 65]) {
      memory.reset();
      const rows = rowsOf(xPool.subarray(0, 6 * V), V);
      const targets = range(6).map((n) => n % V);
      const all = run(rows, targets, 0.3);
      const hidden = targets.map((id, n) => (n % 2 === 0 ? id : ~id));
      const some = run(rows, hidden, 0.3);
      for (const n of range(6)) {
        const [row, end] = [n * V, n * V + V];
        if (n % 2 === 0) {
          expectSameBits(some.losses.data.subarray(n, n + 1), all.losses.data.subarray(n, n + 1));
          expectSameBits(some.dlogits.data.subarray(row, end), all.dlogits.data.subarray(row, end));
        } else {
          expect(some.losses.data[n]).toBe(0);
          for (const x of some.dlogits.data.subarray(row, end)) expect(x).toBe(0);
        }
      }
    }
  });

  it.each([3, 7])('refuses the target %i among 3', (target) => {
    const [logits, losses, targets] = [
      tensor('logits', [2, 3]),
      tensor('losses', [2]),
      ids('targets', [0, target]),
    ];
    const error = (operation: string) =>
      new RangeError(`${operation}: expected targets[1] in 0 .. 2, got targets = ${target}`);
    expect(() => kernels.crossEntropy(losses, logits, targets)).toThrow(error('crossEntropy'));
    expect(() => kernels.crossEntropyBackward(logits, logits, targets, 1)).toThrow(
      error('crossEntropyBackward'),
    );
  });
});
