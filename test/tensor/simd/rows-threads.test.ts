import { afterAll, expect, test } from 'vitest';
import { nodeHost } from '../../../src/cli/host/simd-host.ts';
import { RandomStream } from '../../../src/tensor/random.ts';
import { createSimdKernels, type SimdKernels } from '../../../src/tensor/simd/index.ts';
import { type Ids, Tensor } from '../../../src/tensor/tensor.ts';
import { fingerprint } from '../../support/compare.ts';

const [B, H, T, D, V] = [5, 3, 37, 20, 67];
const [N, C] = [B * T, H * D];

/** Fingerprints of what every row operation writes, at sizes that are worth several threads. */
function everything(k: SimdKernels): Record<string, string | number> {
  const place = (shape: readonly number[]) => {
    const size = shape.reduce((product, length) => product * length, 1);
    const { buffer, byteOffset } = k.memory.reserve(4 * size);
    return { buffer: buffer as ArrayBuffer, byteOffset, size };
  };
  const out = (...shape: number[]): Tensor => {
    const { buffer, byteOffset, size } = place(shape);
    return new Tensor('out', shape, new Float32Array(buffer, byteOffset, size));
  };
  let stream = 0;
  const random = (...shape: number[]): Tensor => {
    const t = out(...shape);
    new RandomStream(1, 'init').normals(t.data, 1, stream++);
    return t;
  };
  const ids = (length: number, below: number): Ids => {
    const { buffer, byteOffset } = place([length]);
    const data = new Int32Array(buffer, byteOffset, length);
    for (let i = 0; i < length; i++) data[i] = (i * i + i) % below;
    return new Tensor('ids', [length], data);
  };
  const results: Record<string, string | number> = {};
  const record = (name: string, ...written: Tensor[]) => {
    results[name] = written.map((t) => fingerprint(t.data)).join(' ');
  };

  const [x, dy, gain, shift] = [random(N, C), random(N, C), random(C), random(C)];
  const [y, stats, dx, dgain, dshift] = [out(N, C), out(N, 2), out(N, C), out(C), out(C)];
  k.add(y, x, dy);
  record('add', y);
  k.multiply(y, x, dy);
  record('multiply', y);
  k.gelu(y, x);
  k.geluBackward(dx, dy, x);
  record('gelu', y, dx);
  k.layernorm(y, stats, x, gain, shift);
  k.layernormBackward(dx, dy, x, gain, stats);
  k.layernormParametersBackward(dgain, dshift, dy, x, stats);
  record('layernorm', y, stats, dx, dgain, dshift);

  k.weightedSum(y, 0.9, x, 0.1, dy);
  record('weightedSum', y);
  const r = out(N);
  k.rmsnorm(y, r, x, gain, 1e-6);
  k.rmsnormBackward(dx, dy, x, gain, r);
  k.rmsnormParametersBackward(dgain, dy, x, r);
  record('rmsnorm', y, r, dx, dgain);
  const [gates, dgates] = [random(N, 2 * C), out(N, 2 * C)];
  k.swiglu(y, gates);
  k.swigluBackward(dgates, dy, gates);
  record('swiglu', y, dgates);

  const [heads, normed, dheads] = [random(N, 3 * C), out(N, 3 * C), random(N, 3 * C)];
  const [gains, dgains, rHeads, rotation] = [random(2, D), out(2, D), out(N, 2 * H), random(N, D)];
  k.qkNorm(normed, rHeads, heads, gains, 1e-6);
  k.qkNormParametersBackward(dgains, dheads, heads, rHeads);
  k.qkNormBackward(dheads, dheads, heads, gains, rHeads);
  record('qkNorm', normed, rHeads, dgains, dheads);
  k.rope(normed, rotation);
  k.ropeBackward(dheads, rotation);
  record('rope', normed, dheads);

  const [qkv, probs, dqkv] = [random(N, 3 * C), out(B, H, T, T), out(N, 3 * C)];
  const keep = out(B, H, T, T);
  k.dropoutMask(keep, 0.2, { seed: 1, step: 2, site: 3 });
  k.attention(y, probs, qkv, keep);
  k.attentionBackward(dqkv, dy, y, qkv, probs, keep);
  record('attention', keep, y, probs, dqkv);
  const cache = { keys: random(B, H, D, T), values: random(B, H, T, D) };
  const [slots, positions] = [ids(N, B), ids(N, T)];
  for (let n = 0; n < N; n++) [slots.data[n], positions.data[n]] = [n % B, Math.floor(n / B)];
  k.attentionCached(y, qkv, cache, slots, positions);
  record('attentionCached', y, cache.keys, cache.values);

  const [logits, losses, targets] = [random(N, V), out(N), ids(N, V)];
  k.crossEntropy(losses, logits, targets);
  k.crossEntropyBackward(logits, logits, targets, 1 / N);
  record('crossEntropy', losses, logits);
  const table = random(V, C);
  k.embedding(y, table, targets, 'set');
  k.embeddingBackward(table, dy, targets);
  record('embedding', y, table);

  const [p, m, v, g] = [random(N, C), random(N, C), out(N, C), random(N, C)];
  const s = { learningRate: 0.1, beta1: 0.9, beta2: 0.99, epsilon: 1e-8, weightDecay: 0.1, gradientScale: 1 };
  k.adamw(p, m, v, g, [3, N * C - 2], { ...s, step: 1 });
  record('adamw', p, m, v);
  results['sumOfSquares'] = k.sumOfSquares(g);
  return results;
}

const kernels: SimdKernels[] = [];
afterAll(() => {
  for (const k of kernels) k.close();
});

test.each(['auto', 'portable'] as const)('2 and 3 threads give the bits of one: math %s', async (math) => {
  const results = [];
  for (const threads of [1, 2, 3]) {
    const k = await createSimdKernels(nodeHost, { threads, math });
    kernels.push(k);
    results.push(everything(k));
  }
  expect(results[1]).toEqual(results[0]);
  expect(results[2]).toEqual(results[0]);
});
