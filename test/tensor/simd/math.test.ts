import { describe, expect, test } from 'vitest';
import { nodeHost } from '../../../src/cli/host/simd-host.ts';
import { exp, log, tanh } from '../../../src/tensor/math.ts';
import { hasFusedMultiplyAdd, hasRelaxedSimd } from '../../../src/tensor/simd/machine/target.ts';
import { inOrder, type VectorMath, vectorMath } from '../../../src/tensor/simd/math.ts';
import { assemble, func, i32, loop, v128 } from '../../../src/tensor/wasm/assembler.ts';
import { Constants } from '../../../src/tensor/wasm/constants.ts';

if (!hasRelaxedSimd()) nodeHost.enableRelaxedSimd();
const exact = { exp, tanh, log };
const names = ['exp', 'tanh', 'log'] as const;
const n = 1 << 18;

/** y = f(x) for 2^18 floats, by name. */
function functions(fma: boolean) {
  const kernels = names.map((name: keyof VectorMath) =>
    func(name, { y: 'i32', x: 'i32', count: 'i32' }, (p, local) => {
      const i = local('i32');
      const constants = new Constants(local);
      const f = vectorMath({ fma, wide: false }, local, constants)[name];
      const at = (base: typeof i) => i32.add(base, i32.shl(i, 2));
      return [constants.set, loop(i, 0, p.count, 4, [v128.store(at(p.y), inOrder(f(v128.load(at(p.x)))))])];
    }),
  );
  const memory = new WebAssembly.Memory({ initial: 32, maximum: 32, shared: true });
  const module = new WebAssembly.Module(assemble(kernels));
  const { exports } = new WebAssembly.Instance(module, { env: { memory } });
  const x = new Float32Array(memory.buffer, 0, n);
  const y = new Float32Array(memory.buffer, 4 * n, n);
  const run = (name: keyof VectorMath) => (exports[name] as (...a: number[]) => void)(4 * n, 0, n);
  const of = (name: keyof VectorMath, values: readonly number[]): number[] => {
    x.fill(0).set(values);
    run(name);
    return [...y.subarray(0, values.length)];
  };
  return { x, y, run, of };
}

const scratch = new Float32Array(1);
const scratchBits = new Int32Array(scratch.buffer);
/** The distance of floats around x. */
function unitInLastPlace(x: number): number {
  scratch[0] = Math.abs(x);
  scratchBits[0] = Math.max(scratchBits[0]! & 0x7f800000, 0x00800000);
  return scratch[0]! * 2 ** -23;
}

/** Fills x: the whole range in two sweeps, every exponent with 512 mantissas each; then an interval. */
type Fill = (x: Float32Array) => void;
const everyExponent =
  (offset: number): Fill =>
  (x) => {
    const bits = new Uint32Array(x.buffer, x.byteOffset, n);
    for (let i = 0; i < n; i++) bits[i] = i * 16384 + offset;
  };
const interval =
  (from: number, to: number): Fill =>
  (x) => {
    for (let i = 0; i < n; i++) x[i] = from + ((to - from) * i) / n;
  };

function worstError(f: ReturnType<typeof functions>, name: keyof VectorMath, fill: Fill) {
  fill(f.x);
  f.run(name);
  let worst = { error: 0, x: 0 };
  for (let i = 0; i < n; i++) {
    const want = exact[name](f.x[i]!);
    const rounded = Math.fround(want);
    if (Object.is(f.y[i], rounded)) continue;
    const flushed = name === 'exp' && want < 2 ** -126;
    const error = flushed ? f.y[i]! * 2 ** 149 : Math.abs(f.y[i]! - want) / unitInLastPlace(rounded);
    if (!(error <= worst.error)) worst = { error, x: f.x[i]! };
    if (Number.isNaN(error)) break;
  }
  return worst;
}

const modes = hasFusedMultiplyAdd() ? [false, true] : [false];
describe.each(modes)('with fused multiply-add: %s', (fma) => {
  const f = functions(fma);
  const cases = [
    ['exp', 1, [interval(-88, 89), interval(-2, 2), interval(88.6, 88.8), interval(-87.4, -87.2)]],
    ['tanh', 2.5, [interval(-10, 10), interval(-0.5, 0.5), interval(0.01, 0.02), interval(8.5, 9.5)]],
    ['log', 1, [interval(0, 4), interval(0.9, 1.1), interval(0, 1e-37), interval(0, 1e-42)]],
  ] as const;
  test.each(cases)('%s is within %f ulp over the whole float range', (name, bound, intervals) => {
    for (const fill of [everyExponent(0), everyExponent(9973), ...intervals]) {
      const worst = worstError(f, name, fill);
      expect(worst.error, `at ${worst.x}`).toBeLessThanOrEqual(bound);
    }
  });

  const inf = Number.POSITIVE_INFINITY;
  test('exp: 0 and -0 give 1, overflow Infinity, underflow 0 without subnormals', () => {
    expect(f.of('exp', [0, -0, inf, -inf, Number.NaN])).toEqual([1, 1, inf, 0, Number.NaN]);
    expect(f.of('exp', [88.73, 1e3, 3e38, -88, -103, -1e3, -3e38])).toEqual([inf, inf, inf, 0, 0, 0, 0]);
    const [most, least] = f.of('exp', [88.72283172607422, -87.33654022216797]) as [number, number];
    expect([most > 3.4e38, most < inf, least >= 2 ** -126]).toEqual([true, true, true]);
  });

  test('tanh: odd bit for bit, keeps -0 and small x, ends at 1', () => {
    const x = [0, 1e-40, 1e-30, 1e-4, 0.3, 1, 8, 9.02, 20, 1e30, inf];
    const y = f.of('tanh', x);
    expect(
      f.of(
        'tanh',
        x.map((v) => -v),
      ),
    ).toEqual(y.map((v) => -v));
    expect([y[0], y[2], ...y.slice(7)]).toEqual([0, Math.fround(1e-30), 1, 1, 1, 1]);
    expect(f.of('tanh', [Number.NaN])).toEqual([Number.NaN]);
  });

  test('log: 1 gives 0, 0 -Infinity, negative numbers NaN, subnormals are read exactly', () => {
    expect(f.of('log', [1, 0, -0, inf])).toEqual([0, -inf, -inf, inf]);
    expect(f.of('log', [-1, -1e-40, -inf, Number.NaN])).toEqual(Array(4).fill(Number.NaN));
    expect(f.of('log', [2 ** -149])[0]).toBeCloseTo(-149 * Math.LN2, 4);
  });

  test('a NaN of any payload stays one', () => {
    const bits = new Uint32Array(f.x.buffer, f.x.byteOffset, n);
    for (const name of names) {
      for (let i = 0; i < 1024; i++) bits[i] = (i % 2 === 0 ? 0x7fc00000 : 0xffc00000) + i;
      f.run(name);
      expect(f.y.subarray(0, 1024).every(Number.isNaN)).toBe(true);
    }
  });
});

test('without fused multiply-add the bits are those of this list, on every machine', () => {
  const f = functions(false);
  const x = [-80.5, -3.25, -0.7, -1e-3, 0.1, 0.5, 1.4, 7.75, 88.5];
  const hex = (values: number[]) =>
    [...new Uint32Array(Float32Array.from(values).buffer)].map((b) => b.toString(16));
  expect(hex(f.of('exp', x))).toMatchInlineSnapshot(`
    [
      "568d103",
      "3d1ed1b4",
      "3efe406e",
      "3f7fbe7f",
      "3f8d763e",
      "3fd3094c",
      "4081c433",
      "45111928",
      "7f4cdcc4",
    ]
  `);
  expect(hex(f.of('tanh', x))).toMatchInlineSnapshot(`
    [
      "bf800000",
      "bf7f3b3d",
      "bf1ab7d9",
      "ba83126c",
      "3dcc1ebd",
      "3eec9a9f",
      "3f62a669",
      "3f7ffffa",
      "3f800000",
    ]
  `);
  expect(hex(f.of('log', x.map(Math.abs)))).toMatchInlineSnapshot(`
    [
      "408c6c9a",
      "3f96de2b",
      "beb69e1a",
      "c0dd0c55",
      "c0135d8e",
      "bf317218",
      "3eac4616",
      "40030d66",
      "408f74c2",
    ]
  `);
});
