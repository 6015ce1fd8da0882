/** The optimizers that are only in the recipe's table, against their formulas in float64; and that each of their rows changes
 * what it says. */
import { describe, expect, it } from 'vitest';
import {
  cyclicTail,
  decayCautiously,
  equalizeNeurons,
  optimizerRows,
  orthogonalizeBy,
  polarExpress,
  polarExpressFrom1Percent,
  type Variant,
  VariantMuon,
} from '../../bench/recipe/optimizers.ts';
import { rows } from '../../bench/recipe/rows.ts';
import { startTrainer, trainToEnd } from '../../bench/recipe/run.ts';
import { nodeHost } from '../../src/cli/host/simd-host.ts';
import type { ModelConfig } from '../../src/model/config.ts';
import type { Parameter } from '../../src/tensor/arena.ts';
import type { NewtonSchulzSettings } from '../../src/tensor/kernels.ts';
import { reference } from '../../src/tensor/reference/index.ts';
import { createSimdKernels } from '../../src/tensor/simd/index.ts';
import { type Tensor, tensor } from '../../src/tensor/tensor.ts';
import { Muon } from '../../src/train/muon.ts';
import { learningRateAt } from '../../src/train/schedule.ts';
import { expectClose, expectSameBits, fingerprint, randomTensor } from '../support/compare.ts';
import { randomIds } from '../support/models.ts';
import {
  configs,
  lines,
  matrix,
  mirror,
  muonRate,
  open,
  product,
  rate,
  settings,
  size,
  transpose,
} from '../support/recipe.ts';

const openVariant = (config: ModelConfig, variant: Variant) =>
  open(config, (arena) => new VariantMuon(arena, reference, settings, variant));
const openRow = (name: string) =>
  open(configs[1][1], (arena) => optimizerRows[name]!.optimizer!(arena, reference, settings));
const nothing = ({ value }: Parameter) => new Float32Array(value.size);

describe.each(configs)('a variant of Muon on %s', (_, config) => {
  it.each([
    ['with nothing changed', {}],
    [
      'told what is so anyway',
      { momentum: () => 0.85, weightDecay: () => 0.1, tables: 1, vectors: 1, cautious: false },
    ],
  ])('%s is the one of the program, bit for bit', (_name, variant) => {
    const plain = open(config, (arena) => new Muon(arena, reference, settings, 5));
    const other = openVariant(config, variant);
    for (let t = 1; t <= 4; t++) {
      plain.step(t);
      other.step(t);
    }
    expectSameBits(other.model.arena.params, plain.model.arena.params);
    expectSameBits(other.optimizer.moments.m, plain.optimizer.moments.m);
  });

  it('with equal neurons moves each output by the same, and all together as far as before', () => {
    const moves = [{}, { equalNeurons: true }].map((variant) => {
      const { model, step } = openVariant(config, { ...variant, weightDecay: () => 0 });
      const before = model.parameters.map(({ value }) => value.data.slice());
      step(1);
      return model.parameters.map(({ value }, i) =>
        tensor(
          'move',
          value.shape,
          value.data.map((x, j) => x - before[i]![j]!),
        ),
      );
    });
    for (const [i, { hidden, name }] of openVariant(config, {}).model.parameters.entries()) {
      const [plain, equal] = [moves[0]![i]!, moves[1]![i]!];
      if (hidden === undefined) {
        expectSameBits(equal, plain);
        continue;
      }
      const outputs = (t: Tensor) => lines(t, hidden.inputs === 'rows' ? 'columns' : 'rows');
      const blocks = (t: Tensor) => {
        const all = outputs(t);
        const each = all.length / hidden.parts;
        return Array.from({ length: hidden.parts }, (_, b) => all.slice(b * each, (b + 1) * each));
      };
      for (const [b, block] of blocks(equal).entries()) {
        const sizes = block.map(size);
        expect(Math.max(...sizes) / Math.min(...sizes), name).toBeLessThan(1.0001);
        const plainSizes = blocks(plain)[b]!.map(size);
        expect(Math.max(...plainSizes) / Math.min(...plainSizes), name).toBeGreaterThan(1.02);
        expect(size(sizes) / size(plainSizes), name).toBeCloseTo(1, 4);
      }
    }
  });

  it('that is cautious decays matrices and tables where the update goes the same way, and only there', () => {
    const none = openVariant(config, { weightDecay: () => 0 });
    const cautious = openVariant(config, { cautious: true });
    const before = none.model.parameters.map(({ value }) => value.data.slice());
    none.step(1);
    cautious.step(1);
    for (const [i, { value, hidden, name }] of none.model.parameters.entries()) {
      if (value.shape.length < 2) {
        expectSameBits(cautious.model.parameters[i]!.value, value);
        continue;
      }
      let decayed = 0;
      const expected = value.data.map((after, j) => {
        const w = before[i]![j]!;
        const same = Math.sign(w - after) === Math.sign(w);
        decayed += Number(same);
        return same ? after - (hidden ? muonRate : rate) * 0.1 * w : after;
      });
      expectClose(cautious.model.parameters[i]!.value, expected, { relative: 1e-7 });
      expect(decayed / value.size, name).toBeGreaterThan(0.3);
      expect(decayed / value.size, name).toBeLessThan(0.7);
    }
  });
});

it('equal neurons are divided by the root of their running mean square', () => {
  for (const inputs of ['columns', 'rows'] as const) {
    const outputs = inputs === 'columns' ? 'rows' : 'columns';
    const squares = new Float64Array(inputs === 'columns' ? 3 : 5);
    const naive = squares.slice();
    for (const t of [1, 2, 3]) {
      const y = randomTensor(`y ${t}`, [3, 5], 1);
      for (let c = 0; c < 5; c++) y.data[c]! *= 10; // one row larger than the others
      const before = lines(y, outputs);
      equalizeNeurons(y, inputs, squares);
      const divided = before.map((line, n) => {
        naive[n] = 0.95 * naive[n]! + (0.05 * size(line) ** 2) / line.length;
        return line.map((x) => x / Math.sqrt(naive[n]!));
      });
      const scale = size(before.flat()) / size(divided.flat());
      expectClose(
        lines(y, outputs).flat(),
        divided.flat().map((x) => x * scale),
        { relative: 1e-6 },
      );
    }
  }
});

it('an update of 0 stays 0 with equal neurons', () => {
  const y = tensor('y', [2, 3]);
  equalizeNeurons(y, 'columns', new Float64Array(2));
  expectSameBits(y, new Float32Array(6));
});

describe('polynomials one after the other', () => {
  const values = [1, 0.4, 0.1, 0.03, 0.012];
  const onNumbers = (polynomials: readonly NewtonSchulzSettings[], x: number) => {
    for (const { coefficients, rounds } of polynomials) {
      const [a, b, c] = coefficients;
      for (let round = 0; round < rounds; round++) x = a * x + b * x ** 3 + c * x ** 5;
    }
    return x;
  };
  /** What they make of the singular values. */
  function made(polynomials: readonly NewtonSchulzSettings[], tall: boolean): number[][] {
    const [left, right] = [mirror('left', 5), mirror('right', 7)];
    const diagonal = values.map((value, r) => Array.from({ length: 7 }, (_, c) => (r === c ? value : 0)));
    const wide = product(product(left, diagonal), right);
    const shape = tall ? [7, 5] : [5, 7];
    const x = tensor('x', shape, (tall ? transpose(wide) : wide).flat());
    const y = tensor('y', shape);
    const square = (name: string) => tensor(name, [1, 5, 5]);
    const workspace = { g: square('g'), p: square('p'), q: square('q'), t: square('t') };
    orthogonalizeBy(reference, [{ x, y }], workspace, polynomials);
    const result = tall ? transpose(matrix(y)) : matrix(y);
    return product(product(left, result), right);
  }
  const once = { coefficients: [3.4445, -4.775, 2.0315], rounds: 3 } as const;

  it.each([
    ['five of Polar Express', polarExpress, 0.876, 1.124],
    ['its first three', polarExpress.slice(0, 3), 0.134, 1.866],
    ['three from 0.01 on', polarExpressFrom1Percent, 0.731, 1.269],
    ['three rounds of one', [once], 0.4, 1.21],
  ])('%s bring the singular values to where they do numbers', (_, polynomials, least, most) => {
    for (const tall of [false, true]) {
      const result = made(polynomials, tall);
      const expected = values.map((value) => onNumbers(polynomials, value / size(values)));
      for (const [r, row] of result.entries()) {
        for (const [c, x] of row.entries()) expect(x).toBeCloseTo(r === c ? expected[r]! : 0, 4);
        expect(row[r]).toBeGreaterThan(least);
        expect(row[r]).toBeLessThan(most);
      }
    }
  });

  it('of Polar Express reach 0.876 to 1.124 from 0.001 on, and the three others 0.731 to 1.269 from 0.01 on', () => {
    const range = (polynomials: readonly NewtonSchulzSettings[], from: number) => {
      const xs = Array.from({ length: 5001 }, (_, i) => onNumbers(polynomials, from ** (i / 5000)));
      return [Math.min(...xs), Math.max(...xs)];
    };
    expect(range(polarExpress, 1e-3).map((x) => x.toFixed(3))).toEqual(['0.876', '1.124']);
    expect(range(polarExpressFrom1Percent, 1e-2).map((x) => x.toFixed(3))).toEqual(['0.731', '1.269']);
  });
});

it('cautious decay leaves weights that their update has made larger', () => {
  const before = Float32Array.of(2, -2, 2, -2, 0, 1);
  const after = Float32Array.of(1, -1, 3, -3, 0.5, 1);
  decayCautiously(after, before, 0.25);
  expect([...after]).toEqual([0.5, -0.5, 3, -3, 0.5, 0.75]);
});

describe('the rows', () => {
  it('for decay: a ramp begins at 0 and ends at 0.8', () => {
    const { model, step, find } = openRow('decay-ramp');
    const [q, table] = [find('q_proj').value.data, find('embed_tokens').value.data];
    for (const [t, decay] of [
      [1, 0],
      [51, 0.4],
      [101, 0.8],
    ] as const) {
      const [qBefore, tableBefore] = [q[5]!, table[5]!];
      step(t, nothing);
      expect(q[5]! / qBefore).toBeCloseTo(1 - muonRate * decay, 6);
      expect(table[5]! / tableBefore).toBeCloseTo(1 - rate * decay, 6);
    }
    expect(model.arena.params.data.every(Number.isFinite)).toBe(true);
  });

  it.each([
    ['momentum-0.90', [0.9, 0.9, 0.9, 0.9, 0.9, 0.9]],
    ['momentum-0.95', [0.95, 0.95, 0.95, 0.95, 0.95, 0.95]],
    ['momentum-warm-cool', [0.85, 0.9, 0.95, 0.95, 0.9, 0.85]],
    ['normuon', [0.85, 0.85, 0.85, 0.85, 0.85, 0.85]],
  ])('for momentum: %s', (name, expected) => {
    const { model, optimizer, step, gradient, find } = openRow(name);
    const q = find('q_proj');
    const at = model.arena.offsetOf(q);
    const momenta = [1, 11, 21, 51, 91, 101].map((t) => {
      const m = optimizer.moments.m.data;
      m.fill(0);
      step(t);
      return 1 - m[at]! / gradient(q, t)[0]!;
    });
    for (const [i, momentum] of momenta.entries()) expect(momentum).toBeCloseTo(expected[i]!, 5);
  });

  it.each([
    ['embedding-x2', 2, 1],
    ['embedding-x0.5', 0.5, 1],
    ['gains-x3', 1, 3],
    ['gains-x0.3', 1, 0.3],
  ])('for rates: %s', (name, tables, vectors) => {
    const { step, find } = openRow(name);
    const [table, gain] = [find('embed_tokens').value.data, find('q_norm').value.data];
    const before = [table[3]!, gain[0]!];
    step(1, ({ value }) => new Float32Array(value.size).fill(1)); // AdamW's first step is the rate
    expect(before[0]! * (1 - rate * tables * 0.1) - table[3]!).toBeCloseTo(rate * tables, 6);
    expect(before[1]! - gain[0]!).toBeCloseTo(rate * vectors, 6);
  });

  it('differ from the recipe and from each other after three updates, but for the tail', async () => {
    const kernels = await createSimdKernels(nodeHost, { threads: 1, math: 'portable' });
    const tokens = randomIds(40, 20).data;
    const prints = ['recipe', ...Object.keys(optimizerRows)].map((name) => {
      const row = rows[name]!(20, 100);
      const config = { ...row.config, layers: 1, contextLength: 8, channels: 16, feedForward: 24 };
      const tiny = { ...row, config, settings: { ...row.settings, batchSize: 1 } };
      const { trainer } = startTrainer(tiny, 1, { train: tokens, validation: tokens }, kernels);
      for (let t = 0; t < 3; t++) trainer.train(0.004);
      return [name, fingerprint(trainer.model.arena.params.data)] as const;
    });
    const twins = prints.filter(([, print], i) => prints.findIndex(([, other]) => other === print) < i);
    expect(twins.map(([name]) => name)).toEqual(['cyclic-tail']);
    expect(prints.length).toBeGreaterThan(20);
  });
});

describe('the cyclic tail', () => {
  const schedule = { ...settings, steps: 100, warmup: 5 };
  const at = (done: number) => cyclicTail.rate(done, schedule);
  const planned = (done: number) => learningRateAt(done, schedule);

  it('falls to 0 three times, from where the schedule is', () => {
    for (const done of [0, 3, 30, 69, 70, 80, 90]) expect(at(done)).toBe(planned(done));
    expect(at(75)).toBeCloseTo(planned(70) * 0.5, 12);
    expect(at(79)).toBeCloseTo(planned(70) * 0.1, 12);
    expect(at(85)).toBeCloseTo(planned(80) * 0.5, 12);
    expect(at(99)).toBeCloseTo(planned(90) * 0.1, 12);
    expect(planned(80)).toBeLessThan(planned(70) * 0.7);
    expect(cyclicTail.ends(100)).toEqual([80, 90, 100]);
  });

  it('ends at the mean of its three ends', () => {
    const tokens = randomIds(40, 20).data;
    const start = () => {
      const row = rows['cyclic-tail']!(20, 20);
      const config = { ...row.config, layers: 1, contextLength: 8, channels: 16, feedForward: 24 };
      const tiny = { ...row, config, settings: { ...row.settings, batchSize: 1 } };
      const split = { train: tokens, validation: tokens };
      return { tiny, ...startTrainer(tiny, 1, split, reference) };
    };
    const [one, other] = [start(), start()];
    expect(trainToEnd(one.trainer, one.tiny)).toHaveLength(20);
    const { params } = other.trainer.model.arena;
    const weights = Array.from({ length: 20 }, (_, t) => {
      other.trainer.train(cyclicTail.rate(t, other.tiny.settings));
      return params.data.slice();
    });
    const mean = weights[19]!.map((x, i) => (weights[15]![i]! + weights[17]![i]! + x) / 3);
    expectSameBits(one.trainer.model.arena.params, mean);
    expect(mean.some((x, i) => x !== weights[19]![i])).toBe(true);
  });
});
