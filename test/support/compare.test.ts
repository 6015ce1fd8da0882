import { describe, expect, it } from 'vitest';
import { reference } from '../../src/tensor/reference/index.ts';
import { tensor } from '../../src/tensor/tensor.ts';
import { expectClose, expectSameBits, fingerprint, randomTensor, toFloat64, unit } from './compare.ts';
import { GuardedMemory } from './guarded.ts';

describe('expectClose', () => {
  const expected = randomTensor('y', [5, 7], 1);
  const off = (i: number, factor: number) => {
    const y = tensor('y', [5, 7], expected.data);
    y.data[i] *= factor;
    return y;
  };

  it('accepts the next number and names an element that is off by 1 %', () => {
    expectClose(off(0, 1), expected, { relative: 0 });
    expectClose(off(23, 1 + 2 ** -23), expected, { relative: 4 * unit });
    expect(() => expectClose(off(23, 1.01), expected, { relative: 1e-4 })).toThrow(
      /^y\[3, 2\] = .* allowed 0.0001$/,
    );
  });

  it('measures small elements against the root mean square, or against what it is told', () => {
    expectClose([1e-9, 1], [0, 1], { relative: 1e-8 });
    expect(() => expectClose([1e-9, 1], [0, 1], { relative: 1e-8, scale: 1e-3 })).toThrow(
      'element [0] = 1e-9',
    );
    expect(() => expectClose([1e-9, 1], [0, 1], { relative: 1e-8, scale: [0, 1] })).toThrow(
      'element [0] = 1e-9',
    );
  });

  it('fails on zeros, NaN, infinities and missing elements', () => {
    expect(() => expectClose(new Float32Array(35), expected, { relative: 0.02 })).toThrow();
    expect(() => expectClose([1, Number.NaN], [1, 2], { relative: 1 })).toThrow('element [1] = NaN');
    expect(() => expectClose([1, 2], [1, Number.NaN], { relative: 1 })).toThrow('expected NaN');
    expect(() => expectClose([1, 2], [Infinity, 9], { relative: 1e-3 })).toThrow('element [0] = 1');
    expect(() => expectClose([Infinity, 2.1], [Infinity, 2], { relative: 1e-3 })).toThrow(
      'element [1] = 2.1',
    );
    expect(() => expectClose([1], [1, 2], { relative: 1 })).toThrow('1 elements, expected 2');
    expectClose([Infinity, Number.NaN, 0], [Infinity, Number.NaN, -0], { relative: 1e-3 });
  });
});

describe('expectSameBits', () => {
  it('tells 0 from -0 and the next number from this one', () => {
    expectSameBits([0, Number.NaN, 1.5], [0, Number.NaN, 1.5]);
    expect(() => expectSameBits([1, 0], [1, -0])).toThrow('element [1] = 0, expected the bits of -0');
    expect(() => expectSameBits(tensor('y', [2, 2], [1, 2, 3, 4]), [1, 2, 3 + 1e-9, 4])).toThrow(
      'y[1, 0] = 3',
    );
    expect(() => expectSameBits([1], [1, 2])).toThrow('1 elements, expected 2');
  });
});

describe('random tensors and fingerprints', () => {
  it('depend on name, seed and nothing else', () => {
    const x = randomTensor('x', [3], 1);
    expectSameBits(randomTensor('x', [3], 1), x);
    expectSameBits(randomTensor('x', [5], 1).rows(3), x);
    expect(randomTensor('y', [3], 1).data[0]).not.toBe(x.data[0]);
    expect(randomTensor('x', [3], 2).data[0]).not.toBe(x.data[0]);
    expectSameBits(Float32Array.from(randomTensor('x', [3], 1, 'float64').data), x);
    expect(toFloat64(x).data).toEqual(Float64Array.from(x.data));
  });

  it('change with any bit', () => {
    const x = randomTensor('x', [100], 1).data;
    const before = fingerprint(x);
    expect(fingerprint(x.slice())).toBe(before);
    x[99] = Math.fround(x[99] * (1 + 2 ** -23));
    expect(fingerprint(x)).not.toBe(before);
    expect(fingerprint(Float32Array.of(0))).not.toBe(fingerprint(Float32Array.of(-0)));
  });
});

describe('GuardedMemory', () => {
  it('reports a write on either side of a tensor, and nothing else', () => {
    for (const [offset, broken] of [
      [-1, true],
      [0, false],
      [6, false],
      [7, true],
    ] as const) {
      const memory = new GuardedMemory(reference.memory, 4096);
      memory.tensor('a', [3]);
      const y = memory.tensor('y', [7]);
      memory.ids('ids', [1, 2, 3]);
      new Float32Array(y.data.buffer, y.data.byteOffset + 4 * offset, 1)[0] = 1;
      const check = () => memory.expectGuardsIntact();
      if (broken) expect(check).toThrow('y: memory beside it was overwritten');
      else check();
    }
  });

  it('starts tensors on 64-byte boundaries, as NaN, and uses its memory again after reset', () => {
    const memory = new GuardedMemory(reference.memory, 4096);
    const first = memory.tensor('a', [5]);
    expect(first.data.byteOffset % 64).toBe(0);
    expect([...first.data].every(Number.isNaN)).toBe(true);
    expect(memory.copy(tensor('b', [2], [3, 4])).data).toEqual(Float32Array.of(3, 4));
    expect(() => memory.tensor('c', [1024])).toThrow('c: this memory is full');
    memory.reset();
    expect(memory.tensor('a', [7]).data.byteOffset).toBe(first.data.byteOffset);
  });
});
