import { describe, expect, it } from 'vitest';
import { Rotation } from '../../src/model/rotation.ts';
import { Arena } from '../../src/tensor/arena.ts';
import { reference } from '../../src/tensor/reference/index.ts';
import { ids } from '../../src/tensor/tensor.ts';
import { expectSameBits } from '../support/compare.ts';

function open(size: { T: number; D: number; theta: number }) {
  const arena = new Arena({ precision: 'float64', gradients: false });
  const rotation = new Rotation(arena, 9, size);
  arena.allocate(reference.memory);
  return rotation;
}

describe('rotary angles', () => {
  it.each([
    { D: 2, theta: 10_000 },
    { D: 8, theta: 100 },
    { D: 64, theta: 1e6 },
  ])('are position * theta^(-2d/D), also far beyond the table: $D channels, theta $theta', ({ D, theta }) => {
    const positions = [0, 1, 2, 15, 16, 17, 1000, 123_456];
    const rotation = open({ T: 16, D, theta }).at(ids('positions', positions));
    expect(rotation.shape).toEqual([positions.length, D]);
    for (const [n, position] of positions.entries()) {
      for (let d = 0; d < D / 2; d++) {
        const angle = position * theta ** ((-2 * d) / D);
        const tolerance = 1e-15 * (1 + 4 * angle); // the angle is rounded a few times
        expect(Math.abs(rotation.data[n * D + d]! - Math.cos(angle))).toBeLessThan(tolerance);
        expect(Math.abs(rotation.data[n * D + D / 2 + d]! - Math.sin(angle))).toBeLessThan(tolerance);
      }
    }
  });

  it('are the same bits from the table and computed when they come', () => {
    const positions = ids('positions', [3, 0, 7, 5]);
    const [long, short] = [open({ T: 8, D: 6, theta: 50 }), open({ T: 1, D: 6, theta: 50 })];
    expectSameBits(long.at(positions), short.at(positions));
  });
});
