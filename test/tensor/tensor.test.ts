import { describe, expect, it } from 'vitest';
import { type Floats, ids, Tensor, tensor } from '../../src/tensor/tensor.ts';

describe('Tensor', () => {
  it('knows its size before it has memory, and says so when its memory is asked for', () => {
    const planned = new Tensor<Floats>('h.0.y', [3, 4, 5]);
    expect(planned.size).toBe(60);
    expect(new Tensor<Floats>('scalar', []).size).toBe(1);
    expect(() => planned.data).toThrow(new Error('h.0.y: has no memory yet; allocate its arena first'));
    expect(() => planned.rows(2)).toThrow('has no memory yet');
    planned.place(new Float32Array(60));
    expect(planned.data).toHaveLength(60);
  });

  it('refuses memory of another length', () => {
    expect(() => new Tensor('w', [2, 3], new Float32Array(5))).toThrow(
      new RangeError('w: needs 6 elements for (2,3), got 5'),
    );
  });

  it('holds copies of the values that `tensor` and `ids` are given, as float32 and int32', () => {
    const values = [0.1, 2, 3, 4];
    const w = tensor('w', [2, 2], values);
    values[1] = 9;
    expect(w.data).toEqual(Float32Array.of(0.1, 2, 3, 4));
    expect(tensor('zeros', [3]).data).toEqual(new Float32Array(3));
    expect(ids('tokens', [3, 1])).toMatchObject({ name: 'tokens', shape: [2], size: 2 });
    expect(ids('tokens', [3, 1]).data).toEqual(Int32Array.of(3, 1));
  });
});

describe('rows', () => {
  const x = tensor(
    'x',
    [4, 2, 3],
    Array.from({ length: 24 }, (_, i) => i),
  );

  it('is the first n rows of the same memory', () => {
    const two = x.rows(2);
    expect(two.shape).toEqual([2, 2, 3]);
    expect(two.name).toBe('x');
    expect([...two.data]).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11]);
    two.data[11] = -1;
    expect(x.data[11]).toBe(-1);
    expect(x.rows(0).size).toBe(0);
  });

  it('gives the same object when asked again, and itself for all rows', () => {
    expect(x.rows(3)).toBe(x.rows(3));
    expect(x.rows(3)).not.toBe(x.rows(1));
    expect(x.rows(4)).toBe(x);
  });

  it('refuses more rows than there are, and fewer than none', () => {
    expect(() => x.rows(5)).toThrow(
      new RangeError('x: a view of (5,2,3) from element 0 does not fit into (4,2,3)'),
    );
    expect(() => x.rows(-1)).toThrow('x: a view of (-1,2,3) from element 0 does not fit into (4,2,3)');
  });
});

describe('view', () => {
  const x = tensor('x', [4, 6]);

  it('is the same memory under another shape, or the beginning of it', () => {
    const view = x.view(3, 8);
    expect(view.shape).toEqual([3, 8]);
    expect([view.data.buffer, view.data.byteOffset]).toEqual([x.data.buffer, x.data.byteOffset]);
    expect(x.view(5).data).toHaveLength(5);
    expect(x.rows(2).view(12).data.byteOffset).toBe(x.data.byteOffset);
  });

  it('gives the same object when asked again, itself for its own shape, and never confuses rows(n) with view(n)', () => {
    expect(x.view(2, 12)).toBe(x.view(2, 12));
    expect(x.view(4, 6)).toBe(x);
    expect(x.view(3).shape).toEqual([3]);
    expect(x.rows(3).shape).toEqual([3, 6]);
  });

  it('refuses a shape of more elements', () => {
    expect(() => x.view(5, 5)).toThrow(
      new RangeError('x: a view of (5,5) from element 0 does not fit into (4,6)'),
    );
  });

  it('follows the tensor to new memory', () => {
    const moved = tensor('moved', [2, 2], [1, 2, 3, 4]);
    expect([...moved.rows(1).data]).toEqual([1, 2]);
    moved.place(Float32Array.of(5, 6, 7, 8));
    expect([...moved.rows(1).data]).toEqual([5, 6]);
  });
});

describe('row', () => {
  it('is one row without the leading dimension, sharing memory, made once', () => {
    const x = tensor(
      'x',
      [3, 2, 2],
      Float32Array.from({ length: 12 }, (_, i) => i),
    );
    const row = x.row(2);
    expect([row.shape, [...row.data]]).toEqual([
      [2, 2],
      [8, 9, 10, 11],
    ]);
    expect(x.row(2)).toBe(row);
    expect(x.row(0)).not.toBe(x.rows(1));
    row.data[0] = 99;
    expect(x.data[8]).toBe(99);
  });

  it('refuses rows that are not there', () => {
    const x = tensor('x', [3, 2]);
    expect(() => x.row(3)).toThrow('x: a view of (2) from element 6 does not fit into (3,2)');
    expect(() => x.row(-1)).toThrow(RangeError);
  });
});
