import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Build } from '../../src/model/layers.ts';
import { Arena, type Precision } from '../../src/tensor/arena.ts';
import type { Memory } from '../../src/tensor/kernels.ts';
import { reference } from '../../src/tensor/reference/index.ts';
import type { Tensor } from '../../src/tensor/tensor.ts';

/** Memory that starts in the middle of a larger buffer, as a share of WebAssembly's does, and counts what is taken. */
function countingMemory(byteOffset = 192): Memory & { reserved: number[] } {
  const reserved: number[] = [];
  return {
    reserved,
    reserve(bytes) {
      reserved.push(bytes);
      return { buffer: new ArrayBuffer(byteOffset + bytes), byteOffset };
    },
  };
}

function small(options: { precision?: Precision; gradients?: boolean } = {}) {
  const arena = new Arena(options);
  return {
    arena,
    bias: arena.parameter('bias', [5]),
    w: arena.parameter('w', [3, 5]),
    gain: arena.parameter('gain', [17]),
    table: arena.parameter('table', [2, 20]),
    m: arena.moment('m'),
    v: arena.moment('v'),
    saved: arena.saved('h.0.x', [2, 3, 7]),
    scratch: arena.scratch('dx', [1]),
    cache: arena.cache('keys', [2, 2]),
    tokens: arena.ids('tokens', 3),
  };
}

/** Where t starts in `flat`, in elements. */
function offset(t: Tensor, flat: Tensor): number {
  return (t.data.byteOffset - flat.data.byteOffset) / flat.data.BYTES_PER_ELEMENT;
}

describe('the layout of parameters', () => {
  it.each([
    { precision: 'float32', starts: [0, 16, 64, 80], matrices: 64, total: 112 },
    { precision: 'float64', starts: [0, 16, 56, 64], matrices: 56, total: 88 },
  ] as const)(
    'is matrices first, then vectors, each in the order they were asked for: $precision',
    (expected) => {
      const { arena, bias, w, gain, table, m, v } = small({ precision: expected.precision });
      arena.allocate(countingMemory());
      const order = [w, table, bias, gain];
      expect(order.map((p) => offset(p.value, arena.params))).toEqual(expected.starts);
      expect(order.map((p) => arena.offsetOf(p))).toEqual(expected.starts);
      expect(order.map((p) => offset(p.grad, arena.grads))).toEqual(expected.starts);
      expect(arena.ranges).toEqual({
        tables: [0, expected.matrices],
        hidden: [expected.matrices, expected.matrices],
        vectors: [expected.matrices, expected.total],
      });
      expect([arena.params, arena.grads, m, v].map((t) => t.size)).toEqual(new Array(4).fill(expected.total));
      expect(arena.parameters).toEqual([bias, w, gain, table]);
      expect(w.grad).toMatchObject({ name: 'd w', shape: [3, 5] });
    },
  );

  it('is what makes one pass over flat memory reach every parameter and nothing else', () => {
    const { arena, w, gain, saved, m } = small();
    arena.allocate(countingMemory());
    arena.params.data.fill(2);
    arena.grads.data.fill(3);
    expect(w.value.data).toEqual(new Float32Array(15).fill(2));
    expect(gain.grad.data).toEqual(new Float32Array(17).fill(3));
    expect([...saved.data, ...m.data].every((x) => x === 0)).toBe(true);
  });
});

describe('hidden matrices', () => {
  const hidden = { inputs: 'columns', parts: 1, residual: false } as const;

  it('stand between tables and vectors, so that each kind is one range of the flat run', () => {
    const arena = new Arena();
    const [gain, w, table] = [
      arena.parameter('gain', [5]),
      arena.parameter('w', [3, 7], hidden),
      arena.parameter('table', [2, 9]),
    ];
    const planned = arena.ranges;
    arena.allocate(countingMemory());
    expect(arena.ranges).toEqual({ tables: [0, 32], hidden: [32, 64], vectors: [64, 80] });
    expect(planned).toEqual(arena.ranges);
    expect(arena.ranges).toBe(arena.ranges); // an update asks for them: nothing is made anew
    expect([table, w, gain].map((p) => offset(p.value, arena.params))).toEqual([0, 32, 64]);
    expect(arena.parameters).toEqual([gain, w, table]);
    expect([gain, w, table].map((p) => p.hidden)).toEqual([undefined, hidden, undefined]);
  });

  it.each(['float32', 'float64'] as const)(
    'of a stack lie one below the other without gaps: %s',
    (precision) => {
      const arena = new Arena({ precision });
      arena.parameter('before', [3, 3], hidden);
      const { whole, parts } = arena.stack(['q', 'k', 'v'], [3, 5], [9, 5], hidden);
      const after = arena.parameter('after', [1, 1], hidden);
      arena.allocate(countingMemory());
      expect(parts.map((p) => p.name)).toEqual(['q', 'k', 'v']);
      expect(arena.parameters).toEqual([expect.anything(), ...parts, after]);
      for (const [i, part] of parts.entries()) {
        expect(offset(part.value, whole.value)).toBe(15 * i);
        expect(offset(part.grad, whole.grad)).toBe(15 * i);
        part.grad.data.fill(i);
      }
      expect(whole.grad).toMatchObject({ shape: [9, 5], size: 45 });
      expect([...whole.grad.data]).toEqual(Array.from({ length: 45 }, (_, n) => Math.floor(n / 15)));
      expect(offset(whole.value, arena.params)).toBe(16);
      expect(offset(after.value, arena.params)).toBe(64);
    },
  );

  it('vectors that are stacked count as vectors', () => {
    const arena = new Arena();
    arena.stack(['q gain', 'k gain'], [5], [2, 5]);
    arena.allocate(countingMemory());
    expect(arena.ranges).toEqual({ tables: [0, 0], hidden: [0, 0], vectors: [0, 16] });
  });

  it('refuse a name that is taken', () => {
    const arena = new Arena();
    arena.parameter('q', [2]);
    expect(() => arena.stack(['k', 'q'], [2, 2], [4, 2])).toThrow(new Error('q: two parameters of one name'));
  });
});

describe('allocate', () => {
  it('reserves once, and exactly what plan() announced', () => {
    const { arena } = small();
    const memory = countingMemory();
    const bytes = arena.plan().reduce((sum, row) => sum + row.bytes, 0);
    arena.allocate(memory);
    expect(memory.reserved).toEqual([bytes]);
  });

  it('announces tensors, elements and bytes of each section', () => {
    expect(small().arena.plan()).toEqual([
      { section: 'params', tensors: 4, elements: 112, bytes: 448 },
      { section: 'grads', tensors: 4, elements: 112, bytes: 448 },
      { section: 'moments', tensors: 2, elements: 224, bytes: 896 },
      { section: 'saved', tensors: 1, elements: 42, bytes: 192 },
      { section: 'scratch', tensors: 1, elements: 1, bytes: 64 },
      { section: 'cache', tensors: 1, elements: 4, bytes: 64 },
      { section: 'ids', tensors: 1, elements: 3, bytes: 64 },
    ]);
  });

  it('places every tensor on a 64-byte boundary, none over another, all within what was reserved', () => {
    const sizes = fc.array(fc.integer({ min: 1, max: 70 }), { maxLength: 6 });
    const plans = fc.record({
      precision: fc.constantFrom<Precision>('float32', 'float64'),
      gradients: fc.boolean(),
      matrices: sizes,
      vectors: sizes,
      saved: sizes,
      scratch: sizes,
      cache: sizes,
      ids: sizes,
      moments: fc.integer({ min: 0, max: 3 }),
    });
    fc.assert(
      fc.property(plans, ({ precision, gradients, ...plan }) => {
        const arena = new Arena({ precision, gradients });
        plan.vectors.forEach((n, i) => void arena.parameter(`vector ${i}`, [n]));
        plan.matrices.forEach((n, i) => void arena.parameter(`matrix ${i}`, [n, 3]));
        const tensors: Pick<Tensor, 'data'>[] = [
          ...Array.from({ length: plan.moments }, (_, i) => arena.moment(`moment ${i}`)),
          ...plan.saved.map((n, i) => arena.saved(`saved ${i}`, [n])),
          ...plan.scratch.map((n, i) => arena.scratch(`scratch ${i}`, [n])).filter(() => gradients),
          ...plan.cache.map((n, i) => arena.cache(`cache ${i}`, [n])),
          ...arena.parameters.flatMap((p) => (gradients ? [p.value, p.grad] : [p.value])),
        ];
        const tokens = plan.ids.map((n, i) => arena.ids(`ids ${i}`, n));
        const memory = countingMemory(128);
        arena.allocate(memory);
        const spans = [...tensors, ...tokens]
          .map(({ data }) => [data.byteOffset, data.byteOffset + data.byteLength])
          .sort((a, b) => a[0] - b[0]);
        let end = 128;
        for (const [from, to] of spans) {
          expect(from % 64).toBe(0);
          expect(from).toBeGreaterThanOrEqual(end);
          end = to;
        }
        expect(end).toBeLessThanOrEqual(128 + memory.reserved[0]);
      }),
      { seed: 1, numRuns: 200 },
    );
  });

  it('gives float64 where gradients are checked, but ids stay int32', () => {
    const { arena, saved, tokens } = small({ precision: 'float64' });
    arena.allocate(countingMemory());
    expect(saved.data).toBeInstanceOf(Float64Array);
    expect(arena.params.data).toBeInstanceOf(Float64Array);
    expect(tokens.data).toBeInstanceOf(Int32Array);
  });

  it('spends nothing on gradients without them', () => {
    const { arena, w } = small({ gradients: false });
    expect(arena.plan()[1]).toEqual({ section: 'grads', tensors: 0, elements: 0, bytes: 0 });
    arena.allocate(countingMemory());
    expect(() => arena.grads).toThrow(new Error('this arena was planned without gradients'));
    expect(() => w.grad.data).toThrow('d w: has no memory yet');
    expect(w.value.data).toHaveLength(15);
  });
});

describe('shared memory', () => {
  const sections = (arena: Arena) =>
    Object.fromEntries(arena.plan().map((row) => [row.section, row.elements]));

  it('is one tensor for one role', () => {
    const arena = new Arena();
    const first = arena.scratch('d h.*.fc', [2, 3]);
    expect(arena.scratch('d h.*.fc', [2, 3])).toBe(first);
    expect(arena.scratch('d h.*.proj', [2, 3])).not.toBe(first);
    expect(sections(arena).scratch).toBe(12);
  });

  it('is refused for another shape', () => {
    const arena = new Arena();
    arena.scratch('d h.*.x', [2, 3]);
    expect(() => arena.scratch('d h.*.x', [3, 2])).toThrow(
      new RangeError('d h.*.x: shared memory of (2,3) asked for again as (3,2)'),
    );
  });

  it('saved tensors of one role have their own, unless there is no backward that would read them', () => {
    const training = new Arena();
    const y = (arena: Arena, block: number) => arena.saved(`h.${block}.y`, [2, 3], 'h.*.y');
    expect(y(training, 0)).not.toBe(y(training, 1));
    expect(sections(training)).toMatchObject({ saved: 12, scratch: 0 });
    const sampling = new Arena({ gradients: false });
    expect(y(sampling, 0)).toBe(y(sampling, 1));
    sampling.scratch('d h.*.y', [2, 3]);
    expect(sections(sampling)).toMatchObject({ saved: 0, scratch: 6 });
  });

  it('blocks share the gradients of activations, whatever they are called, and nothing that has to last', () => {
    const arena = new Arena();
    const build = new Build(arena, reference, 2);
    const [first, second] = [build.block('a.1.b', 0), build.block('a.1.b', 11)];
    expect(first.gradient('x', [2])).toBe(second.gradient('x', [2]));
    expect(first.gradient('x', [2])).not.toBe(build.gradient('x', [2]));
    expect(first.saved('y', [2])).not.toBe(second.saved('y', [2]));
    expect(first.parameter('w', [2]).name).toBe('a.1.b.0.w');
  });
});
