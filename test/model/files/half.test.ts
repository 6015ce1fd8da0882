/** Float16: every half is exact, and every float32 goes to its nearest. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { readHalf, toHalf } from '../../../src/model/files/half.ts';
import { readSafetensors, writeSafetensors } from '../../../src/model/files/safetensors.ts';

const bytesOf = (halves: Uint16Array) => new Uint8Array(halves.buffer);
/** All that are not NaN, by their bits: first from 0 to infinity, then the negative ones. */
const bits = Uint16Array.from([...Array(0x7c01).keys()].flatMap((half) => [half, half | 0x8000]));
const values = readHalf(bytesOf(bits));

describe('a half', () => {
  it('has the value that the standard gives it', () => {
    const shown = [0x3c00, 0xc000, 0x7bff, 0x0400, 0x0001, 0x3555, 0x7c00];
    const expected = [1, -2, 65504, 2 ** -14, 2 ** -24, 0.333251953125, Infinity];
    expect([...readHalf(bytesOf(Uint16Array.from(shown)))]).toEqual(expected);
    expect([...toHalf(expected)]).toEqual(shown);
  });

  it('comes back from its value', () => {
    expect(toHalf(values)).toEqual(bits);
  });

  it('is what a number between two goes to if it is nearer, and if neither is, the even one', () => {
    const positive = values.filter((x) => x >= 0 && !Object.is(x, -0) && x < Infinity);
    for (let i = 1; i < positive.length; i++) {
      const [low, high] = [positive[i - 1]!, positive[i]!];
      const middle = (low + high) / 2; // a float32, exactly
      const step = 2 ** Math.max(-149, Math.floor(Math.log2(middle)) - 23);
      const even = i % 2 === 0 ? i : i - 1;
      expect([...toHalf([middle - step, middle, middle + step, -middle])]).toEqual([
        ...[i - 1, even, i, even | 0x8000],
      ]);
    }
  });

  it('is never farther away than another, for any float32', () => {
    fc.assert(
      fc.property(fc.float({ min: -65504, max: 65504, noNaN: true }), (x) => {
        const [half] = toHalf([x]);
        const around = [half! - 1, half!, half! + 1].filter((h) => (h & 0x7fff) < 0x7c00);
        const distance = (h: number) => Math.abs(readHalf(bytesOf(Uint16Array.of(h)))[0]! - x);
        expect(Math.min(...around.filter((h) => h >= 0).map(distance))).toBe(distance(half!));
      }),
    );
  });

  it('is infinite from where it would be rounded to 2^16', () => {
    expect([...toHalf([65519.99, 65520, 1e30, -65520])]).toEqual([0x7bff, 0x7c00, 0x7c00, 0xfc00]);
  });

  it('is stored as F16', () => {
    const data = toHalf([1, 0.1, -3]);
    const file = writeSafetensors([{ name: 'w', shape: [3], data }]);
    const tensor = readSafetensors(file, 'x').get('w')!;
    expect([tensor.dtype, ...tensor.data]).toEqual(['F16', 1, 0.0999755859375, -3]);
  });
});
