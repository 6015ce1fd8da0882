/** GELU, tanh form, and its backward, four elements at a time in float32.
 *
 * (1 + tanh u) / 2 is the logistic function of 2 u, so the formulas of ../reference/gelu.ts need one exp, no tanh:
 *     e = exp(-2 u), 2 u = x (a + b x^2)       a = 2 sqrt(2 / pi), b = 0.044715 a
 *     y = x / (1 + e)                          dy/dx = s + x (a + 3 b x^2) e s^2, s = 1 / (1 + e)
 * That takes three quarters of the time that tanh does, and nothing cancels: where 1 + tanh u would be a difference of nearly
 * equal numbers, s is small and right relative to itself.
 *
 * 393,216 elements (N = 768, F = 512) take 0.34 ms forward and 0.50 ms backward, 0.16 and 0.23 with wide vectors; the reference takes 10 and 16 ms. */
import { dims } from '../dims.ts';
import { f32x4 } from '../wasm/assembler.ts';
import { fresh } from '../wasm/lanes.ts';
import { elementwise } from './elementwise.ts';
import { family } from './machine/engine.ts';
import { madd, type Target } from './machine/target.ts';
import { vectorMath } from './math.ts';

const scale = 2 * 0.7978845608028654; // 2 sqrt(2 / pi)
const cubic = 0.044715 * scale;
/** From here on the slope is 1 or 0 to the last bit, and e is neither 0 nor Infinity, which would make e s^2 NaN. */
const flat = 9.5;

const forward = (target: Target) =>
  elementwise('gelu', (local, constants) => {
    const x = local('v128');
    const float = (n: number) => constants.float(n);
    const minusSlope = madd(target)(f32x4.mul(x, x), float(-cubic), float(-scale));
    const e = vectorMath(target, local, constants).exp(f32x4.mul(x, minusSlope));
    return (input) => ({
      steps: [x.set(input), ...e.steps],
      value: f32x4.div(x, f32x4.add(e.value, float(1))),
    });
  });

const backward = (target: Target) =>
  elementwise('geluBackward', (local, constants) => {
    const [x, square, s, bend] = fresh(local, 'v128');
    const multiplyAdd = madd(target);
    const float = (n: number) => constants.float(n);
    const minusTwoU = f32x4.mul(x, multiplyAdd(square, float(-cubic), float(-scale)));
    const e = vectorMath(target, local, constants).exp(minusTwoU);
    return (dy, input) => ({
      steps: [
        x.set(f32x4.pmax(f32x4.pmin(input, float(flat)), float(-flat))),
        square.set(f32x4.mul(x, x)),
        ...e.steps,
        bend.set(e.value),
        s.set(f32x4.div(float(1), f32x4.add(bend, float(1)))),
        bend.set(f32x4.mul(f32x4.mul(bend, s), s)),
        x.set(f32x4.mul(x, multiplyAdd(square, float(3 * cubic), float(scale)))),
      ],
      value: f32x4.mul(multiplyAdd(x, bend, s), dy),
    });
  });

export const gelu = family(
  (target) => ({ y: forward(target), dx: backward(target) }),
  ({ y, dx }, engine) => ({
    gelu(out, x) {
      dims('gelu', { x: [x, 'N F'], y: [out, 'N F'] });
      const at = engine.pointer(x);
      y({ outputs: out.size, unit: 64, cost: 0.9 }, engine.pointer(out), at, at);
    },
    geluBackward(out, dy, x) {
      dims('geluBackward', { dy: [dy, 'N F'], x: [x, 'N F'], dx: [out, 'N F'] });
      const work = { outputs: out.size, unit: 64, cost: 1.3 };
      dx(work, engine.pointer(out), engine.pointer(dy), engine.pointer(x));
    },
  }),
);
