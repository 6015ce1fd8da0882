/** Element-by-element operations: the residual sum and dropout's product. Their backwards are the same operations:
 * from y = a + b both a and b get dy; from y = a * b, a gets dy * b. */
import { dims } from '../dims.ts';
import type { Tensor } from '../tensor.ts';

export function add(y: Tensor, a: Tensor, b: Tensor): void {
  dims('add', { a: [a, 'N C'], b: [b, 'N C'], y: [y, 'N C'] });
  for (let i = 0; i < y.size; i++) y.data[i] = a.data[i] + b.data[i];
}

export function multiply(y: Tensor, a: Tensor, b: Tensor): void {
  dims('multiply', { a: [a, 'N C'], b: [b, 'N C'], y: [y, 'N C'] });
  for (let i = 0; i < y.size; i++) y.data[i] = a.data[i] * b.data[i];
}
