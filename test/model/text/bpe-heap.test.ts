import fc from 'fast-check';
import { expect, test } from 'vitest';
import { Heap } from '../../../src/model/text/bpe-heap.ts';

test('pops in order, under any mix of pushes and pops', () => {
  const commands = fc.array(fc.option(fc.nat(1000), { freq: 2 }), { minLength: 60, maxLength: 60 });
  fc.assert(
    fc.property(commands, (steps) => {
      const heap = new Heap<number>((a, b) => a < b);
      const sorted: number[] = [];
      for (const step of [...steps, ...steps.map(() => null)]) {
        if (step === null) expect(heap.pop()).toBe(sorted.shift());
        else {
          heap.push(step);
          sorted.push(step);
          sorted.sort((a, b) => a - b);
        }
      }
      expect(heap.pop()).toBe(undefined);
    }),
    { seed: 4, numRuns: 300 },
  );
});
