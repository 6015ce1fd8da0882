/** The stairs of docs/fast-path.md, measured: GFLOP/s of one product after each step. node bench/stairs.ts
 *
 * The first ones are written out here, as small as they can be; the last are the kernels themselves. Best of many calls in
 * turns, since what a busy machine does to a call only makes it slower. */
import { nodeHost } from '../src/cli/host/simd-host.ts';
import type { Kernels } from '../src/tensor/kernels.ts';
import { reference } from '../src/tensor/reference/index.ts';
import { createSimdKernels } from '../src/tensor/simd/index.ts';
import { madd, type Target } from '../src/tensor/simd/machine/target.ts';
import { packing } from '../src/tensor/simd/matmul/pack.ts';
import { Tensor } from '../src/tensor/tensor.ts';
import { assemble, f32x4, func, i32, loop, v128 } from '../src/tensor/wasm/assembler.ts';
import { element, fresh, locals } from '../src/tensor/wasm/lanes.ts';
import { inTurns } from './measure.ts';
import { number, table } from './table.ts';

const [M, K, N] = [768, 512, 512];
const [aAt, yAt, bAt, packedAt] = [1 << 16, 1 << 22, 1 << 23, 1 << 24];

function threeLoops(): void {
  const [y, a, b] = [new Float32Array(M * N), aData, bData];
  for (let m = 0; m < M; m++)
    for (let n = 0; n < N; n++) {
      let sum = 0;
      for (let k = 0; k < K; k++) sum += a[m * K + k]! * b[k * N + n]!;
      y[m * N + n] = sum;
    }
}

/** A tile of rows by vectors over the whole product. b is as it lies, or in panels as wide as the tile. V8 keeps what it
 * made of a module for the next one of the same bytes: another `name` has it compile anew. */
function tiles(target: Target, rows: number, vectors: number, packed: boolean, name = 'product'): () => void {
  const columns = 4 * vectors;
  const kernel = func(name, { M: 'i32', N: 'i32', K: 'i32' }, (p, local) => {
    const [m, n, k, a, b, y] = fresh(local, 'i32');
    const sums = Array.from({ length: rows }, () => locals(local, 'v128', vectors));
    const columnsOfB = locals(local, 'v128', vectors);
    const as = locals(local, 'i32', rows);
    const x = local('v128');
    const aStep = i32.shl(p.K, 2);
    return [
      loop(n, 0, p.N, columns, [
        loop(m, 0, p.M, rows, [
          a.set(i32.add(aAt, i32.mul(m, aStep))),
          ...as.map((at, r) => at.set(r === 0 ? a : i32.add(as[r - 1]!, aStep))),
          b.set(packed ? i32.add(packedAt, i32.mul(i32.mul(n, p.K), 4)) : element(i32.const(bAt), n)),
          ...sums.flat().map((sum) => sum.set(f32x4.const(0))),
          loop(k, 0, p.K, 1, [
            ...columnsOfB.map((v, i) => v.set(v128.load(b, 16 * i))),
            ...sums.flatMap((row, r) => [
              x.set(v128.load32Splat(as[r]!)),
              ...row.map((sum, i) => sum.set(madd(target)(x, columnsOfB[i]!, sum))),
            ]),
            ...as.map((at) => at.set(i32.add(at, 4))),
            b.set(packed ? i32.add(b, 4 * columns) : element(b, p.N)),
          ]),
          y.set(element(i32.const(yAt), i32.add(i32.mul(m, p.N), n))),
          ...sums.flatMap((row) => [
            ...row.map((sum, i) => v128.store(y, sum, 16 * i)),
            y.set(element(y, p.N)),
          ]),
        ]),
      ]),
    ];
  });
  const { pack } = packing(columns);
  const memory = new WebAssembly.Memory({ initial: 512, maximum: 512, shared: true });
  const { exports } = new WebAssembly.Instance(new WebAssembly.Module(assemble([kernel, pack])), {
    env: { memory },
  });
  new Float32Array(memory.buffer, aAt, M * K).set(aData);
  new Float32Array(memory.buffer, bAt, K * N).set(bData);
  const run = exports as Record<string, (...args: number[]) => void>;
  return () => {
    if (packed) run[pack.name]!(packedAt, bAt, N, K, 0, N / columns);
    run[name]!(M, N, K);
  };
}

const numbers = (n: number) => Float32Array.from({ length: n }, (_, i) => ((i * 0.618) % 1) - 0.5);
const [aData, bData] = [numbers(M * K), numbers(K * N)];

function place(
  kernels: Kernels,
  name: string,
  shape: readonly [number, number],
  values: Float32Array,
): Tensor {
  const { buffer, byteOffset } = kernels.memory.reserve(4 * values.length);
  const data = new Float32Array(buffer, byteOffset, values.length);
  data.set(values);
  return new Tensor(name, shape, data);
}

function whole(kernels: Kernels): () => void {
  const y = place(kernels, 'y', [M, N], new Float32Array(M * N));
  const [a, b] = [place(kernels, 'a', [M, K], aData), place(kernels, 'b', [K, N], bData)];
  return () => kernels.matmul(y, a, b, 'set');
}

/** Stairs of one width are measured before the engine is told of the other, which holds for the whole process. */
async function measure(
  stairs: readonly (readonly [string, () => void])[],
  seconds: number,
): Promise<string[][]> {
  for (const [, run] of stairs) for (let i = 0; i < 4; i++) run();
  await new Promise((resolve) => setTimeout(resolve, 200)); // for the compiler, which works beside this thread
  const times = inTurns(
    stairs.map(([, run]) => run),
    { seconds, least: 5, most: 300 },
  );
  return stairs.map(([name], i) => [name, number((2 * M * N * K) / Math.min(...times[i]!) / 1e6)]);
}

const open = (threads: number, wide: 'auto' | 'off', math: 'auto' | 'portable' = 'auto') =>
  createSimdKernels(nodeHost, { threads, math, wide });
const narrow = [await open(1, 'off'), await open(2, 'off')] as const;
const { fma } = narrow[0].target;
const [twoSteps, fused] = [
  { fma: false, wide: false },
  { fma, wide: false },
];
const rows = await measure(
  [
    ['1 three loops', threeLoops],
    ['2 a block in registers', whole(reference)],
    ['3 four numbers at a time, one sum', tiles(twoSteps, 1, 1, false)],
    ['4 the register tile, 4 x 8', tiles(twoSteps, 4, 2, false)],
    ['5 fused multiply-add, 6 x 8', tiles(fused, 6, 2, false)],
    ['6 packing', tiles(fused, 6, 2, true)],
    ['7 blocks for the caches: the kernel', whole(narrow[0])],
    ['8 two threads', whole(narrow[1])],
  ],
  20,
);
const wide = [await open(1, 'auto'), await open(2, 'auto')] as const;
if (wide[0].target.wide) {
  const { target } = wide[0];
  const stairs = [
    ['9 merged pairs, the tile as it was', tiles({ ...target, wide: false }, 6, 2, true, 'merged')],
    ['10 a tile twice as wide, 6 x 16: the kernel', whole(wide[0])],
    ['10 two threads', whole(wide[1])],
  ] as const;
  rows.push(...(await measure(stairs, 8)));
}
console.log(table([`product ${M} x ${K} x ${N}`, 'GFLOP/s'], rows));
for (const kernels of [...narrow, ...wide]) kernels.close();
