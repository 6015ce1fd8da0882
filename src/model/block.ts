/** One block of the transformer: look at earlier positions, then work on what came from there.
 *
 *     x1 = x  + attention(norm1(x))
 *     x2 = x1 + feedForward(norm2(x1))
 *
 * Both architectures have this form and differ in the parts: see gpt2.ts and qwen3.ts. x is the residual stream: a block
 * adds to it and overwrites nothing, so gradients pass through the additions unchanged. */
import type { ModelConfig } from './config.ts';
import { type DropoutSettings, dropout } from './dropout.ts';
import type { Build, Layer } from './layers.ts';

export interface Parts {
  readonly norm1: Layer;
  readonly attention: Layer;
  readonly norm2: Layer;
  readonly feedForward: Layer;
}

/** What makes a model one architecture's: the names in its files, how it knows positions, and the parts of a block. */
export interface Architecture {
  /** In its files every name but the head's begins with this: 'transformer.'. */
  readonly prefix: string;
  /** The table of embeddings (V C). */
  readonly embedding: string;
  /** The table of learned positions (T C), or the base of the rotary angles: see rotation.ts. */
  readonly positions: { readonly learned: string } | { readonly rotary: number };
  /** The head (V C); undefined where the embedding is its own head. */
  readonly head: string | undefined;
  /** Matrices (C F) or (F C) in the feed-forward layer. */
  readonly feedForwardMatrices: number;
  /** What blocks are called: block 0 of 'transformer.h' is 'transformer.h.0'. */
  readonly blocks: string;
  parts(build: Build, batch: number, index: number): Parts;
  finalNorm(build: Build): Layer;
}

/** Dropout has three sites in a block: 0 in attention, 1 and 2 at the ends of the two branches. Site 0 of the model is the
 * embedding's. */
export function dropoutSite({ dropout }: ModelConfig, block: number, site: 0 | 1 | 2): DropoutSettings {
  return { rate: dropout, site: 1 + 3 * block + site };
}

export function block(build: Build, config: ModelConfig, parts: Parts, index: number): Layer {
  const { kernels, rows } = build;
  const { norm1, attention, norm2, feedForward } = parts;
  const C = config.channels;
  const dropout1 = dropout(build, 'drop1', C, dropoutSite(config, index, 1));
  const x1s = build.saved('x1', [rows, C]);
  const dropout2 = dropout(build, 'drop2', C, dropoutSite(config, index, 2));
  const x2s = build.saved('x2', [rows, C]);
  return {
    forward(x, pass) {
      const [x1, x2] = [x1s.rows(x.shape[0]), x2s.rows(x.shape[0])];
      const attended = attention.forward(norm1.forward(x, pass), pass);
      kernels.add(x1, x, dropout1.forward(attended, pass));
      const transformed = feedForward.forward(norm2.forward(x1, pass), pass);
      kernels.add(x2, x1, dropout2.forward(transformed, pass));
      return x2;
    },
    /** dx comes in as the gradient of x2 and becomes the gradient of x: each branch adds its part. */
    backward(dx) {
      const dtransformed = dropout2.backward(dx);
      kernels.add(dx, dx, norm2.backward(feedForward.backward(dtransformed)));
      const dattended = dropout1.backward(dx);
      kernels.add(dx, dx, norm1.backward(attention.backward(dattended)));
      return dx;
    },
  };
}
