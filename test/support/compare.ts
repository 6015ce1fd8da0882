/** Helpers that every test file shares: comparisons that name the worst element, and seeded data.
 *
 * A tolerance is always relative, and derived where it is used: `unit` = 2^-24 is the largest relative error of one
 * rounding to float32, so a sum of K rounded products is off by at most about K * unit * (sum of their magnitudes),
 * in whatever order it is added up. */
import { expect } from 'vitest';
import { RandomStream } from '../../src/tensor/random.ts';
import { type Floats, type Numbers, Tensor } from '../../src/tensor/tensor.ts';

/** Half a unit in the last place of a float32 between 1 and 2. */
export const unit = 2 ** -24;

/** The sizes at which blocks, tails and edges of a kernel meet. */
export const sizes = [1, 2, 3, 4, 5, 7, 8, 9, 15, 16, 17, 31, 33, 64, 65];

type Values = Tensor<Numbers> | ArrayLike<number>;

/** Fails, naming the worst element, unless every |actual - expected| <= relative * max(|expected|, scale).
 *
 * `scale` is what the error is measured against where an element happens to be near 0: one number, or one an element
 * (the sum of the magnitudes that were added up). It defaults to the root mean square of `expected`. NaN equals only
 * NaN, and an infinity only itself. */
export function expectClose(
  actual: Values,
  expected: Values,
  { relative, scale }: { relative: number; scale?: number | ArrayLike<number> },
): void {
  const [a, e] = [elements(actual), elements(expected)];
  if (a.length !== e.length) expect.fail(`${label(actual)}: ${a.length} elements, expected ${e.length}`);
  const size = scale ?? rootMeanSquare(e);
  let worst = -1;
  let worstError = relative;
  for (let i = 0; i < e.length; i++) {
    if (Object.is(a[i], e[i]) || a[i] === e[i]) continue;
    const error = Math.abs(a[i] - e[i]) / Math.max(Math.abs(e[i]), typeof size === 'number' ? size : size[i]);
    if (error <= worstError) continue;
    worst = i;
    worstError = error;
    if (Number.isNaN(error)) break;
  }
  if (worst < 0) return;
  const where = `${label(actual)}${position(actual, worst)}`;
  expect.fail(`${where} = ${a[worst]}, expected ${e[worst]}: off by ${worstError}, allowed ${relative}`);
}

/** Fails, naming the first element, unless all are the same number: 0 is not -0, NaN is NaN. */
export function expectSameBits(actual: Values, expected: Values): void {
  const [a, e] = [elements(actual), elements(expected)];
  if (a.length !== e.length) expect.fail(`${label(actual)}: ${a.length} elements, expected ${e.length}`);
  for (let i = 0; i < e.length; i++) {
    if (Object.is(a[i], e[i])) continue;
    expect.fail(`${label(actual)}${position(actual, i)} = ${text(a[i])}, expected the bits of ${text(e[i])}`);
  }
}

/** Independent standard normals. Tensors of other names or seeds get other numbers. */
export function randomTensor(
  name: string,
  shape: readonly number[],
  seed: number,
  precision: 'float32' | 'float64' = 'float32',
): Tensor {
  const size = shape.reduce((product, length) => product * length, 1);
  const data = precision === 'float32' ? new Float32Array(size) : new Float64Array(size);
  const characters = Uint32Array.from(name, (character) => character.codePointAt(0)!);
  new RandomStream(seed, 'init').normals(data, 1, fnv(characters));
  return new Tensor<Floats>(name, shape, data);
}

/** A copy in float64. */
export function toFloat64(t: Tensor): Tensor {
  return new Tensor<Floats>(t.name, t.shape, Float64Array.from(t.data));
}

/** Eight hexadecimal digits that change when any bit of any element does. */
export function fingerprint(values: Floats | Int32Array): string {
  const words = new Uint32Array(values.buffer, values.byteOffset, values.byteLength / 4);
  return fnv(words).toString(16).padStart(8, '0');
}

/** The FNV-1a hash, one 32-bit word at a time, with a final shift so that high bits reach low ones. */
function fnv(words: Uint32Array): number {
  let hash = 0x811c9dc5;
  for (const word of words) {
    hash = Math.imul(hash ^ word, 0x01000193);
    hash ^= hash >>> 15;
  }
  return hash >>> 0;
}

function elements(values: Values): ArrayLike<number> {
  return values instanceof Tensor ? values.data : values;
}

function label(values: Values): string {
  return values instanceof Tensor ? values.name : 'element ';
}

/** [3, 7] for a tensor, [23] for an array. */
function position(values: Values, flat: number): string {
  if (!(values instanceof Tensor)) return `[${flat}]`;
  const index: number[] = [];
  for (let i = values.shape.length - 1, rest = flat; i >= 0; i--) {
    index.unshift(rest % values.shape[i]);
    rest = Math.floor(rest / values.shape[i]);
  }
  return `[${index.join(', ')}]`;
}

/** Of the finite values: an infinity must not excuse the others. */
function rootMeanSquare(values: ArrayLike<number>): number {
  let sum = 0;
  for (let i = 0; i < values.length; i++) if (Number.isFinite(values[i])) sum += values[i] * values[i];
  return Math.sqrt(sum / values.length);
}

function text(x: number): string {
  return Object.is(x, -0) ? '-0' : String(x);
}
