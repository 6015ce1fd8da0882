/** y = a x + b z: a weighted sum. A running mean, a scaled copy and a step in a direction all have this form, so an optimizer
 * that works on whole matrices needs no other loop over elements. */
import { check } from '../dims.ts';
import type { Tensor } from '../tensor.ts';

export function weightedSum(y: Tensor, a: number, x: Tensor, b: number, z: Tensor): void {
  const fits = x.size === y.size && z.size === y.size;
  check('weightedSum', fits, 'y, x and z of one size', { y: y.size, x: x.size, z: z.size });
  for (let i = 0; i < y.size; i++) y.data[i] = a * x.data[i] + b * z.data[i];
}
