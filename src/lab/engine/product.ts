/** One matrix product of the model that is looked at, number by number: forward, and backward from the loss of a text.
 *
 *     y = x w (+ bias)        dx = dy wᵀ        dw = xᵀ dy
 *
 * The numbers are those that the model has in memory while it learns; only the running sums are made for the page, and by
 * the same kernels: one term after the other, so that the last is what the whole product gave, bit for bit. */
import type { ModelConfig } from '../../model/config.ts';
import { crossEntropyOf } from './cross-entropy.ts';
import { type Learning, type Lesson, learn, lessonOf, limited, productsOf, rowOf } from './lesson.ts';
import type { Chain, Matrix, Product, ProductPlace } from './product-protocol.ts';
import { factorsAt, type MatrixProduct } from './watched.ts';

/** The products of a block in the order of forward, each with the matrices that stand side by side in it. */
const blockProducts = ({ arch }: ModelConfig): readonly (readonly Matrix[])[] => [
  ['q', 'k', 'v'],
  ['output'],
  arch === 'gpt2' ? ['up'] : ['gate', 'up'],
  ['down'],
];

/** Which of the model's products, counted in the order of forward, and which numbers of its row and column. */
export interface Place {
  readonly index: number;
  readonly row: number;
  /** Of y, in all that the product computes: q, k and v are one product. */
  readonly column: number;
  readonly input: number;
}

/** What is asked for, brought within what there is. */
export function placeOf(config: ModelConfig, lesson: Lesson, asked: ProductPlace) {
  const { layers, channels: C, feedForward: F, vocabSize: V } = config;
  const products = blockProducts(config);
  const matrices: Matrix[] = [...products.flat(), 'head'];
  const matrix = matrices.find((name) => name === asked.matrix) ?? 'head';
  const within = products.findIndex((names) => names.includes(matrix));
  const inputs = matrix === 'down' ? F : C;
  const outputs = matrix === 'head' ? V : within === 2 ? F : C;
  const head = matrix === 'head';
  const layer = limited(asked.layer, layers);
  const row = rowOf(lesson, asked.row);
  const column = limited(asked.column ?? (head ? lesson.ids[row + 1] : 0), outputs);
  const input = limited(asked.input, inputs);
  const from = head ? 0 : products[within].indexOf(matrix) * outputs;
  const place: Place = {
    ...{ index: head ? 4 * layers : 4 * layer + within, row, input },
    column: from + column,
  };
  return { place, found: { layer, matrix, matrices, row, column, input, inputs, outputs } };
}

export function productOf(looked: Learning, asked: ProductPlace): Product {
  const lesson = lessonOf(looked, asked.text);
  const { config } = looked.gpt;
  const { place, found } = placeOf(config, lesson, asked);
  const { index, row, column, input } = place;
  const chains: Partial<Record<'y' | 'dw' | 'dx', Chain>> = {};
  let transposed = false; // w is (N K), and so is dw
  let gradient = new Float32Array();
  const z = learn(looked, lesson, (at, part, product, compute) => {
    if (at === productsOf(config) - 1 && part === 'dx') gradient = Float32Array.from(product.a.row(row).data);
    if (at !== index) return compute();
    if (part === 'y') transposed = product.operation === 'matmulTransposedB';
    const element = {
      y: [row, column],
      dx: [row, input],
      dw: transposed ? [column, input] : [input, column],
    };
    const chain = chainOf(looked, product, element[part] as [number, number], compute);
    chains[part] = part === 'dw' && transposed ? { ...chain, a: chain.b, b: chain.a } : chain; // x before dy
  });
  const { ids, unknown } = lesson;
  const { y, dw, dx } = chains as Record<'y' | 'dw' | 'dx', Chain>;
  const logits = Float32Array.from(z.row(row).data);
  const entropy = crossEntropyOf(looked, lesson, row, { logits, gradient });
  return { ids, unknown, ...found, y, dw, dx, entropy };
}

/** What one element of a product is made of; computes the product. */
function chainOf(
  looked: Learning,
  product: MatrixProduct,
  [i, j]: [number, number],
  compute: () => void,
): Chain {
  const { y, start: from } = product;
  const { K, inA, inB } = factorsAt(product, i, j);
  const a = Float32Array.from({ length: K }, (_, k) => product.a.data[inA(k)]);
  const b = Float32Array.from({ length: K }, (_, k) => product.b.data[inB(k)]);
  const at = i * y.shape[1] + j;
  const start = from === 'set' ? 0 : from === 'add' ? y.data[at] : from.data[j];
  compute();
  return { start, a, b, sums: runningSums(looked, start, a, b), result: y.data[at] };
}

/** After each term. The fast kernels chain multiply-adds in float32 from the start value on, so a product of one term is the
 * next link. The reference adds up in float64, then the start value, and rounds once. */
function runningSums({ gpt, room }: Learning, start: number, a: Float32Array, b: Float32Array): Float32Array {
  const { y, ...factors } = room.term;
  let exact = 0;
  y.data[0] = start;
  return a.map((value, k) => {
    exact += value * b[k];
    if (gpt.kernels.name === 'reference') return start + exact;
    factors.a.data[0] = value;
    factors.b.data[0] = b[k];
    gpt.kernels.matmul(y, factors.a, factors.b, 'add');
    return y.data[0];
  });
}
