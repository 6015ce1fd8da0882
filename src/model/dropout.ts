/** Dropout in a model: the mask that attention applies to its probabilities, and a layer for the ends of a branch. For the
 * idea and the random numbers see tensor/reference/dropout.ts. */
import type { Tensor } from '../tensor/tensor.ts';
import { type Build, type Layer, type Pass, sequence } from './layers.ts';

/** Where dropout draws its random numbers from, and which share of an activation it sets to 0. */
export interface DropoutSettings {
  readonly rate: number;
  /** Each site has its own random numbers. */
  readonly site: number;
}

/** Draws the mask of a pass for an activation of this shape: 0 or 1 / (1 - rate); null when nothing is dropped. */
export type Mask = (shape: readonly number[], pass: Pass) => Tensor | null;

export function dropoutMask(
  build: Build,
  name: string,
  shape: readonly number[],
  { rate, site }: DropoutSettings,
): Mask {
  if (rate === 0) return () => null;
  const masks = build.saved(`${name}.mask`, shape);
  return (size, pass) => {
    if (!('batch' in pass) || pass.dropout === undefined) return null;
    const mask = masks.view(...size);
    build.kernels.dropoutMask(mask, rate, { ...pass.dropout, site });
    return mask;
  };
}

/** Sets a random part of x to 0 in training; does nothing otherwise. */
export function dropout(build: Build, name: string, C: number, settings: DropoutSettings): Layer {
  if (settings.rate === 0) return sequence();
  const { kernels, rows } = build;
  const draw = dropoutMask(build, name, [rows, C], settings);
  const ys = build.saved(`${name}.y`, [rows, C]);
  const dxs = build.gradient(`${name}.x`, [rows, C]);
  let mask: Tensor | null;
  return {
    forward(x, pass) {
      mask = draw(x.shape, pass);
      if (mask === null) return x;
      const y = ys.rows(x.shape[0]);
      kernels.multiply(y, x, mask);
      return y;
    },
    backward(dy) {
      if (mask === null) return dy;
      const dx = dxs.rows(dy.shape[0]);
      kernels.multiply(dx, dy, mask);
      return dx;
    },
  };
}
