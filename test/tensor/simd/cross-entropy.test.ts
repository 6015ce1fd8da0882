import { describe, expect, test } from 'vitest';
import { reference } from '../../../src/tensor/reference/index.ts';
import { crossEntropy } from '../../../src/tensor/simd/cross-entropy.ts';
import { ids, type Tensor, tensor } from '../../../src/tensor/tensor.ts';
import { expectClose, expectSameBits, randomTensor, sizes, unit } from '../../support/compare.ts';
import { modeName, modes, sliced } from './sliced.ts';

const names = ['crossEntropy', 'crossEntropyBackward'] as const;
const N = 7;
const scale = 1 / 7;

function problem(V: number) {
  const logits = randomTensor('logits', [N, V], 1);
  logits.data.forEach((z, i) => {
    logits.data[i] = 5 * z;
  });
  const targets = ids(
    'targets',
    Array.from({ length: N }, (_, n) => (n * n + 2 * n + V - 1) % V),
  );
  const want = { losses: tensor('losses', [N]), dlogits: tensor('dlogits', [N, V]) };
  reference.crossEntropy(want.losses, logits, targets);
  reference.crossEntropyBackward(want.dlogits, logits, targets, scale);
  return { logits, targets, want };
}

describe.each(modes.map((mode) => ({ mode, name: modeName(mode) })))('with $name', ({ mode }) => {
  const { kernels, memory } = sliced([crossEntropy], names, mode);
  const k = kernels(1);
  const vocabularies = [...sizes, 130, 255];

  // A difference of logits is rounded relative to it, and e^z and log take that over; a sum has V / 4 terms a lane.
  test('losses and gradients are within V / 4 + 40 units of the reference, relative to the logits and to p + 1', () => {
    for (const V of vocabularies) {
      const { logits, targets, want } = problem(V);
      const z = memory.copy(logits);
      const [losses, dlogits] = [memory.tensor('losses', [N]), memory.tensor('dlogits', [N, V])];
      k.crossEntropy(losses, z, memory.ids('targets', targets.data));
      k.crossEntropyBackward(dlogits, z, memory.ids('targets', targets.data), scale);
      const relative = (V / 4 + 40) * unit;
      expectClose(losses, want.losses, { relative, scale: 1 });
      // Elements of the softmax are right relative to themselves; the target's p - 1 relative to 1.
      const size = want.dlogits.data.map((g, i) =>
        i % V === targets.data[Math.floor(i / V)] ? scale : Math.abs(g),
      );
      expectClose(dlogits, want.dlogits, { relative, scale: size });
      memory.reset();
    }
  });

  test('in place, alone and in slices, rows keep their bits', () => {
    for (const V of vocabularies) {
      const { logits, targets } = problem(V);
      const [z, t] = [memory.copy(logits), memory.ids('targets', targets.data)];
      const outputs = () => [memory.tensor('losses', [N]), memory.tensor('dlogits', [N, V])] as const;
      const run = (slices: number, [losses, dlogits]: readonly [Tensor, Tensor], input: Tensor) => {
        kernels(slices).crossEntropy(losses, input, t);
        kernels(slices).crossEntropyBackward(dlogits, input, t, scale);
      };
      const all = outputs();
      run(1, all, z);
      for (const slices of [2, 3]) {
        const again = outputs();
        run(slices, again, z);
        expectSameBits(again[0], all[0]);
        expectSameBits(again[1], all[1]);
        const inPlace = memory.copy(logits);
        run(slices, [again[0], inPlace], inPlace);
        expectSameBits(inPlace, all[1]);
      }
      const row = memory.tensor('row', [1, V], logits.data.slice(3 * V, 4 * V));
      const [loss, gradient] = [memory.tensor('loss', [1]), memory.tensor('gradient', [1, V])];
      const target = memory.ids('target', [targets.data[3]!]);
      k.crossEntropy(loss, row, target);
      k.crossEntropyBackward(gradient, row, target, scale);
      expectSameBits(loss, [all[0].data[3]!]);
      expectSameBits(gradient, all[1].data.slice(3 * V, 4 * V));
      memory.reset();
    }
  });

  test('equal logits give log V, huge ones no infinity, and a NaN shows', () => {
    const V = 6;
    const cases: [number[], number][] = [
      [Array(V).fill(3.5), Math.log(V)],
      [Array(V).fill(-1e4), Math.log(V)],
      [[1e4, -1e4, 0, 0, 0, 0], 0],
      [[-1e4, 1e4, 0, 0, 0, 0], 2e4],
      [[0, 0, 0, 0, 0, Number.NaN], Number.NaN],
    ];
    const z = memory.tensor(
      'z',
      [cases.length, V],
      cases.flatMap(([row]) => row),
    );
    const losses = memory.tensor('losses', [cases.length]);
    k.crossEntropy(losses, z, memory.ids('targets', Array(cases.length).fill(0)));
    expectClose(
      losses,
      cases.map(([, loss]) => loss),
      { relative: 4 * unit },
    );
    memory.reset();
  });

  test('the gradient of a nearly certain target keeps its digits', () => {
    const z = memory.tensor('z', [1, 2], [12, 0]);
    const dz = memory.tensor('dz', [1, 2]);
    k.crossEntropyBackward(dz, z, memory.ids('targets', [0]), 0.3);
    const p = 1 / (1 + Math.exp(12));
    expectClose(dz, [-0.3 * p, 0.3 * p], { relative: 4 * unit, scale: [0.3, 0] });
    // p - 1 is a whole number of units, and is still one after the product.
    expect(dz.data[0]! / (0.3 * unit)).toBeCloseTo(Math.round(dz.data[0]! / (0.3 * unit)), 3);
    memory.reset();
  });

  test('a target outside of the vocabulary is a RangeError', () => {
    const [z, y] = [memory.tensor('z', [1, 3]), memory.tensor('y', [1])];
    const message = 'crossEntropy: expected targets[0] in 0 .. 2, got targets = 3';
    expect(() => k.crossEntropy(y, z, memory.ids('targets', [3]))).toThrow(message);
    expect(() => k.crossEntropyBackward(z, z, memory.ids('targets', [3]), 1)).toThrow('in 0 .. 2');
    memory.reset();
  });
});
