/** What is asked and told of one matrix product, and of softmax and cross-entropy: see product.ts, cross-entropy.ts. */
import type { Floats } from '../../tensor/tensor.ts';
import type { Tokens } from './protocol.ts';

export type Matrix = 'q' | 'k' | 'v' | 'output' | 'gate' | 'up' | 'down' | 'head';

/** One element of a product y = x w, and of its dx = dy wᵀ and dw = xᵀ dy, while the model learns a text: all but the last
 * token are its rows, all but the first are what it is to foretell. */
export interface ProductPlace {
  readonly text: string;
  readonly layer: number;
  readonly matrix: string;
  /** Which token; the last if absent. */
  readonly row?: number | undefined;
  /** Which output of the matrix; if absent, of the head the token that comes next, else the first. */
  readonly column?: number | undefined;
  /** Which input. */
  readonly input: number;
}

/** start + a[0] b[0] + a[1] b[1] + ... */
export interface Chain {
  readonly start: number;
  readonly a: Float32Array;
  readonly b: Float32Array;
  /** After each term, in the order and with the rounding of the kernels. */
  readonly sums: Float32Array;
  /** What the model has in memory: the last of the sums. */
  readonly result: number;
}

/** What was asked for, brought within what there is. */
export interface Product extends Tokens {
  readonly matrices: readonly Matrix[];
  readonly layer: number;
  readonly matrix: Matrix;
  readonly row: number;
  readonly column: number;
  readonly input: number;
  readonly inputs: number;
  readonly outputs: number;
  readonly y: Chain;
  /** Over all outputs of the product: those of q, k and v, or of gate and up, are one. */
  readonly dx: Chain;
  /** Over all rows. */
  readonly dw: Chain;
  /** Of the same row. */
  readonly entropy: CrossEntropy;
}

/** How far the loss moves: (loss(x + step) - loss(x - step)) / (2 step), in float64. */
export interface Difference {
  /** What backward gives. */
  readonly gradient: number;
  readonly quotient: number;
  /** To the gradient, of the larger. */
  readonly relative: number;
}
export interface Differences {
  readonly step: number;
  readonly dx: Difference;
  readonly dw: Difference;
}

/** From the logits of one row to their gradient, by token id. */
export interface CrossEntropy {
  /** The token that comes next. */
  readonly target: number;
  readonly logits: Float32Array;
  readonly max: number;
  /** e^(logit - max) */
  readonly exponentials: Floats;
  readonly sum: number;
  readonly probabilities: Floats;
  /** -ln of the probability of the token that comes next, in nats. */
  readonly loss: number;
  /** Of all rows: the loss of the text. */
  readonly mean: number;
  /** (probability - 1 if it is the token that comes next, else 0) / rows */
  readonly gradient: Float32Array;
}
