/** The interface between a model and the machine: about thirty whole operations on tensors.
 *
 * Conventions. Arguments that are written come first, then those that are read; sizes come from the shapes. Activations and their
 * gradients are overwritten; gradients of parameters are added to, so micro-batches and tied weights need no
 * extra code. `d` in front of a name is the gradient of the loss with respect to it. Letters: B batch, T time, N = B * T
 * rows, C channels, H heads, D = C / H head size, F feed-forward width, V vocabulary, K and M inner and outer sizes.
 *
 * Every implementation keeps these promises, bit for bit:
 *   - an output element is one reduction in a fixed order, whatever the number of rows, positions or threads;
 *   - so a row of a batch equals that row alone, and a cached step equals the full forward pass. */
import type { Ids, Tensor } from './tensor.ts';

/** What a product is added to: to nothing ('set'), to what `y` already holds ('add'), or to a bias (N) in every row. */
export type Start = 'set' | 'add' | Tensor;

/** Keys and values of one layer for S independent sequences of up to T positions. */
export interface LayerCache {
  /** (S H D T): transposed, so that the scores of neighbouring positions are neighbours in memory. */
  readonly keys: Tensor;
  /** (S H T D) */
  readonly values: Tensor;
}

/** Names one block of random numbers, see random.ts. Each place in the model that drops has its own `site`. */
export interface DropoutKey {
  readonly seed: number;
  readonly step: number;
  readonly site: number;
}

export interface AdamWSettings {
  readonly learningRate: number;
  readonly beta1: number;
  readonly beta2: number;
  readonly epsilon: number;
  readonly weightDecay: number;
  /** Every gradient is multiplied by this first: the global-norm clip. */
  readonly gradientScale: number;
  /** Counts from 1, for bias correction. */
  readonly step: number;
}

export interface NewtonSchulzSettings {
  /** a, b and c of p = a I + b g + c g². */
  readonly coefficients: readonly [number, number, number];
  readonly rounds: number;
}

/** Memory that this implementation can compute on. */
export interface Memory {
  reserve(bytes: number): { readonly buffer: ArrayBufferLike; readonly byteOffset: number };
}

export interface Kernels {
  /** For reports: 'reference', 'simd'. */
  readonly name: string;
  readonly memory: Memory;

  /** Runs `compute`, and gives a function that computes the same again: the same operations on the same tensors, on
   * whatever these hold then. The fast implementation launches its kernels again without looking at a shape; so
   * `compute` may do nothing but call operations, and ids, slots and positions have to be right whenever it is used. */
  record(compute: () => void): () => void;

  /** Says that what `weights` holds is final: products with a part of it as b may from now on read copies, which lie in the
   * order in which they are read. After a change it has to be said again. */
  freeze(weights: Tensor): void;

  /** y (M N) = a (M K) b (K N), starting from `start`. */
  matmul(y: Tensor, a: Tensor, b: Tensor, start: Start): void;
  /** y (M N) = a (M K) bᵀ, b (N K), starting from `start`. */
  matmulTransposedB(y: Tensor, a: Tensor, b: Tensor, start: Start): void;
  /** y (M N) = aᵀ b, a (K M), b (K N), starting from `start`. */
  matmulTransposedA(y: Tensor, a: Tensor, b: Tensor, start: Start): void;
  /** dbias (N) += column sums of dy (M N): the backward of a product that starts from a bias. */
  biasBackward(dbias: Tensor, dy: Tensor): void;

  /** y = a + b, all of one shape. y may be a or b. */
  add(y: Tensor, a: Tensor, b: Tensor): void;
  /** y = a * b element by element. y may be a or b. */
  multiply(y: Tensor, a: Tensor, b: Tensor): void;

  /** y = a x + b z. All have the same number of elements; their shapes do not matter. y may be x or z. */
  weightedSum(y: Tensor, a: number, x: Tensor, b: number, z: Tensor): void;

  /** y (N C) = table (V C) rows by id: 'set', or 'add' to what y holds. */
  embedding(y: Tensor, table: Tensor, ids: Ids, start: 'set' | 'add'): void;
  /** dtable (V C) += rows of dy (N C) by id, in order of n. */
  embeddingBackward(dtable: Tensor, dy: Tensor, ids: Ids): void;

  /** y (N C) = xhat * gain + shift, and stats (N 2) = mean, 1 / standard deviation of each row. */
  layernorm(y: Tensor, stats: Tensor, x: Tensor, gain: Tensor, shift: Tensor): void;
  /** dx (N C). */
  layernormBackward(dx: Tensor, dy: Tensor, x: Tensor, gain: Tensor, stats: Tensor): void;
  /** dgain (C) and dshift (C), added to. */
  layernormParametersBackward(dgain: Tensor, dshift: Tensor, dy: Tensor, x: Tensor, stats: Tensor): void;

  /** y (N C) = x * r * gain, and r (N) = 1 / root mean square of each row; epsilon is added under the root. */
  rmsnorm(y: Tensor, r: Tensor, x: Tensor, gain: Tensor, epsilon: number): void;
  /** dx (N C). */
  rmsnormBackward(dx: Tensor, dy: Tensor, x: Tensor, gain: Tensor, r: Tensor): void;
  /** dgain (C), added to. */
  rmsnormParametersBackward(dgain: Tensor, dy: Tensor, x: Tensor, r: Tensor): void;

  /** y (N 3C) = qkv with every head of q and k normalised: rmsnorm over its D channels with gains (2 D), the first row
   * for queries, the second for keys. v is copied. r (N 2H): of the query heads, then the key heads. */
  qkNorm(y: Tensor, r: Tensor, qkv: Tensor, gains: Tensor, epsilon: number): void;
  /** dqkv (N 3C); it may be dy, since the gradient of v does not change. */
  qkNormBackward(dqkv: Tensor, dy: Tensor, qkv: Tensor, gains: Tensor, r: Tensor): void;
  /** dgains (2 D), added to. */
  qkNormParametersBackward(dgains: Tensor, dy: Tensor, qkv: Tensor, r: Tensor): void;

  /** Turns every head of q and k in qkv (N 3C), in place: channels d and d + D/2 are a point in the plane, turned by
   * angle d of its row. rotation (N D): the cosines of a row's D/2 angles, then their sines. */
  rope(qkv: Tensor, rotation: Tensor): void;
  /** Turns the gradient back, in place. */
  ropeBackward(dqkv: Tensor, rotation: Tensor): void;

  /** y (N F) = silu(gate) * up; x (N 2F) holds gate and up side by side. */
  swiglu(y: Tensor, x: Tensor): void;
  /** dx (N 2F). */
  swigluBackward(dx: Tensor, dy: Tensor, x: Tensor): void;

  /** GELU in its tanh form. */
  gelu(y: Tensor, x: Tensor): void;
  geluBackward(dx: Tensor, dy: Tensor, x: Tensor): void;

  /** Causal attention of y (N C) over qkv (N 3C); probs (B H T T) is saved for backward.
   * keep (B H T T), if given, multiplies the probabilities: dropout. */
  attention(y: Tensor, probs: Tensor, qkv: Tensor, keep: Tensor | null): void;
  /** dqkv (N 3C), from dy and what forward read and wrote. */
  attentionBackward(
    dqkv: Tensor,
    dy: Tensor,
    y: Tensor,
    qkv: Tensor,
    probs: Tensor,
    keep: Tensor | null,
  ): void;
  /** The cached step: row n of qkv (N 3C) belongs to sequence slots[n] at positions[n]. Its key and value are stored
   * in the cache; then it attends to positions 0 .. positions[n] there. Rows of one slot come in order of position. */
  attentionCached(y: Tensor, qkv: Tensor, cache: LayerCache, slots: Ids, positions: Ids): void;

  /** losses (N) = -log softmax(logits (N V))[target], in nats; 0 where the target is below 0, which stands for none. */
  crossEntropy(losses: Tensor, logits: Tensor, targets: Ids): void;
  /** dlogits (N V) = (softmax(logits) - onehot(target)) * scale; 0 where there is no target. dlogits may be logits. */
  crossEntropyBackward(dlogits: Tensor, logits: Tensor, targets: Ids, scale: number): void;

  /** mask = 0 with probability `rate`, else 1 / (1 - rate); element i is a function of (key, i). */
  dropoutMask(mask: Tensor, rate: number, key: DropoutKey): void;

  /** Sum of squares of all elements, summed in blocks of fixed size. */
  sumOfSquares(x: Tensor): number;
  /** The factors q (G S S) that make matrices x with g (G S S) = x xᵀ nearly orthogonal as q x, or x q if g = xᵀ x: see
   * reference/newton-schulz.ts. Symmetric up to rounding. g, p and t (G S S) are scratch. */
  newtonSchulz(q: Tensor, p: Tensor, t: Tensor, g: Tensor, s: NewtonSchulzSettings): void;
  /** One AdamW update of flat parameters p with moments m and v and gradient g, elements from .. to - 1. */
  adamw(p: Tensor, m: Tensor, v: Tensor, g: Tensor, range: readonly [number, number], s: AdamWSettings): void;
}
