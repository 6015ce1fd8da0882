import { describe, expect, it } from 'vitest';
import { measureProfile, profileText, timed } from '../../bench/profile.ts';
import { reference } from '../../src/tensor/reference/index.ts';
import { tensor } from '../../src/tensor/tensor.ts';

describe('the profile', () => {
  const { kernels, spent } = timed(reference);
  const [a, b] = [tensor('a', [2, 2], [1, 2, 3, 4]), tensor('b', [2, 2], [10, 20, 30, 40])];
  let steps = 0;
  const trainer = {
    train() {
      steps += 1;
      kernels.add(a, a, b);
      kernels.add(a, a, b);
      kernels.matmul(b, a, a, 'set');
    },
  };
  const rows = measureProfile(trainer, spent, 0);

  it('counts the calls of a step, those to warm up and of other steps not', () => {
    expect(steps).toBe(3); // two to warm up
    expect(Object.fromEntries(rows.map(({ operation, calls }) => [operation, calls]))).toEqual({
      add: 2,
      matmul: 1,
      'between kernels': 1,
    });
  });

  it('computes what the kernels do', () => {
    expect(kernels.name).toBe('reference');
    const sum = tensor('sum', [1, 2]);
    kernels.add(sum, tensor('x', [1, 2], [1, 2]), tensor('y', [1, 2], [3, 5]));
    expect([...sum.data]).toEqual([4, 7]);
  });

  it('shows shares of the whole', () => {
    const text = profileText([
      { operation: 'matmul', calls: 17, ms: 3 },
      { operation: 'gelu', calls: 4, ms: 1 },
    ]);
    expect(text).toMatch(/^ {2}matmul +17 +3\.00 +75 %$/m);
    expect(text).toMatch(/^ {2}gelu +4 +1\.00 +25 %$/m);
  });
});
