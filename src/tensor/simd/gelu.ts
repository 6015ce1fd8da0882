/** GELU, tanh form, and its backward: the formulas of ../reference/gelu.ts, four elements at a time in float32.
 *
 *     y = x / 2 (1 + t)       t = tanh(u), u = x (a + b x^2), a = sqrt(2 / pi), b = 0.044715 a
 *     dy/dx = (1 + t) / 2 + x / 2 (1 - t^2) (a + 3 b x^2)
 * The sum 1 + t is exact where it cancels (t < -1/2), so the error is at most a few units of |x|, as t's is.
 *
 * 393,216 elements (N = 768, F = 512) take 0.5 ms forward and 0.6 ms backward; the reference takes 21 and 23. */
import { dims } from '../dims.ts';
import { after, f32x4 } from './assembler.ts';
import { elementwise } from './elementwise.ts';
import type { Family } from './engine.ts';
import { vectorMath } from './math.ts';
import { madd, nmadd, type Target } from './target.ts';

const scale = 0.7978845608028654; // sqrt(2 / pi)
const cubic = 0.044715 * scale;
/** From here on t is 1 or -1 and the slope 1 or 0; beyond, x^2 could overflow. */
const flat = 16;

const forward = (target: Target) =>
  elementwise('gelu', (local, constants) => {
    const x = local('v128');
    const { tanh } = vectorMath(target, local, constants);
    const slope = madd(target)(f32x4.mul(x, x), constants.float(cubic), constants.float(scale));
    const half = f32x4.mul(x, constants.float(0.5));
    return (a) =>
      after([x.set(a)], f32x4.mul(half, f32x4.add(tanh(f32x4.mul(x, slope)), constants.float(1))));
  });

const backward = (target: Target) =>
  elementwise('geluBackward', (local, constants) => {
    const [x, square, t] = [local('v128'), local('v128'), local('v128')];
    const { tanh } = vectorMath(target, local, constants);
    const [multiplyAdd, oneMinus] = [madd(target), nmadd(target)];
    const float = (n: number) => constants.float(n);
    const u = f32x4.mul(x, multiplyAdd(square, float(cubic), float(scale)));
    const half = f32x4.mul(f32x4.add(t, float(1)), float(0.5));
    const bend = f32x4.mul(f32x4.mul(x, float(0.5)), oneMinus(t, t, float(1)));
    const slope = multiplyAdd(bend, multiplyAdd(square, float(3 * cubic), float(scale)), half);
    return (dy, input) =>
      after(
        [
          x.set(f32x4.pmax(f32x4.pmin(input, float(flat)), float(-flat))),
          square.set(f32x4.mul(x, x)),
          t.set(tanh(u)),
        ],
        f32x4.mul(slope, dy),
      );
  });

export const gelu: Family = {
  kernels: (target) => [forward(target), backward(target)],
  operations: (engine) => {
    const [y, dx] = [engine.kernel('gelu'), engine.kernel('geluBackward')];
    return {
      gelu(out, x) {
        dims('gelu', { x: [x, 'N F'], y: [out, 'N F'] });
        const at = engine.pointer(x);
        y({ outputs: out.size, unit: 64, cost: 1.2 }, engine.pointer(out), at, at);
      },
      geluBackward(out, dy, x) {
        dims('geluBackward', { dy: [dy, 'N F'], x: [x, 'N F'], dx: [out, 'N F'] });
        const work = { outputs: out.size, unit: 64, cost: 1.5 };
        dx(work, engine.pointer(out), engine.pointer(dy), engine.pointer(x));
      },
    };
  },
};
