/** One block of the transformer: look at earlier positions, then think about what was found.
 *
 *     x1 = x  + attention(norm1(x))
 *     x2 = x1 + feedForward(norm2(x1))
 *
 * Both architectures are this, made of different parts: see gpt2.ts and qwen3.ts. x is the residual stream: a block adds
 * to it and overwrites nothing, so gradients flow through the additions unchanged. */
import type { Kernels } from '../tensor/kernels.ts';
import type { Tensor } from '../tensor/tensor.ts';
import type { ModelConfig } from './config.ts';
import { type Build, Dropout, type Layer, type Trip } from './layers.ts';

export interface Parts {
  readonly norm1: Layer;
  readonly attention: Layer;
  readonly norm2: Layer;
  readonly feedForward: Layer;
}

/** What makes a block one architecture's: its parts, and what stands before the first and after the last. */
export interface Architecture {
  readonly embedding: string;
  /** The table of learned positions, if positions are learned. */
  readonly positions: string | undefined;
  parts(build: Build, batch: number, index: number): Parts;
  finalNorm(build: Build): Layer;
}

/** Dropout has three sites in a block: site, in attention; the two after it, at the ends of the branches. */
export const dropoutSite = (index: number): number => 1 + 3 * index;

export class Block implements Layer {
  readonly #kernels: Kernels;
  readonly #parts: Parts;
  readonly #dropout1: Dropout;
  readonly #x1: Tensor;
  readonly #dropout2: Dropout;
  readonly #x2: Tensor;

  constructor(build: Build, { channels: C, dropout }: ModelConfig, parts: Parts, index: number) {
    const [name, site, shape] = [`blocks.${index}`, dropoutSite(index), [build.rows, C]];
    this.#kernels = build.kernels;
    this.#parts = parts;
    this.#dropout1 = new Dropout(build, `${name}.drop1`, shape, dropout, site + 1);
    this.#x1 = build.arena.saved(`${name}.x1`, shape);
    this.#dropout2 = new Dropout(build, `${name}.drop2`, shape, dropout, site + 2);
    this.#x2 = build.arena.saved(`${name}.x2`, shape);
  }

  forward(x: Tensor, trip: Trip): Tensor {
    const { norm1, attention, norm2, feedForward } = this.#parts;
    const [x1, x2] = [this.#x1.rows(x.shape[0]!), this.#x2.rows(x.shape[0]!)];
    const found = attention.forward(norm1.forward(x, trip), trip);
    this.#kernels.add(x1, x, this.#dropout1.forward(found, trip));
    const thought = feedForward.forward(norm2.forward(x1, trip), trip);
    this.#kernels.add(x2, x1, this.#dropout2.forward(thought, trip));
    return x2;
  }

  /** dx arrives as the gradient of x2 and leaves as the gradient of x: each branch adds its share to it. */
  backward(dx: Tensor): Tensor {
    const { norm1, attention, norm2, feedForward } = this.#parts;
    const dthought = this.#dropout2.backward(dx);
    this.#kernels.add(dx, dx, norm2.backward(feedForward.backward(dthought)));
    const dfound = this.#dropout1.backward(dx);
    this.#kernels.add(dx, dx, norm1.backward(attention.backward(dfound)));
    return dx;
  }
}
