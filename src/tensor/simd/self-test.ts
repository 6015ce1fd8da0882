/** Every operation on small and awkward sizes, as V8's quick compiler makes it and as its optimising one does, bit by bit.
 *
 * The quick compiler knows nothing of merging vectors (machine/wide.ts), which is an experiment of V8's: so what that
 * gets wrong shows as a difference. Kernels must do the same whoever compiles them. */
import type { Kernels, Start } from '../kernels.ts';
import { type Floats, type Ids, type Numbers, Tensor } from '../tensor.ts';
import { SharedMemory } from './machine/memory.ts';
import type { SimdHost } from './machine/pool.ts';

type Exports = Record<string, (...args: number[]) => number>;
type Sizes = { readonly [name in 'B' | 'T' | 'H' | 'D' | 'V']: number };

/** Rows of products are few (read in place), some (packed panel by panel) and many; widths end in the middle of vectors,
 * of pairs, of tiles and of panels. */
const sizes: readonly Sizes[] = [
  { B: 1, T: 2, H: 1, D: 6, V: 5 },
  { B: 2, T: 5, H: 2, D: 10, V: 37 },
  { B: 3, T: 19, H: 1, D: 40, V: 17 },
];

/** The name of the first operation that differs, or ''. @param operations makes those of an instance of the code */
export function difference(
  host: SimdHost,
  code: Uint8Array,
  operations: (exports: Exports, memory: SharedMemory) => Kernels,
): string {
  const run = (mark: number) => {
    const shared = new SharedMemory();
    const module = new WebAssembly.Module(marked(code, mark));
    const { exports } = new WebAssembly.Instance(module, { env: { memory: shared.memory } });
    return results(operations(exports as Exports, shared), shared);
  };
  const plain = run(0);
  const optimized = host.optimized(() => run(1));
  for (const [name, words] of plain) {
    const other = optimized.get(name)!;
    if (words.some((word, i) => word !== other[i])) return name.split(' ')[0]!;
  }
  return '';
}

/** The code with a section that says nothing: V8 has one compilation for equal modules. */
function marked(code: Uint8Array, mark: number): Uint8Array<ArrayBuffer> {
  const customSection = [0, 2, 1, 97 + mark];
  const bytes = new Uint8Array(code.length + customSection.length);
  bytes.set(code);
  bytes.set(customSection, code.length);
  return bytes;
}

/** What every tensor of every case holds afterwards. Each case runs twice, as only the second call is optimised. */
function results(kernels: Kernels, memory: SharedMemory): Map<string, Uint32Array> {
  const words = new Map<string, Uint32Array>();
  const numbers = between(16_384);
  for (const [index, size] of sizes.entries()) {
    for (const [operation, run] of Object.entries(cases)) {
      const used: Tensor<Numbers>[] = [];
      const reserve = (shape: readonly number[]) => {
        const count = shape.reduce((product, n) => product * n, 1);
        const { buffer, byteOffset } = memory.reserve(4 * count);
        return { name: `${operation} ${index} ${used.length}`, at: [buffer, byteOffset, count] as const };
      };
      const tensor: Make = (...shape) => {
        const { name, at } = reserve(shape);
        const t = new Tensor<Floats>(name, shape, new Float32Array(...at));
        const from = 101 * used.length;
        t.data.set(numbers.subarray(from, from + t.size));
        used.push(t);
        return t;
      };
      const ids: MakeIds = (values) => {
        const { name, at } = reserve([values.length]);
        const t: Ids = new Tensor(name, [values.length], new Int32Array(...at));
        t.data.set(values);
        used.push(t);
        return t;
      };
      const call = run(kernels, size, tensor, ids);
      call();
      call();
      for (const t of used) words.set(t.name, new Uint32Array(t.buffer, t.byteOffset, t.size).slice());
    }
  }
  return words;
}

type Make = (...shape: readonly number[]) => Tensor;
type MakeIds = (values: readonly number[]) => Ids;

/** n numbers between -1 and 1 without a pattern that lanes could share. */
const between = (n: number): Float32Array => {
  const numbers = new Float32Array(n);
  for (let i = 0; i < n; i++) numbers[i] = (((i + 1) * 0.6180339887) % 1) * 2 - 1;
  return numbers;
};

type Case = (k: Kernels, s: Sizes, t: Make, ids: MakeIds) => () => void;
const product =
  (operation: 'matmul' | 'matmulTransposedB' | 'matmulTransposedA'): Case =>
  (k, { B, T, H, D, V }, t) => {
    const [N, K] = [V, H * D];
    const factor = () => (operation === 'matmulTransposedB' ? t(N, K) : t(K, N));
    const [b, bias] = [factor(), t(N)];
    const factors = operation === 'matmulTransposedA' ? [b] : [b, factor()];
    k.freeze(factors.at(-1)!);
    const calls = [1, 2, 3, 4, B * T].flatMap((M) => {
      const a = operation === 'matmulTransposedA' ? t(K, M) : t(M, K);
      const starts: readonly Start[] = ['set', 'add', bias];
      return factors.flatMap((b) => starts.map((start) => [t(M, N), a, b, start] as const));
    });
    return () => {
      for (const call of calls) k[operation](...call);
    };
  };

const indices = (n: number, below: number): number[] => Array.from({ length: n }, (_, i) => (7 * i) % below);
const adamw = { learningRate: 0.1, beta1: 0.9, beta2: 0.99, epsilon: 1e-8, weightDecay: 0.1 };

/** By operation: places tensors, and gives the call. */
const cases: {
  readonly [operation in Exclude<keyof Kernels, 'name' | 'memory' | 'record' | 'freeze'>]: Case;
} = {
  matmul: product('matmul'),
  matmulTransposedB: product('matmulTransposedB'),
  matmulTransposedA: product('matmulTransposedA'),
  biasBackward(k, { B, T, V }, t) {
    const [dbias, dy] = [t(V), t(B * T, V)];
    return () => k.biasBackward(dbias, dy);
  },
  add(k, { T, V }, t) {
    const [y, a, b] = [t(T, V), t(T, V), t(T, V)];
    return () => k.add(y, a, b);
  },
  multiply(k, { T, V }, t) {
    const [y, a, b] = [t(T, V), t(T, V), t(T, V)];
    return () => k.multiply(y, a, b);
  },
  weightedSum(k, { T, V }, t) {
    const [y, x, z] = [t(T, V), t(T, V), t(T, V)];
    return () => k.weightedSum(y, 0.3, x, 0.7, z);
  },
  embedding(k, { B, T, D, V }, t, ids) {
    const [y, table, n] = [t(B * T, D), t(V, D), ids(indices(B * T, V))];
    return () => k.embedding(y, table, n, 'add');
  },
  embeddingBackward(k, { B, T, D, V }, t, ids) {
    const [dtable, dy, n] = [t(V, D), t(B * T, D), ids(indices(B * T, V))];
    return () => k.embeddingBackward(dtable, dy, n);
  },
  layernorm(k, { T, V }, t) {
    const [y, stats, x, gain, shift] = [t(T, V), t(T, 2), t(T, V), t(V), t(V)];
    return () => k.layernorm(y, stats, x, gain, shift);
  },
  layernormBackward(k, { T, V }, t) {
    const [dx, dy, x, gain, stats] = [t(T, V), t(T, V), t(T, V), t(V), t(T, 2)];
    return () => k.layernormBackward(dx, dy, x, gain, stats);
  },
  layernormParametersBackward(k, { T, V }, t) {
    const [dgain, dshift, dy, x, stats] = [t(V), t(V), t(T, V), t(T, V), t(T, 2)];
    return () => k.layernormParametersBackward(dgain, dshift, dy, x, stats);
  },
  rmsnorm(k, { T, V }, t) {
    const [y, r, x, gain] = [t(T, V), t(T), t(T, V), t(V)];
    return () => k.rmsnorm(y, r, x, gain, 1e-6);
  },
  rmsnormBackward(k, { T, V }, t) {
    const [dx, dy, x, gain, r] = [t(T, V), t(T, V), t(T, V), t(V), t(T)];
    return () => k.rmsnormBackward(dx, dy, x, gain, r);
  },
  rmsnormParametersBackward(k, { T, V }, t) {
    const [dgain, dy, x, r] = [t(V), t(T, V), t(T, V), t(T)];
    return () => k.rmsnormParametersBackward(dgain, dy, x, r);
  },
  qkNorm(k, { T, H, D }, t) {
    const [y, r, qkv, gains] = [t(T, 3 * H * D), t(T, 2 * H), t(T, 3 * H * D), t(2, D)];
    return () => k.qkNorm(y, r, qkv, gains, 1e-6);
  },
  qkNormBackward(k, { T, H, D }, t) {
    const [dqkv, dy, qkv] = [t(T, 3 * H * D), t(T, 3 * H * D), t(T, 3 * H * D)];
    const [gains, r] = [t(2, D), t(T, 2 * H)];
    return () => k.qkNormBackward(dqkv, dy, qkv, gains, r);
  },
  qkNormParametersBackward(k, { T, H, D }, t) {
    const [dgains, dy, qkv, r] = [t(2, D), t(T, 3 * H * D), t(T, 3 * H * D), t(T, 2 * H)];
    return () => k.qkNormParametersBackward(dgains, dy, qkv, r);
  },
  rope(k, { T, H, D }, t) {
    const [qkv, rotation] = [t(T, 3 * H * D), t(T, D)];
    return () => k.rope(qkv, rotation);
  },
  ropeBackward(k, { T, H, D }, t) {
    const [dqkv, rotation] = [t(T, 3 * H * D), t(T, D)];
    return () => k.ropeBackward(dqkv, rotation);
  },
  swiglu(k, { T, V }, t) {
    const [y, x] = [t(T, V), t(T, 2 * V)];
    return () => k.swiglu(y, x);
  },
  swigluBackward(k, { T, V }, t) {
    const [dx, dy, x] = [t(T, 2 * V), t(T, V), t(T, 2 * V)];
    return () => k.swigluBackward(dx, dy, x);
  },
  gelu(k, { T, V }, t) {
    const [y, x] = [t(T, V), t(T, V)];
    return () => k.gelu(y, x);
  },
  geluBackward(k, { T, V }, t) {
    const [dx, dy, x] = [t(T, V), t(T, V), t(T, V)];
    return () => k.geluBackward(dx, dy, x);
  },
  attention(k, { B, T, H, D }, t) {
    const [y, probs, qkv, keep] = [t(B * T, H * D), t(B, H, T, T), t(B * T, 3 * H * D), t(B, H, T, T)];
    return () => k.attention(y, probs, qkv, keep);
  },
  attentionBackward(k, { B, T, H, D }, t) {
    const [dqkv, dy, y, qkv] = [t(B * T, 3 * H * D), t(B * T, H * D), t(B * T, H * D), t(B * T, 3 * H * D)];
    const [probs, keep] = [t(B, H, T, T), t(B, H, T, T)];
    return () => {
      k.attentionBackward(dqkv, dy, y, qkv, probs, keep);
      k.attentionBackward(dqkv, dy, y, qkv, probs, null);
    };
  },
  attentionCached(k, { B, T, H, D }, t, ids) {
    const [y, qkv, keys, values] = [t(B, H * D), t(B, 3 * H * D), t(B, H, D, T), t(B, H, T, D)];
    const slots = ids(Array.from({ length: B }, (_, i) => i));
    const positions = ids(indices(B, T).map((i) => T - 1 - i));
    return () => k.attentionCached(y, qkv, { keys, values }, slots, positions);
  },
  crossEntropy(k, { B, T, V }, t, ids) {
    const [losses, logits, targets] = [t(B * T), t(B * T, V), ids(indices(B * T, V))];
    return () => k.crossEntropy(losses, logits, targets);
  },
  crossEntropyBackward(k, { B, T, V }, t, ids) {
    const [dlogits, logits, targets] = [t(B * T, V), t(B * T, V), ids(indices(B * T, V))];
    return () => k.crossEntropyBackward(dlogits, logits, targets, 0.1);
  },
  dropoutMask(k, { T, V }, t) {
    const mask = t(T, V);
    return () => k.dropoutMask(mask, 0.3, { seed: 1, step: 2, site: 3 });
  },
  sumOfSquares(k, { B, T, V }, t) {
    const [x, sum] = [t(B * T, V), t(1)];
    return () => {
      sum.data[0] = k.sumOfSquares(x);
    };
  },
  newtonSchulz(k, { B, D }, t) {
    const [q, p, scratch, g] = [t(B, D, D), t(B, D, D), t(B, D, D), t(B, D, D)];
    return () => k.newtonSchulz(q, p, scratch, g, { coefficients: [3, -3, 1], rounds: 2 });
  },
  adamw(k, { T, V }, t) {
    const [p, m, v, g] = [t(T, V), t(T, V), t(T, V), t(T, V)];
    k.multiply(v, v, v);
    return () => k.adamw(p, m, v, g, [0, p.size], { ...adamw, gradientScale: 0.5, step: 3 });
  },
};
