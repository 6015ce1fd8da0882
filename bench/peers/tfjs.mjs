/** The yardstick in TensorFlow.js on its WebAssembly backend: nanoGPT's model for a CPU (4 layers, 4 heads, 128
 * channels, context 64, batch 12). Its Adam has no weight decay and nothing is clipped, which saves it a little.
 *
 * Usage, in a folder with @tensorflow/tfjs and @tensorflow/tfjs-backend-wasm installed: node tfjs.mjs [steps] */
import { createRequire } from 'node:module';
import { join } from 'node:path';

const require = createRequire(join(process.cwd(), 'package.json'));
const tf = require('@tensorflow/tfjs');
require('@tensorflow/tfjs-backend-wasm');

const [V, T, C, H, L, B] = [65, 64, 128, 4, 4, 12];
const D = C / H;
const steps = Number(process.argv[2] ?? 15);

await tf.setBackend('wasm');
await tf.ready();

const matrix = (...shape) => tf.variable(tf.randomNormal(shape, 0, 0.02));
const vector = (n, value) => tf.variable(tf.fill([n], value));
const linear = (K, N) => ({ w: matrix(K, N), b: vector(N, 0) });
const norm = () => ({ gain: vector(C, 1), shift: vector(C, 0) });
const wte = matrix(V, C);
const wpe = matrix(T, C);
const lnf = norm();
const blocks = Array.from({ length: L }, () => ({
  ln1: norm(),
  qkv: linear(C, 3 * C),
  proj: linear(C, C),
  ln2: norm(),
  fc: linear(C, 4 * C),
  out: linear(4 * C, C),
}));
const future = tf.tensor2d(
  Array.from({ length: T }, (_, i) => Array.from({ length: T }, (_, j) => (j > i ? -1e9 : 0))),
);

const apply = ({ w, b }, x) => x.matMul(w).add(b);
const layerNorm = ({ gain, shift }, x) => {
  const centred = x.sub(x.mean(-1, true));
  const variance = centred.square().mean(-1, true);
  return centred.mul(variance.add(1e-5).rsqrt()).mul(gain).add(shift);
};
const gelu = (x) =>
  x.mul(0.5).mul(
    x
      .add(x.mul(x).mul(x).mul(0.044715))
      .mul(Math.sqrt(2 / Math.PI))
      .tanh()
      .add(1),
  );
const attention = ({ qkv, proj }, x) => {
  const heads = (z) => z.reshape([B, T, H, D]).transpose([0, 2, 1, 3]);
  const [q, k, v] = tf.split(apply(qkv, x), 3, 1).map(heads);
  const weights = q
    .matMul(k, false, true)
    .mul(1 / Math.sqrt(D))
    .add(future)
    .softmax();
  return apply(
    proj,
    weights
      .matMul(v)
      .transpose([0, 2, 1, 3])
      .reshape([B * T, C]),
  );
};
const forward = (ids) => {
  let x = tf
    .oneHot(ids, V)
    .toFloat()
    .matMul(wte)
    .reshape([B, T, C])
    .add(wpe)
    .reshape([B * T, C]);
  for (const block of blocks) {
    x = x.add(attention(block, layerNorm(block.ln1, x)));
    x = x.add(apply(block.out, gelu(apply(block.fc, layerNorm(block.ln2, x)))));
  }
  return layerNorm(lnf, x).matMul(wte, false, true);
};

const adam = tf.train.adam(1e-3, 0.9, 0.99);
const random = () => tf.randomUniform([B * T], 0, V, 'int32');
const step = () => {
  const [ids, targets] = [random(), random()];
  const loss = adam.minimize(() => {
    const logits = forward(ids);
    const picked = logits.mul(tf.oneHot(targets, V)).sum(-1);
    return logits.logSumExp(-1).sub(picked).mean();
  }, true);
  const value = loss.dataSync()[0];
  for (const t of [ids, targets, loss]) t.dispose();
  return value;
};

console.log(`TensorFlow.js ${tf.version.tfjs}, ${tf.getBackend()}, Node ${process.version}`);
const times = [];
for (let i = 0; i < steps + 2; i++) {
  const began = performance.now();
  const loss = step();
  if (i === 0) console.log(`first loss ${loss.toFixed(3)} (a uniform guess: ${Math.log(V).toFixed(3)})`);
  if (i >= 2) times.push(performance.now() - began);
}
times.sort((a, b) => a - b);
console.log(`step: median ${times[times.length >> 1].toFixed(0)} ms, best ${times[0].toFixed(0)} ms`);
