import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  readSafetensors,
  type StoredTensor,
  writeSafetensors,
} from '../../../src/model/files/safetensors.ts';

/** A file of any header and data, right or wrong. */
function file(header: string, data: ArrayLike<number> = []): Uint8Array {
  const text = new TextEncoder().encode(header);
  const bytes = new Uint8Array(8 + text.length + data.length);
  new DataView(bytes.buffer).setUint32(0, text.length, true);
  bytes.set(text, 8);
  bytes.set(data, 8 + text.length);
  return bytes;
}

/** Reads, or gives the error; the error has to be a RangeError of one short line that starts with the source. */
function attempt(bytes: Uint8Array): Map<string, StoredTensor> | string {
  try {
    return readSafetensors(bytes, 'a.st');
  } catch (error) {
    expect(error).toBeInstanceOf(RangeError);
    const { message } = error as RangeError;
    expect(message).toMatch(/^a\.st: [^\r\n]{10,400}$/);
    return message;
  }
}

/** What is stored, apart from names; bits, to tell NaN from NaN and 0 from -0. */
const contents = (tensors: Map<string, StoredTensor>) =>
  [...tensors.values()].map(({ dtype, shape, data }) => ({
    dtype,
    shape,
    bits: [...new Uint8Array(data.buffer, data.byteOffset, data.byteLength)],
  }));

const small = writeSafetensors(
  [
    {
      name: 'wte',
      shape: [2, 3],
      data: Float32Array.of(1, -2, 3.5, Number.NaN, -0, Number.POSITIVE_INFINITY),
    },
    { name: 'bias', shape: [1], data: Float32Array.of(0.25) },
  ],
  { format: 'pt' },
);

const noFit = 'the header does not fit; ';
const tooDeep = 'expected at most 3 lists and objects inside each other';

describe('a damaged safetensors file', () => {
  const x = (entry: string, data = 8) => file(`{"x":${entry}}`, new Uint8Array(data));
  const entry = (dtype: string, shape: string, offsets: string) =>
    `{"dtype":${dtype},"shape":${shape},"data_offsets":${offsets}}`;
  const two = (a: string, b: string, data = 8) =>
    file(`{"a":${entry('"F32"', '[1]', a)},"b":${entry('"F32"', '[1]', b)}}`, new Uint8Array(data));
  const withLength = (length: bigint) => {
    const bytes = small.slice();
    new DataView(bytes.buffer).setBigUint64(0, length, true);
    return bytes;
  };
  const rest = small.length - 8;

  const cases: [string, Uint8Array, string][] = [
    ['an empty file', new Uint8Array(0), 'too short for a safetensors file; expected 8 bytes or more, got 0'],
    [
      'a header as long as can be said',
      withLength(0xffff_ffff_ffff_ffffn),
      'header too long; expected at most 100000000 bytes, got 18446744073709551615; is this a safetensors file?',
    ],
    [
      'a header over the cap',
      withLength(100_000_001n),
      'header too long; expected at most 100000000 bytes, got 100000001; is this a safetensors file?',
    ],
    [
      'a header longer than the file',
      withLength(100_000_000n),
      `header cut short; expected 100000000 bytes, got ${rest}; is the file complete?`,
    ],
    [
      'a header one byte longer than the file',
      withLength(BigInt(rest + 1)),
      `header cut short; expected ${rest + 1} bytes, got ${rest}; is the file complete?`,
    ],
    ['no header', file(''), 'the header does not start like one; expected "{", got nothing'],
    ['a header that is a list', file('[]'), 'the header does not start like one; expected "{", got "["'],
    [
      'a header with a byte order mark',
      file('\ufeff{}'),
      'the header does not start like one; expected "{", got "\ufeff"',
    ],
    [
      'bytes that are not UTF-8',
      Uint8Array.of(2, 0, 0, 0, 0, 0, 0, 0, 0x7b, 0xff),
      'the header is not UTF-8 text; is this a safetensors file?',
    ],
    ['an open object', file('{"x":'), `${noFit}line 1, column 6: expected a value, got the end`],
    [
      'an open text',
      file('{"x'),
      `${noFit}line 1, column 4: expected the rest of a text in double quotes, got the end`,
    ],
    [
      'a bad escape',
      file('{"\\q":1}'),
      `${noFit}line 1, column 2: expected a text with escapes as JSON has them, got "\\"\\\\q\\":1}"`,
    ],
    ['text after the header', file('{} x'), `${noFit}line 1, column 4: expected nothing more, got "x"`],
    ['padding with zeros', file('{}\0'), `${noFit}line 1, column 3: expected nothing more, got "\\u0000"`],
    [
      'a list in a shape',
      x(entry('"F32"', '[[2]]', '[0,8]')),
      `${noFit}line 1, column 30: ${tooDeep}, got "[2]],\\"data_offsets\\":"`,
    ],
    [
      'deep nesting',
      file(`{"x":${'['.repeat(1_000_000)}`),
      `${noFit}line 1, column 8: ${tooDeep}, got "${'['.repeat(20)}"`,
    ],
    [
      'a name twice',
      file(`{"x":${entry('"F32"', '[1]', '[0,4]')},"x":${entry('"F32"', '[1]', '[0,4]')}}`, [0, 0, 0, 0]),
      `${noFit}line 1, column 55: expected each key once, got "\\"x\\":{\\"dtype\\":\\"F32\\",\\""`,
    ],
    [
      'a name twice, once escaped',
      file('{"a\\"b" \t\r\n:{},"\\u0061\\"b":{}}'),
      `${noFit}line 2, column 5: expected each key once, got "\\"\\\\u0061\\\\\\"b\\":{}}"`,
    ],
    [
      'a field twice',
      x(`{"dtype":"F32","shape":[2],"shape":[2],"data_offsets":[0,8]}`),
      `${noFit}line 1, column 33: expected each key once, got "\\"shape\\":[2],\\"data_of"`,
    ],
    [
      'metadata twice',
      file('{"__metadata__":{},"__metadata__":{}}'),
      `${noFit}line 1, column 20: expected each key once, got "\\"__metadata__\\":{}}"`,
    ],
    [
      'metadata that is text',
      file('{"__metadata__":"pt"}'),
      '__metadata__ does not fit; expected an object of texts, got "pt"',
    ],
    [
      'metadata with a number',
      file('{"__metadata__":{"step":1}}'),
      '__metadata__ does not fit; expected an object of texts, got an object',
    ],
    ['an entry that is null', x('null'), 'tensor "x": its entry does not fit; expected an object, got null'],
    ['an entry that is a list', x('[]'), 'tensor "x": its entry does not fit; expected an object, got []'],
    [
      'a field too many',
      x(`{"dtype":"F32","shape":[2],"data_offsets":[0,8],"scale":2}`),
      'tensor "x": unknown field; expected dtype, shape and data_offsets only, got "scale"',
    ],
    [
      'no dtype',
      x('{"shape":[2],"data_offsets":[0,8]}'),
      'tensor "x": unknown dtype; expected F32, F64, F16, BF16, BOOL, U8, I8, F8_E4M3, F8_E5M2, F8_E8M0, I16, U16, I32, U32, I64, U64, C64, got nothing',
    ],
    ['a dtype of the wrong case', x(entry('"f32"', '[2]', '[0,8]')), 'C64, got "f32"'],
    ['a dtype that objects have', x(entry('"constructor"', '[2]', '[0,8]')), 'C64, got "constructor"'],
    [
      'no shape',
      x('{"dtype":"F32","data_offsets":[0,8]}'),
      'tensor "x": shape does not fit; expected a list of whole numbers, got nothing',
    ],
    ['a shape that is a number', x(entry('"F32"', '2', '[0,8]')), 'a list of whole numbers, got 2'],
    ['a negative length', x(entry('"F32"', '[-1,-2]', '[0,8]')), 'a list of whole numbers, got [-1, -2]'],
    ['a broken length', x(entry('"F32"', '[0.5,4]', '[0,8]')), 'a list of whole numbers, got [0.5, 4]'],
    [
      'a whole length that is written otherwise',
      x(entry('"F32"', '[2.0,1e0]', '[0,8]')),
      'numbers, got ["2.0", "1e0"]',
    ],
    [
      'an offset that is written otherwise',
      x(entry('"F32"', '[2]', '[0,8.0]')),
      'whole numbers, got [0, "8.0"]',
    ],
    ['a shape that is null', x(entry('"F32"', 'null', '[0,8]')), 'a list of whole numbers, got null'],
    [
      'metadata with a null',
      file('{"__metadata__":{"a":null}}'),
      '__metadata__ does not fit; expected an object of texts, got an object',
    ],
    [
      'a shape of 5,000 ones',
      x(entry('"F32"', `[${Array(5000).fill(1)}]`, '[0,8]')),
      'expected 4 bytes for F32 [1, 1, 1, 1, 1, 1, 1, 1, ... 5000 items], got 8',
    ],
    ['a length of minus zero', x(entry('"F32"', '[-0]', '[0,0]'), 0), 'a list of whole numbers, got [0]'],
    ['a length that is text', x(entry('"F32"', '["2"]', '[0,8]')), 'a list of whole numbers, got ["2"]'],
    [
      'a length beyond exact numbers',
      x(entry('"F32"', '[9007199254740993]', '[0,8]')),
      'got [9007199254740992]',
    ],
    [
      'a long wrong shape',
      x(entry('"F32"', `[${Array(500).fill(-1)}]`, '[0,8]')),
      'got [-1, -1, -1, -1, -1, -1, -1, -1, ... 500 items]',
    ],
    [
      'one offset',
      x(entry('"F32"', '[2]', '[8]')),
      'tensor "x": data_offsets do not fit; expected two whole numbers, got [8]',
    ],
    ['three offsets', x(entry('"F32"', '[2]', '[0,8,8]')), 'expected two whole numbers, got [0, 8, 8]'],
    ['a negative offset', x(entry('"F32"', '[2]', '[-8,0]')), 'expected two whole numbers, got [-8, 0]'],
    [
      'offsets in reverse',
      x(entry('"F32"', '[2]', '[8,0]')),
      'tensor "x": data_offsets outside of the data; expected 0 <= begin <= end <= 8, got [8, 0]',
    ],
    [
      'an end beyond the data',
      x(entry('"F32"', '[3]', '[0,12]')),
      'expected 0 <= begin <= end <= 8, got [0, 12]',
    ],
    [
      'an end far beyond the data',
      x(entry('"F32"', '[250000000000]', '[0,1000000000000]')),
      'expected 0 <= begin <= end <= 8, got [0, 1000000000000]',
    ],
    [
      'too small a shape',
      x(entry('"F32"', '[1]', '[0,8]')),
      'tensor "x": shape and data_offsets disagree; expected 4 bytes for F32 [1], got 8',
    ],
    ['a scalar with two values', x(entry('"F32"', '[]', '[0,8]')), 'expected 4 bytes for F32 [], got 8'],
    ['another dtype', x(entry('"F64"', '[2]', '[0,8]')), 'expected 16 bytes for F64 [2], got 8'],
    [
      'a product of 2^64, which is 0 in 64 bits',
      x(entry('"F32"', '[4294967296,4294967296]', '[0,0]'), 0),
      'expected 73786976294838210000 bytes for F32 [4294967296, 4294967296], got 0',
    ],
    [
      'nothing times too much',
      x(entry('"F32"', `[0,${Array(40).fill(9007199254740991)}]`, '[0,8]')),
      'expected 0 bytes for F32',
    ],
    [
      'two tensors in one place',
      two('[0,4]', '[0,4]'),
      'tensor "b" overlaps the tensor before it; expected its data at 4, got 0',
    ],
    [
      'two tensors that overlap',
      two('[2,6]', '[0,4]'),
      'tensor "a" overlaps the tensor before it; expected its data at 4, got 2',
    ],
    ['a tensor cut short', two('[0,3]', '[4,8]'), 'expected 4 bytes for F32 [1], got 3'],
    [
      'a hole at the start',
      x(entry('"F32"', '[1]', '[4,8]')),
      'tensor "x" leaves a hole before it; expected its data at 0, got 4',
    ],
    [
      'a hole in the middle',
      two('[0,4]', '[8,12]', 12),
      'tensor "b" leaves a hole before it; expected its data at 4, got 8',
    ],
    [
      'bytes after the last',
      x(entry('"F32"', '[1]', '[0,4]')),
      'bytes after the last tensor; expected 4 bytes of data, got 8',
    ],
    ['bytes and no tensor', file('{}', [1]), 'bytes after the last tensor; expected 0 bytes of data, got 1'],
    [
      'a name with line breaks',
      file('{"a\\nb":1}'),
      'tensor "a\\nb": its entry does not fit; expected an object, got 1',
    ],
    [
      'a name of a megabyte',
      file(`{"${'n'.repeat(1_000_000)}":1}`),
      `tensor "${'n'.repeat(60)}...": its entry`,
    ],
  ];

  it.each(cases)('%s', (_, bytes, expected) => {
    const message = attempt(bytes);
    expect(message).toBeTypeOf('string');
    const text = message as string;
    // A case that gives the whole message starts with what does not fit; others give its end.
    expect(text === `a.st: ${expected}` || (/^a\.st: tensor/.test(text) && text.includes(expected))).toBe(
      true,
    );
  });

  it('metadata that is null is none', () => {
    const tensors = attempt(
      file(`{"__metadata__":null,"w":${entry('"F32"', '[2]', '[0,8]')}}`, [0, 0, 0xc0, 0x3f, 0, 0, 0, 0xc0]),
    );
    expect([...(tensors as Map<string, StoredTensor>).get('w')!.data]).toEqual([1.5, -2]);
  });

  it('tensors may be listed in any order, and empty ones take no room', () => {
    const empty = entry('"F32"', '[0,7]', '[4,4]');
    const tensors = attempt(
      file(
        `{"b":${entry('"F32"', '[1]', '[4,8]')},"e":${empty},"a":${entry('"F32"', '[1]', '[0,4]')}}`,
        [0, 0, 0x80, 0x3f, 0, 0, 0, 0x40],
      ),
    ) as Map<string, StoredTensor>;
    expect([...tensors.values()].map((t) => [t.name, ...t.data])).toEqual([['a', 1], ['e'], ['b', 2]]);
  });

  it('a file cut at any byte, or one byte too long, is an error of one line', () => {
    for (let length = 0; length < small.length; length++) {
      expect(attempt(small.subarray(0, length))).toBeTypeOf('string');
    }
    expect(attempt(Uint8Array.of(...small, 0))).toBeTypeOf('string');
    expect(attempt(small)).toBeInstanceOf(Map);
  });

  // The format has no checksum: a flipped bit in a name or in the metadata gives another legal file.
  it('any flipped bit is an error of one line, or changes one value, one name or the metadata only', () => {
    const before = attempt(small) as Map<string, StoredTensor>;
    const start = 8 + new DataView(small.buffer).getUint32(0, true);
    let errors = 0;
    for (let bit = 0; bit < 8 * small.length; bit++) {
      const bytes = small.slice();
      bytes[bit >> 3] ^= 1 << (bit & 7);
      const after = attempt(bytes);
      if (typeof after === 'string') {
        errors++;
        expect(bit >> 3).toBeLessThan(start);
      } else if (bit >> 3 >= start) {
        expect([...after.keys()]).toEqual([...before.keys()]);
        const [a, b] = [before, after].map((tensors) => contents(tensors).flatMap((t) => t.bits));
        expect(b.filter((byte, i) => byte !== a[i]).length).toBe(1);
      } else {
        expect(contents(after)).toEqual(contents(before));
        expect([...after.keys()].filter((name) => !before.has(name)).length).toBeLessThanOrEqual(1);
      }
    }
    expect(errors).toBeGreaterThan(900);
  });

  it('noise and rewritten headers never crash the reader', () => {
    const json = fc.json({ maxDepth: 4 }).map((text) => file(text, new Uint8Array(8)));
    const noise = fc.uint8Array({ maxLength: 64 });
    const splice = fc
      .record({
        at: fc.nat({ max: small.length }),
        drop: fc.nat({ max: 8 }),
        put: fc.uint8Array({ maxLength: 8 }),
      })
      .map(({ at, drop, put }) =>
        Uint8Array.of(...small.subarray(0, at), ...put, ...small.subarray(at + drop)),
      );
    fc.assert(
      fc.property(fc.oneof(json, noise, splice), (bytes) => {
        const result = attempt(bytes);
        if (typeof result !== 'string') for (const t of result.values()) expect(t.shape).toBeDefined();
      }),
      { seed: 2, numRuns: 1000 },
    );
  });
});
