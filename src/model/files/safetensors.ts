/** Named arrays in one file, the way Hugging Face stores weights (https://github.com/huggingface/safetensors).
 *
 *     8 bytes   N, little-endian
 *     N bytes   JSON: { "__metadata__": { text: text }, "name": { "dtype", "shape", "data_offsets": [begin, end] }, ... }
 *     the rest  data, row-major and little-endian; offsets count from here
 *
 * A file may come from anywhere, so every number is checked against the length of the file before it is used, and the tensors
 * have to cover the data exactly, without gap or overlap. A wrong file gives one line of text, never a crash or more memory
 * than the file has. Values are not checked here: infinities and NaN are legal.
 *
 * Typed arrays use the machine's byte order; like all machines that run JavaScript today it has to be little-endian. */
import { isObject, quote, show } from '../json.ts';
import { parseJson } from '../json-reader.ts';
import { readHalf } from './half.ts';

export type StoredData = Float32Array | Float64Array;

/** The format's own limit for N; the headers of the largest models take a few megabytes. */
const largestHeader = 100_000_000;

interface Dtype {
  readonly width: number;
  /** Absent for types that no weight has. `bytes` start at a multiple of `width`. */
  readonly read?: (bytes: Uint8Array) => StoredData;
}

const dtypes: ReadonlyMap<string, Dtype> = new Map<string, Dtype>([
  ['F32', { width: 4, read: (b) => new Float32Array(b.buffer, b.byteOffset, b.byteLength / 4) }],
  ['F64', { width: 8, read: (b) => new Float64Array(b.buffer, b.byteOffset, b.byteLength / 8) }],
  ['F16', { width: 2, read: readHalf }],
  ['BF16', { width: 2, read: readBrainFloat }],
  ...['BOOL', 'U8', 'I8', 'F8_E4M3', 'F8_E5M2', 'F8_E8M0'].map((name) => [name, { width: 1 }] as const),
  ...['I16', 'U16'].map((name) => [name, { width: 2 }] as const),
  ...['I32', 'U32'].map((name) => [name, { width: 4 }] as const),
  ...['I64', 'U64', 'C64'].map((name) => [name, { width: 8 }] as const),
]);

/** One array of a file. Nothing is converted or copied until `data` is asked for. */
export class StoredTensor {
  readonly name: string;
  readonly dtype: string;
  readonly shape: readonly number[];
  readonly #source: string;
  readonly #bytes: Uint8Array;
  #data: StoredData | undefined;

  constructor(source: string, name: string, dtype: string, shape: readonly number[], bytes: Uint8Array) {
    this.#source = source;
    this.name = name;
    this.dtype = dtype;
    this.shape = shape;
    this.#bytes = bytes;
  }

  /** The file that it is in, for error messages. */
  get source(): string {
    return this.#source;
  }

  /** F64 as Float64Array; F32, F16 and BF16 as Float32Array, exactly. F32 and F64 share the file's memory where it is
   * aligned for them. Other dtypes (old GPT-2 files hold causal masks as U8 or BOOL) throw a RangeError, only here. */
  get data(): StoredData {
    if (this.#data === undefined) {
      const { width, read } = dtypes.get(this.dtype)!;
      if (read === undefined) {
        throw new RangeError(
          `${this.#source}: tensor ${quote(this.name)} holds no weights; expected F32, F16, BF16 or F64, got ${this.dtype}`,
        );
      }
      // Not bytes.slice(): on a Node Buffer that shares memory instead of copying.
      const aligned = this.#bytes.byteOffset % width === 0 ? this.#bytes : new Uint8Array(this.#bytes);
      this.#data = read(aligned);
    }
    return this.#data;
  }

  /** `data`, with every number checked: a RangeError for one that is not finite or too large for a float32. */
  finiteData(): StoredData {
    const { data } = this;
    const bad = data.findIndex((x: number) => !Number.isFinite(Math.fround(x)));
    if (bad < 0) return data;
    throw new RangeError(
      `${this.#source}: tensor ${quote(this.name)} holds ${data[bad]} at ${bad}; expected finite numbers`,
    );
  }

  /** The first `count` rows, sharing memory. */
  rows(count: number): StoredTensor {
    const [rows, ...rest] = this.shape as [number, ...number[]];
    const bytes = this.#bytes.subarray(0, (this.#bytes.length / rows) * count);
    return new StoredTensor(this.#source, this.name, this.dtype, [count, ...rest], bytes);
  }

  /** The rows (V C), in float32, and one more that is their mean. */
  withMeanRow(): StoredTensor {
    const [V, C] = this.shape as [number, number];
    const rows = new Float32Array((V + 1) * C);
    rows.set(this.finiteData());
    for (let c = 0; c < C; c++) {
      let sum = 0;
      for (let v = 0; v < V; v++) sum += rows[v * C + c];
      rows[V * C + c] = sum / V;
    }
    return new StoredTensor(this.#source, this.name, 'F32', [V + 1, C], new Uint8Array(rows.buffer));
  }
}

/** The tensors of a safetensors file by name, in the order of their data; `source` names the file in errors.
 * Throws a RangeError of one line at the first thing that does not fit. */
export function readSafetensors(bytes: Uint8Array, source: string): Map<string, StoredTensor> {
  const { header, start } = readHeader(bytes, source);
  const data = bytes.subarray(start);
  const { __metadata__: metadata, ...entries } = header;
  if (metadata != null && !(isObject(metadata) && Object.values(metadata).every(isText))) {
    throw new RangeError(
      `${source}: __metadata__ does not fit; expected an object of texts, got ${show(metadata)}`,
    );
  }
  const layout = Object.entries(entries).map(([name, entry]) => readEntry(name, entry, data.length, source));
  layout.sort((a, b) => a.begin - b.begin || a.end - b.end);

  const tensors = new Map<string, StoredTensor>();
  let at = 0;
  for (const { name, dtype, shape, begin, end } of layout) {
    if (begin !== at) {
      const kind = begin < at ? 'overlaps the tensor before it' : 'leaves a hole before it';
      throw new RangeError(
        `${source}: tensor ${quote(name)} ${kind}; expected its data at ${at}, got ${begin}`,
      );
    }
    at = end;
    tensors.set(name, new StoredTensor(source, name, dtype, shape, data.subarray(begin, end)));
  }
  if (at !== data.length) {
    throw new RangeError(
      `${source}: bytes after the last tensor; expected ${at} bytes of data, got ${data.length}`,
    );
  }
  return tensors;
}

function readHeader(bytes: Uint8Array, source: string): { header: Record<string, unknown>; start: number } {
  if (bytes.length < 8) {
    throw new RangeError(
      `${source}: too short for a safetensors file; expected 8 bytes or more, got ${bytes.length}`,
    );
  }
  const length = new DataView(bytes.buffer, bytes.byteOffset).getBigUint64(0, true);
  if (length > largestHeader) {
    throw new RangeError(
      `${source}: header too long; expected at most ${largestHeader} bytes, got ${length}; is this a safetensors file?`,
    );
  }
  const start = 8 + Number(length);
  if (start > bytes.length) {
    throw new RangeError(
      `${source}: header cut short; expected ${length} bytes, got ${bytes.length - 8}; is the file complete?`,
    );
  }
  let text: string;
  try {
    text = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes.subarray(8, start));
  } catch {
    throw new RangeError(`${source}: the header is not UTF-8 text; is this a safetensors file?`);
  }
  if (!text.startsWith('{')) {
    throw new RangeError(
      `${source}: the header does not start like one; expected "{", got ${text === '' ? 'nothing' : quote(text[0])}`,
    );
  }
  try {
    return { header: parseJson(text, headerOptions) as Record<string, unknown>, start };
  } catch (error) {
    throw new RangeError(`${source}: the header does not fit; ${(error as Error).message}`);
  }
}

/** A key stands only once in this format. A length written as 2.0 stays a text and is refused, as by the format's own reader. */
const headerOptions = {
  depth: 3,
  uniqueKeys: true,
  number: (text: string) =>
    Number.isInteger(Number(text)) && /\D/.test(text.slice(1)) ? text : Number(text),
};

/** The header's entry for one tensor, after all checks that need no other tensor. */
function readEntry(name: string, entry: unknown, dataLength: number, source: string) {
  const misfit = (what: string, expected: string, got: string) =>
    new RangeError(`${source}: tensor ${quote(name)}: ${what}; expected ${expected}, got ${got}`);
  if (!isObject(entry)) throw misfit('its entry does not fit', 'an object', show(entry));
  const { dtype, shape, data_offsets: offsets, ...others } = entry;
  const [other] = Object.keys(others);
  if (other !== undefined) throw misfit('unknown field', 'dtype, shape and data_offsets only', quote(other));
  const width = isText(dtype) ? dtypes.get(dtype)?.width : undefined;
  if (width === undefined) throw misfit('unknown dtype', [...dtypes.keys()].join(', '), show(dtype));
  if (!(Array.isArray(shape) && shape.every(isCount))) {
    throw misfit('shape does not fit', 'a list of whole numbers', show(shape));
  }
  if (!(Array.isArray(offsets) && offsets.length === 2 && offsets.every(isCount))) {
    throw misfit('data_offsets do not fit', 'two whole numbers', show(offsets));
  }
  const [begin, end] = offsets as [number, number];
  if (!(begin <= end && end <= dataLength)) {
    throw misfit('data_offsets outside of the data', `0 <= begin <= end <= ${dataLength}`, show(offsets));
  }
  // Above 2^53 the product is rounded, but no file is that long, and the comparison fails anyway.
  const size = shape.includes(0)
    ? 0
    : (shape as number[]).reduce((product, length) => product * length, width);
  if (size !== end - begin) {
    throw misfit(
      'shape and data_offsets disagree',
      `${size} bytes for ${dtype} ${show(shape)}`,
      `${end - begin}`,
    );
  }
  return { name, dtype: dtype as string, shape: shape as number[], begin, end };
}

/** What the writer takes. */
export interface TensorToStore {
  readonly name: string;
  readonly shape: readonly number[];
  /** Float32, or halves as their bits. */
  readonly data: Float32Array | Uint16Array;
}

/** A safetensors file with the tensors as F32 or F16 in the given order: the same input gives the same bytes. The header is
 * padded with spaces to a multiple of 8 bytes, so that readers can use the data in place. */
export function writeSafetensors(
  tensors: Iterable<TensorToStore>,
  metadata?: Readonly<Record<string, string>>,
): Uint8Array {
  const list = [...tensors];
  const names = new Set(['__metadata__']);
  // Joined by hand: an object would move names like "0" to the front and lose "__proto__".
  const entries = metadata === undefined ? [] : [`"__metadata__":${JSON.stringify(metadata)}`];
  let size = 0;
  for (const { name, shape, data } of list) {
    if (names.has(name)) throw new RangeError(`writeSafetensors: the name ${quote(name)} is taken already`);
    names.add(name);
    const elements = shape.reduce((product, length) => product * length, 1);
    if (!(shape.every(isCount) && elements === data.length)) {
      throw new RangeError(
        `writeSafetensors: ${quote(name)}: shape does not fit; expected a product of ${data.length}, got ${show(shape)}`,
      );
    }
    const dtype = data instanceof Uint16Array ? 'F16' : 'F32';
    const entry = { dtype, shape, data_offsets: [size, size + data.byteLength] };
    entries.push(`${JSON.stringify(name)}:${JSON.stringify(entry)}`);
    size += data.byteLength;
  }
  const header = new TextEncoder().encode(`{${entries.join()}}`);
  const start = 8 + Math.ceil(header.length / 8) * 8;
  const bytes = new Uint8Array(start + size);
  new DataView(bytes.buffer).setBigUint64(0, BigInt(start - 8), true);
  bytes.fill(0x20, 8, start).set(header, 8);
  let at = start;
  for (const { data } of list) {
    bytes.set(new Uint8Array(data.buffer, data.byteOffset, data.byteLength), at);
    at += data.byteLength;
  }
  return bytes;
}

/** bfloat16 is the upper half of a float32. */
function readBrainFloat(bytes: Uint8Array): Float32Array {
  const halves = new Uint16Array(bytes.buffer, bytes.byteOffset, bytes.byteLength / 2);
  const words = new Uint32Array(halves.length);
  for (let i = 0; i < halves.length; i++) words[i] = halves[i] << 16;
  return new Float32Array(words.buffer);
}

function isText(value: unknown): value is string {
  return typeof value === 'string';
}

/** A whole number that counts something. Minus zero is not one. */
function isCount(value: unknown): value is number {
  return Number.isSafeInteger(value) && (value as number) >= 0 && !Object.is(value, -0);
}
