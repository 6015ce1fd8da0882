import { describe, expect, it } from 'vitest';
import {
  checkOperations,
  compareGradients,
  gradientTolerance,
} from '../../src/tensor/gradcheck/gradcheck.ts';
import type { Kernels } from '../../src/tensor/kernels.ts';
import { reference } from '../../src/tensor/reference/index.ts';
import { Tensor } from '../../src/tensor/tensor.ts';

/** Rows that a checker would report, as 'operation: gradient'. */
function failures(kernels: Kernels): string[] {
  return checkOperations(kernels)
    .filter((row) => !(row.worstRelativeError < gradientTolerance))
    .map((row) => `${row.operation}: ${row.gradient}`);
}

describe('checkOperations', () => {
  it('covers every operation that has a backward', () => {
    const rows = checkOperations(reference).map((row) => `${row.operation}: ${row.gradient} ${row.elements}`);
    expect(rows).toHaveLength(44);
    expect(rows.filter((row) => !row.startsWith('matmul'))).toEqual([
      'add: a 21',
      'add: b 21',
      'multiply: a 21',
      'multiply: b 21',
      'gelu: x 21',
      'swiglu: gate and up 42',
      'embedding (set): table 15',
      'embedding (add): table 15',
      'embedding (add): y before 21',
      'layernorm: x 35',
      'layernorm: gain 7',
      'layernorm: shift 7',
      'rmsnorm: x 35',
      'rmsnorm: gain 7',
      'qkNorm: qkv 180',
      'qkNorm: gains 8',
      'rope: qkv 180',
      'attention: qkv 270',
      'attention (keep): qkv 270',
      'crossEntropy: logits 35',
    ]);
  });

  for (const row of checkOperations(reference)) {
    it(`the gradient of ${row.operation} with respect to ${row.gradient} is its derivative`, () => {
      expect(row.worstRelativeError).toBeLessThan(gradientTolerance);
      // A checker that compared nothing would report 0.
      expect(row.worstRelativeError).toBeGreaterThan(0);
    });
  }

  /** The reference with one operation after which `spoil` changes what it wrote. */
  function broken(operation: keyof Kernels, spoil: (written: Tensor) => void, argument = 0): Kernels {
    const sound = reference[operation] as (...args: unknown[]) => void;
    return {
      ...reference,
      [operation](...args: unknown[]) {
        sound(...args);
        spoil(args[argument] as Tensor);
      },
    };
  }
  const onePercent = (dx: Tensor) => {
    dx.data[dx.size - 1] *= 1.01;
  };

  it.each([
    [
      'biasBackward',
      0,
      ['matmul (bias): bias', 'matmulTransposedB (bias): bias', 'matmulTransposedA (bias): bias'],
    ],
    ['embeddingBackward', 0, ['embedding (set): table', 'embedding (add): table']],
    ['layernormBackward', 0, ['layernorm: x']],
    ['layernormParametersBackward', 0, ['layernorm: gain']],
    ['layernormParametersBackward', 1, ['layernorm: shift']],
    ['geluBackward', 0, ['gelu: x']],
    ['swigluBackward', 0, ['swiglu: gate and up']],
    ['rmsnormBackward', 0, ['rmsnorm: x']],
    ['rmsnormParametersBackward', 0, ['rmsnorm: gain']],
    ['qkNormBackward', 0, ['qkNorm: qkv']],
    ['qkNormParametersBackward', 0, ['qkNorm: gains']],
    ['ropeBackward', 0, ['rope: qkv']],
    ['attentionBackward', 0, ['attention: qkv', 'attention (keep): qkv']],
    ['crossEntropyBackward', 0, ['crossEntropy: logits']],
  ] as const)(
    'reports %s (written argument %i) if its last element is off by 1 %%',
    (operation, argument, rows) => {
      expect(failures(broken(operation, onePercent, argument))).toEqual(rows);
    },
  );

  it('reports a product that is off by 1 %, wherever it serves as a backward', () => {
    expect(failures(broken('matmulTransposedB', onePercent))).toEqual(
      expect.arrayContaining([
        'matmul (set): a',
        'matmul (add): a',
        'matmul (bias): a',
        'matmulTransposedA (set): a',
      ]),
    );
    expect(failures(broken('matmulTransposedA', onePercent))).toEqual(
      expect.arrayContaining(['matmul (set): b', 'matmulTransposedB (set): b']),
    );
    expect(failures(broken('matmul', onePercent))).toEqual(
      expect.arrayContaining(['matmulTransposedA (set): b', 'matmulTransposedB (set): a']),
    );
  });

  it('reports a backward that overwrites where it should add', () => {
    const forgetful: Kernels = {
      ...reference,
      layernormParametersBackward(dgain, dshift, dy, x, stats) {
        dgain.data.fill(0);
        reference.layernormParametersBackward(dgain, dshift, dy, x, stats);
      },
    };
    expect(failures(forgetful)).toEqual(['layernorm: gain']);
  });

  it('reports a backward that adds where it should overwrite', () => {
    const adding: Kernels = {
      ...reference,
      geluBackward(dx, dy, x) {
        const before = dx.data.slice();
        reference.geluBackward(dx, dy, x);
        for (let i = 0; i < dx.size; i++) dx.data[i] += before[i];
      },
    };
    expect(failures(adding)).toEqual(['gelu: x']);
  });

  it('reports NaN, and a gradient of zeros', () => {
    const spoil = (value: number) => broken('geluBackward', (dx) => dx.data.fill(value, 0, 1));
    expect(failures(spoil(Number.NaN))).toEqual(['gelu: x']);
    const zeros = broken('attentionBackward', (dx) => dx.data.fill(0));
    expect(failures(zeros)).toEqual(['attention: qkv', 'attention (keep): qkv']);
  });
});

describe('compareGradients', () => {
  const vector = (values: number[]) => new Tensor('x', [values.length], Float64Array.from(values));
  /** loss = sum of x^3, so dx = 3 x^2. */
  const x = vector([1, -2, 0.5]);
  const loss = () => x.data.reduce((sum, v) => sum + v * v * v, 0);

  it('measures the worst element against the gradient and names it', () => {
    expect(compareGradients(loss, x, vector([3, 12, 0.75])).worstRelativeError).toBeLessThan(1e-9);
    const off = compareGradients(loss, x, vector([3, 12.12, 0.75]));
    expect(off.worstRelativeError).toBeCloseTo(0.12 / 12.12, 8);
    expect(off.at).toEqual([1]);
    expect(off.analytic).toBe(12.12);
    expect(off.numeric).toBeCloseTo(12, 8);
    expect(off.elements).toBe(3);
  });

  it('measures an element near zero against the typical element', () => {
    const flat = new Tensor('x', [2, 2], Float64Array.of(0, 1, 1, 1));
    const cubes = () => flat.data.reduce((sum, v) => sum + v * v * v, 0);
    const error = compareGradients(cubes, flat, new Tensor('dx', [2, 2], Float64Array.of(0, 3, 3.3, 3)));
    expect(error.at).toEqual([1, 0]);
    // At 0 the quotient is step^2, not 0: relative to itself that would be an error of 100 %.
    const exact = compareGradients(cubes, flat, new Tensor('dx', [2, 2], Float64Array.of(0, 3, 3, 3)));
    expect(exact.worstRelativeError).toBeLessThan(1e-9);
  });

  it('leaves x as it was', () => {
    compareGradients(loss, x, vector([3, 12, 0.75]));
    expect([...x.data]).toEqual([1, -2, 0.5]);
  });

  it('treats an infinite or missing number as the worst error there is', () => {
    expect(compareGradients(loss, x, vector([3, Number.NaN, 9])).worstRelativeError).toBe(
      Number.POSITIVE_INFINITY,
    );
    expect(compareGradients(loss, x, vector([3, Number.NaN, 9])).at).toEqual([1]);
  });

  it('refuses float32, in which finite differences drown in rounding', () => {
    const single = new Tensor('w', [1], Float32Array.of(1));
    expect(() => compareGradients(loss, single, vector([1]))).toThrow(
      new TypeError('compareGradients: expected w and its gradient in float64, got float32'),
    );
  });

  it('refuses a gradient of another shape', () => {
    expect(() => compareGradients(loss, x, vector([1, 2]))).toThrow(
      new RangeError('compareGradients: expected a gradient of (3) for x, got (2)'),
    );
  });
});
