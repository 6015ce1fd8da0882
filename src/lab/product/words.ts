/** What the view says of one product. */
import { html, type Markup } from '../../report/html.ts';
import type { Chain, Difference, Product } from '../engine/product-protocol.ts';
import { brief, exactly } from '../numbers.ts';
import type { ChainNames } from './chain.ts';
import { titles } from './place.ts';

/** How an engine adds up. */
export const arithmetics: Readonly<Record<string, string>> = {
  'simd fma':
    'Each step is one fused multiply-add in float32: a product is not rounded before it is added. The order is that of the kernels.',
  'simd portable':
    'Each product is rounded to float32, then added, and the sum is rounded. The order is that of the kernels.',
  reference: 'Products are added up in float64; the sum is rounded to float32 at the end.',
};

/** @param names of the tokens, by id */
export function wordsOf(found: Product, names: readonly string[]) {
  const { ids, matrices, matrix, layer, row, column, input, outputs, y, dx, entropy } = found;
  const N = ids.length - 1;
  const head = matrix === 'head';
  const tokenAt = (t: number) => names[ids[t]];
  // q, k and v, or gate and up, are one product: its outputs stand side by side.
  const parts = dx.a.length / outputs;
  const first = parts === 1 ? matrices.indexOf(matrix) : matrices.indexOf(parts === 3 ? 'q' : 'gate');
  const together = matrices.slice(first, first + parts);
  const output = (n: number) => {
    if (head) return `${n} ${names[n]}`;
    return parts === 1 ? String(n) : `${together[Math.floor(n / outputs)]} ${n % outputs}`;
  };
  const where = head ? 'The head' : `Layer ${layer}, ${titles[matrix]}`;
  const logit = head ? `, the logit of “${names[column]}”` : '';
  const from = y.start === 0 ? '' : ', from the bias on';
  const all = parts === 1 ? '' : `, for ${together.join(', ')} together`;
  const chain = (a: string, b: string, sum: string, over: string, term: (k: number) => string) =>
    ({ a, b, sum, over, term }) satisfies ChainNames;
  return {
    forward: `${where}, token ${row}, “${tokenAt(row)}”, output ${column}${logit}: the row of x for this token times the column of w for this output${from}.`,
    backward: `dy is how the loss of the text, ${brief(entropy.mean)} nats a token, changes with each output of this product. It comes back from the layers above${all}.`,
    softmax: `Softmax and cross-entropy: after “${tokenAt(row)}” comes “${tokenAt(row + 1)}”`,
    /** The text: its row, the token that comes next, and the last, which is only foretold. */
    read: html`${Array.from(ids, (_, t) => {
      if (t === row) return html`<mark>${tokenAt(t)}</mark>`;
      if (t === row + 1) return html`<span class="next">${tokenAt(t)}</span>`;
      return t === N ? html`<i>${tokenAt(t)}</i>` : tokenAt(t);
    })}`,
    titles: {
      y: `y[${row}, ${column}]: ${y.a.length} terms, one for each input`,
      dx: `dx[${row}, ${input}]: ${dx.a.length} terms, one for each output`,
      dw: `dw[${input}, ${column}]: ${N} terms, one for each token`,
    },
    chains: {
      y: chain('x', 'w', 'y', 'input', String),
      dx: chain('dy', 'w', 'dx', 'output', output),
      dw: chain('x', 'dy', 'dw', 'token', (t) => `${t} ${tokenAt(t)}`),
    },
  };
}

export function equality({ sums, result, start }: Chain, name: string): Markup {
  const end = sums.at(-1) ?? start;
  return Object.is(end, result)
    ? html`${name} = <b data-result="${result}">${exactly(result)}</b>, bit for bit what the model has in memory`
    : html`the sum ends at ${exactly(end)}, but the model has <b data-result="${result}">${exactly(result)}</b>`;
}

export function measuredAs({ quotient, relative }: Difference, h: number): Markup {
  return html`measured: (loss(+h) − loss(−h)) / 2h = <b data-quotient="${quotient}">${exactly(quotient)}</b>, with h = 2<sup>${Math.log2(h)}</sup> in float64; relative difference <b data-relative="${relative}">${relative.toExponential(1)}</b>`;
}
