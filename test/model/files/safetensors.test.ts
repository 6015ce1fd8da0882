import { readFileSync } from 'node:fs';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  readSafetensors,
  type StoredTensor,
  writeSafetensors,
} from '../../../src/model/files/safetensors.ts';

const golden = new URL('../../golden/gpt2-tiny/', import.meta.url);

/** A file of any header and data, right or wrong. */
function file(header: string, data: ArrayLike<number> = []): Uint8Array {
  const text = new TextEncoder().encode(header);
  const bytes = new Uint8Array(8 + text.length + data.length);
  new DataView(bytes.buffer).setUint32(0, text.length, true);
  bytes.set(text, 8);
  bytes.set(data, 8 + text.length);
  return bytes;
}

/** A file of one tensor `x`. */
function single(dtype: string, shape: number[], data: Uint8Array): Uint8Array {
  return file(JSON.stringify({ x: { dtype, shape, data_offsets: [0, data.length] } }), data);
}

/** The values' bits: tells NaN from NaN and 0 from -0. */
function bitsOf(tensor: StoredTensor): number[] {
  const { data } = tensor;
  return [...new Uint8Array(data.buffer, data.byteOffset, data.byteLength)];
}

describe('writing', () => {
  it('gives the header, padded to 8 bytes, then the data', () => {
    const bytes = writeSafetensors([{ name: 'b', shape: [1, 2], data: Float32Array.of(1, -2) }], { k: 'v' });
    const header = '{"__metadata__":{"k":"v"},"b":{"dtype":"F32","shape":[1,2],"data_offsets":[0,8]}}';
    expect(header.length).toBe(81);
    expect([...bytes.subarray(0, 8)]).toEqual([88, 0, 0, 0, 0, 0, 0, 0]);
    expect(new TextDecoder().decode(bytes.subarray(8, 96))).toBe(`${header}       `);
    expect([...bytes.subarray(96)]).toEqual([0, 0, 0x80, 0x3f, 0, 0, 0, 0xc0]);
  });

  it('of nothing gives a header of no tensors, which reads as none', () => {
    const bytes = writeSafetensors([]);
    expect([...bytes]).toEqual([8, 0, 0, 0, 0, 0, 0, 0, 0x7b, 0x7d, 32, 32, 32, 32, 32, 32]);
    expect(readSafetensors(bytes, 'a.st').size).toBe(0);
  });

  it('takes a part of a larger buffer, and generators', () => {
    const memory = Float32Array.of(9, 1, 2, 9);
    function* parameters() {
      yield { name: 'x', shape: [2], data: memory.subarray(1, 3) };
    }
    expect([...readSafetensors(writeSafetensors(parameters()), 'a.st').get('x')!.data]).toEqual([1, 2]);
  });

  it('refuses two tensors of one name, the reserved name and shapes that do not fit', () => {
    const t = (name: string, shape: number[]) => ({ name, shape, data: new Float32Array(6) });
    expect(() => writeSafetensors([t('x', [6]), t('x', [6])])).toThrow(
      new RangeError('writeSafetensors: the name "x" is taken already'),
    );
    expect(() => writeSafetensors([t('__metadata__', [6])])).toThrow('"__metadata__" is taken already');
    for (const shape of [[5], [2, 4], [-2, -3], [1.5, 4], []]) {
      expect(() => writeSafetensors([t('x', shape)])).toThrow(
        `writeSafetensors: "x": shape does not fit; expected a product of 6, got [${shape.join(', ')}]`,
      );
    }
  });
});

describe('reading back', () => {
  const name = fc.oneof(
    fc.string({ unit: 'binary' }),
    fc.constantFrom('0', '12', '__proto__', 'constructor', 'dtype', 'a\nb', '"', '\\', '\ud800', '\u{1f600}'),
  );
  const tensor = fc
    .record({ name, shape: fc.array(fc.nat({ max: 3 }), { maxLength: 4 }), seed: fc.nat() })
    .map(({ name, shape, seed }) => {
      const words = new Uint32Array(shape.reduce((a, b) => a * b, 1));
      for (let i = 0; i < words.length; i++) words[i] = Math.imul(seed + i, 0x9e3779b1) ^ (i << 7);
      if (words.length > 1) words[0] = 0x7fc00001 + (seed & 0xff); // a NaN with a payload
      return { name, shape, data: new Float32Array(words.buffer) };
    });
  const tensors = fc
    .uniqueArray(tensor, { selector: (t) => t.name, maxLength: 6 })
    .filter((list) => list.every((t) => t.name !== '__metadata__'));

  it('gives names, order, shapes and every bit, at any address of the file', () => {
    fc.assert(
      fc.property(tensors, fc.dictionary(name, fc.string()), fc.nat({ max: 8 }), (list, metadata, shift) => {
        const written = writeSafetensors(list, metadata);
        const bytes = Buffer.from(new ArrayBuffer(written.length + shift), shift);
        bytes.set(written);
        const read = readSafetensors(bytes, 'a.st');
        // Tensors of no elements take no room, so of those at one place the header's order is not known.
        const filled = (names: Iterable<{ name: string; shape: readonly number[] }>) =>
          [...names].filter((t) => !t.shape.includes(0)).map((t) => t.name);
        expect(filled(read.values())).toEqual(filled(list));
        expect(read.size).toBe(list.length);
        for (const { name, shape, data } of list) {
          const found = read.get(name)!;
          expect(found.name).toBe(name);
          expect(found.dtype).toBe('F32');
          expect(found.shape).toEqual(shape);
          expect(bitsOf(found)).toEqual([...new Uint8Array(data.buffer)]);
        }
        expect(new DataView(written.buffer).getUint32(0, true) % 8).toBe(0);
        expect(writeSafetensors(list, metadata)).toEqual(written);
      }),
      { seed: 1, numRuns: 200 },
    );
  });

  it('shares memory where it is aligned, and converts once', () => {
    const bytes = writeSafetensors([{ name: 'x', shape: [1], data: Float32Array.of(1) }]);
    expect(readSafetensors(bytes, 'a.st').get('x')!.data.buffer).toBe(bytes.buffer);
    const half = readSafetensors(single('F16', [1], Uint8Array.of(0, 0)), 'a.st').get('x')!;
    expect(half.data).toBe(half.data);
  });

  it('opens the weights of a model saved by PyTorch', () => {
    const bytes = readFileSync(new URL('model.safetensors', golden));
    const tensors = readSafetensors(bytes, 'model.safetensors');
    expect(tensors.size).toBe(2 + 2 * 12 + 2);
    expect([...tensors.keys()].slice(0, 3)).toEqual([
      'transformer.wte.weight',
      'transformer.wpe.weight',
      'transformer.h.0.ln_1.weight',
    ]);
    const fc1 = tensors.get('transformer.h.1.mlp.c_fc.weight')!;
    expect(fc1.shape).toEqual([16, 64]);
    expect(fc1.data.length).toBe(1024);
    const last = [...tensors.values()].at(-1)!;
    expect(last.data.at(-1)).toBe(bytes.readFloatLE(bytes.length - 4));
    const wte = tensors.get('transformer.wte.weight')!;
    const start = 8 + bytes.readUInt32LE(0);
    expect([...wte.data]).toEqual(Array.from({ length: 208 }, (_, i) => bytes.readFloatLE(start + 4 * i)));
    const again = writeSafetensors(
      [...tensors.values()].map(({ name, shape, data }) => ({ name, shape, data: data as Float32Array })),
      { format: 'pt' },
    );
    expect(again).toEqual(new Uint8Array(bytes));
  });
});

describe('dtypes', () => {
  it('F16: all 65,536 values', () => {
    const halves = Uint16Array.from({ length: 65536 }, (_, i) => i);
    const { data } = readSafetensors(single('F16', [65536], new Uint8Array(halves.buffer)), 'a.st').get('x')!;
    expect(data).toBeInstanceOf(Float32Array);
    for (let i = 0; i < 65536; i++) {
      const [exponent, mantissa] = [(i >> 10) & 31, i & 1023];
      const size =
        exponent === 31
          ? mantissa === 0
            ? Number.POSITIVE_INFINITY
            : Number.NaN
          : exponent === 0
            ? mantissa * 2 ** -24
            : (1 + mantissa / 1024) * 2 ** (exponent - 15);
      if (!Object.is(data[i], i < 32768 ? size : -size)) expect.fail(`F16 ${i}: ${data[i]} for ${size}`);
    }
  });

  it('BF16: the upper half of a float32, with infinities, NaN, -0 and subnormals', () => {
    const floats = [
      1,
      -2.5,
      2 ** 127,
      -0,
      2 ** -133,
      Number.POSITIVE_INFINITY,
      Number.NEGATIVE_INFINITY,
      Number.NaN,
    ];
    const words = new Uint32Array(Float32Array.from(floats).buffer);
    const halves = Uint16Array.from(words, (word) => word >>> 16);
    const { data } = readSafetensors(single('BF16', [2, 4], new Uint8Array(halves.buffer)), 'a.st').get('x')!;
    expect([...data]).toEqual(floats);
    expect(data).toBeInstanceOf(Float32Array);
  });

  it('F64: as float64, unrounded', () => {
    const values = Float64Array.of(Math.PI, -0, Number.MIN_VALUE);
    const { data } = readSafetensors(single('F64', [3], new Uint8Array(values.buffer)), 'a.st').get('x')!;
    expect(data).toEqual(values);
  });

  it('a mask is listed with its shape, and its values are an error only when asked for', () => {
    for (const dtype of ['BOOL', 'U8']) {
      const mask = readSafetensors(single(dtype, [1, 1, 2, 2], Uint8Array.of(1, 0, 1, 1)), 'a.st').get('x')!;
      expect([mask.dtype, mask.shape]).toEqual([dtype, [1, 1, 2, 2]]);
      expect(() => mask.data).toThrow(
        new RangeError(`a.st: tensor "x" holds no weights; expected F32, F16, BF16 or F64, got ${dtype}`),
      );
    }
  });

  it.each([
    ['I8', 1],
    ['F8_E4M3', 1],
    ['I16', 2],
    ['U16', 2],
    ['I32', 4],
    ['U32', 4],
    ['I64', 8],
    ['U64', 8],
  ])('%s: %i bytes an element', (dtype, width) => {
    expect(readSafetensors(single(dtype, [3], new Uint8Array(3 * width)), 'a.st').size).toBe(1);
    expect(() => readSafetensors(single(dtype, [3], new Uint8Array(3 * width - 1)), 'a.st')).toThrow(
      `expected ${3 * width} bytes`,
    );
  });
});
