import { describe, expect, it } from 'vitest';
import { check, dims } from '../../src/tensor/dims.ts';
import { ids, tensor } from '../../src/tensor/tensor.ts';

const x = tensor('h.0.x', [6, 4]);
const gain = tensor('h.0.ln_1.weight', [4]);
const y = tensor('y', [6, 4]);

describe('dims', () => {
  it('binds each letter to one length, of tensors and of ids', () => {
    const bound = dims('embedding', {
      x: [x, 'N C'],
      gain: [gain, 'C'],
      ids: [ids('ids', [1, 2, 3, 4, 5, 6]), 'N'],
    });
    expect(bound).toEqual({ N: 6, C: 4 });
  });

  it('does not compile when a letter is misspelt', () => {
    const bound = dims('layernorm', { x: [x, 'N C'], stats: [tensor('stats', [6, 2]), 'N 2'] });
    // @ts-expect-error: no argument has a D
    expect(bound.D).toBeUndefined();
    // @ts-expect-error: 2 is no letter
    expect(bound['2']).toBeUndefined();
    expect(bound.C).toBe(4);
  });

  it('prints the whole call with an arrow at what does not fit', () => {
    const wrong = tensor('h.0.ln_1.weight', [5]);
    expect(() => dims('layernorm', { x: [x, 'N C'], gain: [wrong, 'C'], y: [y, 'N C'] })).toThrow(
      new RangeError(
        [
          'layernorm: gain does not fit; expected (4), got (5)',
          '    x (N C) = (6, 4)  h.0.x',
          '  > gain (C) = (5)  h.0.ln_1.weight',
          '    y (N C) = (6, 4)  y',
        ].join('\n'),
      ),
    );
  });

  it('prints the letters of lengths that nothing has fixed yet', () => {
    expect(() => dims('attention', { qkv: [gain, 'N C3'] })).toThrow(
      new RangeError(
        [
          'attention: qkv does not fit; expected (N, C3), got (4)',
          '  > qkv (N C3) = (4)  h.0.ln_1.weight',
        ].join('\n'),
      ),
    );
  });

  it('checks a letter against itself within one shape', () => {
    expect(dims('attention', { probs: [tensor('probs', [2, 3, 3]), 'B T T'] })).toEqual({ B: 2, T: 3 });
    expect(() => dims('attention', { probs: [tensor('probs', [2, 3, 4]), 'B T T'] })).toThrow(
      'attention: probs does not fit; expected (2, 3, 3), got (2, 3, 4)',
    );
  });

  it('takes a number as that length', () => {
    const stats = tensor('stats', [6, 3]);
    expect(() => dims('layernorm', { x: [x, 'N C'], stats: [stats, 'N 2'] })).toThrow(
      'layernorm: stats does not fit; expected (6, 2), got (6, 3)',
    );
  });

  it('fits a shape of length 0 only to 0', () => {
    const empty = tensor('empty', [0, 4]);
    expect(dims('add', { a: [empty, 'N C'] })).toEqual({ N: 0, C: 4 });
    expect(() => dims('add', { a: [empty, 'N C'], b: [x, 'N C'] })).toThrow('expected (0, 4), got (6, 4)');
  });

  it('remembers what fits, for the same tensors under the same letters only', () => {
    const square = tensor('square', [3, 3]);
    const other = tensor('other', [3, 5]);
    const call = () => dims('matmul', { a: [square, 'M K'], b: [other, 'K N'] });
    const first = call();
    expect(call()).toBe(first);
    expect(dims('matmul', { a: [square, 'M K'] })).toEqual({ M: 3, K: 3 });
    expect(dims('matmul', { a: [square, 'M K'], b: [other, 'M N'] })).toEqual({ M: 3, K: 3, N: 5 });
    expect(() => dims('matmul', { a: [square, 'M K'], b: [other, 'N K'] })).toThrow(
      'expected (3, 3), got (3, 5)',
    );
    expect(() => dims('matmul', { a: [square, 'M K'], b: [x, 'K N'] })).toThrow('expected (3, N)');
    expect(() => dims('matmul', { a: [square, '2 K'], b: [other, 'K N'] })).toThrow('expected (2, K)');
    expect(call()).toBe(first);
  });

  it('goes on being right when there is more to remember than it keeps', () => {
    const a = tensor('a', [2, 3]);
    const others = Array.from({ length: 6 }, (_, i) => tensor(`b${i}`, [3, i + 1]));
    for (let round = 0; round < 2; round++) {
      for (const [i, b] of others.entries()) {
        expect(dims('matmul', { a: [a, 'M K'], b: [b, 'K N'] })).toEqual({ M: 2, K: 3, N: i + 1 });
      }
    }
    expect(a.checks.length).toBeLessThan(others.length);
  });
});

describe('check', () => {
  it('is silent when the rule holds, and otherwise states it with the values', () => {
    check('attention', true, 'channels divisible by heads', { C: 12, H: 4 });
    expect(() => check('attention', false, 'channels divisible by heads', { C: 10, H: 4 })).toThrow(
      new RangeError('attention: expected channels divisible by heads, got C = 10, H = 4'),
    );
  });
});
