/** A text as something to learn: the model that is looked at reads it and goes back from its loss, and every matrix product
 * on the way can be watched. Gradients are computed, nothing is updated. */
import type { ModelConfig } from '../../model/config.ts';
import type { Arena } from '../../tensor/arena.ts';
import type { Ids, Tensor } from '../../tensor/tensor.ts';
import type { Looked } from './looked.ts';
import type { Tokens } from './protocol.ts';
import { encodePrompt } from './sampling.ts';
import type { MatrixProduct, Watched } from './watched.ts';

/** What that needs of the model's memory. */
export interface Room {
  /** (T) */
  readonly targets: Ids;
  /** (T) */
  readonly losses: Tensor;
  /** (1 1) each: y += a b is one term of a sum. */
  readonly term: { readonly y: Tensor; readonly a: Tensor; readonly b: Tensor };
}

/** A model that is looked at and whose products can be watched. */
export interface Learning extends Looked {
  readonly room: Room;
  readonly products: Watched;
}

export function planRoom(arena: Arena, T: number): Room {
  const one = (name: string) => arena.scratch(`lab.${name}`, [1, 1]);
  return {
    targets: arena.ids('lab.targets', T),
    losses: arena.scratch('lab.losses', [T]),
    term: { y: one('y'), a: one('a'), b: one('b') },
  };
}

/** Each token but the last is read, and each but the first is to be foretold: N of either. */
export interface Lesson extends Tokens {
  readonly N: number;
}

/** A text's newest part, as long as the context allows. */
export function lessonOf({ gpt, tokenizer }: Looked, text: string): Lesson {
  const { ids, unknown } = encodePrompt(tokenizer, text);
  const newest = ids.slice(-gpt.config.contextLength - 1);
  if (newest.length < 2)
    throw new Error('write at least two tokens: the model reads one and is to foretell the other');
  return { ids: newest, unknown, N: newest.length - 1 };
}

/** Brings a number within 0 .. count - 1. */
export const limited = (n: number, count: number): number =>
  Math.max(0, Math.min(count - 1, Math.round(n) || 0));

/** The row that is asked for, or the last. */
export const rowOf = ({ N }: Lesson, row = N - 1): number => limited(row, N);

/** y = x w, dw = xᵀ dy, dx = dy wᵀ. */
export type Part = 'y' | 'dw' | 'dx';
/** Is called in place of each product. `index` counts them in the order of forward: four in each block, then the head. */
export type See = (index: number, part: Part, product: MatrixProduct, compute: () => void) => void;

export const productsOf = ({ layers }: ModelConfig): number => 4 * layers + 1;

/** Returns logits (N V); `room.losses` and the gradients are of this text, whose loss is the mean over its N tokens. */
export function learn({ gpt, inputs, room, products }: Learning, { ids, N }: Lesson, see: See): Tensor {
  const { targets, losses } = room;
  const count = productsOf(gpt.config);
  inputs.data.set(ids.subarray(0, N));
  targets.data.set(ids.subarray(1));
  gpt.arena.grads.data.fill(0);
  let order = 0;
  let logits!: Tensor;
  products.during(
    (product, compute) => {
      const back = order++ - count; // backward goes from the last to the first, each with dw before dx
      if (back < 0) see(back + count, 'y', product, compute);
      else see(count - 1 - (back >> 1), back % 2 === 0 ? 'dw' : 'dx', product, compute);
    },
    () => {
      logits = gpt.forward(inputs.rows(N), { batch: 1, time: N });
      gpt.backward(targets.rows(N), 1 / N);
    },
  );
  gpt.kernels.crossEntropy(losses.rows(N), logits, targets.rows(N));
  return logits;
}
