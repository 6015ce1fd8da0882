/** Rotary positions: every head of q and k is turned by angles that grow with its position.
 *
 * Channels d and d + D/2 of a head are a point in the plane; at position p it is turned by p * theta^(-2d/D):
 *     y[d]       = x[d] cos - x[d + D/2] sin
 *     y[d + D/2] = x[d + D/2] cos + x[d] sin
 * As both q and k are turned, a score depends only on the difference of their angles, that is of their positions: what
 * attention learns about "three tokens back" holds everywhere. Pairs with small d turn fast and tell neighbours apart; those
 * with large d turn slowly.
 * Su et al., arXiv 2104.09864; the pairing of halves is that of GPT-NeoX, Llama and Qwen.
 *
 * Backward. The transpose of a rotation is its inverse, so the gradient is turned back by the same angles. Nothing is saved.
 * rotation (N D) holds the cosines of row n's D/2 angles, then the sines: see model/rotation.ts. */
import { check, dims } from '../dims.ts';
import type { Tensor } from '../tensor.ts';

export function rope(qkv: Tensor, rotation: Tensor): void {
  turn('rope', qkv, rotation, 1);
}

export function ropeBackward(dqkv: Tensor, rotation: Tensor): void {
  turn('ropeBackward', dqkv, rotation, -1);
}

function turn(operation: string, qkv: Tensor, rotation: Tensor, direction: 1 | -1): void {
  const { N, C3, D } = sizes(operation, qkv, rotation);
  const [x, half] = [qkv.data, D / 2];
  for (let n = 0; n < N; n++) {
    for (let head = n * C3; head < n * C3 + (2 * C3) / 3; head += D) {
      for (let d = 0; d < half; d++) {
        const cos = rotation.data[n * D + d];
        const sin = rotation.data[n * D + half + d] * direction;
        const [a, b] = [x[head + d], x[head + half + d]];
        x[head + d] = a * cos - b * sin;
        x[head + half + d] = b * cos + a * sin;
      }
    }
  }
}

/** Checks the shapes. */
export function sizes(operation: string, qkv: Tensor, rotation: Tensor) {
  const { N, C3, D } = dims(operation, { qkv: [qkv, 'N C3'], rotation: [rotation, 'N D'] });
  check(operation, C3 % (3 * D) === 0 && D % 2 === 0, 'q, k and v of whole heads of an even size D', {
    qkv: C3,
    D,
  });
  return { N, C3, D };
}
