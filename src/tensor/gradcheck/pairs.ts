/** What the gradient checker checks: every operation with its backward, on random numbers in float64.
 *
 * Lengths are odd and unequal, so that no confusion of rows and columns goes unnoticed. Read it as a list of answers to
 * "which call gives the gradient of which argument?". */
import type { Kernels } from '../kernels.ts';
import { RandomStream } from '../random.ts';
import { type Floats, ids, Tensor } from '../tensor.ts';

/** One operation with its backward, ready to run. */
export interface Pair {
  readonly operation: string;
  readonly y: Tensor;
  /** The weights of the loss, one for each element of y. */
  readonly dy: Tensor;
  readonly gradients: readonly Gradient[];
  forward(): void;
  backward(): void;
}

export interface Gradient {
  readonly x: Tensor;
  readonly dx: Tensor;
  /** Whether backward overwrites dx, as for activations, or adds to it, as for parameters. */
  readonly mode: 'set' | 'add';
}

/** Of rmsnorm. It is large, so that the check fails where it is left out or in the wrong place. */
const epsilon = 0.1;

/** Every operation of these kernels that has a backward. */
export function pairs(k: Kernels): Pair[] {
  return [
    ...products(k),
    ...elementwise(k),
    ...tables(k),
    ...norms(k),
    ...headwise(k),
    ...attentions(k),
    losses(k),
  ];
}

/** y = a b in each transposition and from each start; the two other transpositions give da and db. */
function products(k: Kernels): Pair[] {
  const [M, N, K] = [5, 7, 3];
  const shapes = { matmul: [M, K, K, N], matmulTransposedB: [M, K, N, K], matmulTransposedA: [K, M, K, N] };
  const transpositions = ['matmul', 'matmulTransposedB', 'matmulTransposedA'] as const;
  return transpositions.flatMap((operation) =>
    (['set', 'add', 'bias'] as const).map((from): Pair => {
      const [aRows, aColumns, bRows, bColumns] = shapes[operation];
      const [a, b] = [normal('a', aRows, aColumns), normal('b', bRows, bColumns)];
      const y = normal('y', M, N);
      const dy = normal('dy', M, N);
      const before = normal('y before', M, N);
      const bias = normal('bias', N);
      const da = gradient(a, 'set');
      const db = gradient(b, 'add');
      const dbias = gradient(bias, 'add');
      const dbefore = gradient(before, 'set');
      return {
        operation: `${operation} (${from})`,
        y,
        dy,
        gradients: [da, db, ...(from === 'bias' ? [dbias] : from === 'add' ? [dbefore] : [])],
        forward() {
          y.data.set(before.data);
          k[operation](y, a, b, from === 'bias' ? bias : from);
        },
        backward() {
          if (operation === 'matmul') {
            k.matmulTransposedB(da.dx, dy, b, 'set');
            k.matmulTransposedA(db.dx, a, dy, 'add');
          } else if (operation === 'matmulTransposedB') {
            k.matmul(da.dx, dy, b, 'set');
            k.matmulTransposedA(db.dx, dy, a, 'add');
          } else {
            k.matmulTransposedB(da.dx, b, dy, 'set');
            k.matmul(db.dx, a, dy, 'add');
          }
          k.biasBackward(dbias.dx, dy);
          dbefore.dx.data.set(dy.data);
        },
      };
    }),
  );
}

function elementwise(k: Kernels): Pair[] {
  const [N, C] = [3, 7];
  const [a, b, x, y, dy] = ['a', 'b', 'x', 'y', 'dy'].map((name) => normal(name, N, C));
  const [da, db, dx] = [gradient(a, 'set'), gradient(b, 'set'), gradient(x, 'set')];
  const gateAndUp = normal('gate and up', N, 2 * C);
  const dGateAndUp = gradient(gateAndUp, 'set');
  return [
    {
      operation: 'add',
      y,
      dy,
      gradients: [da, db],
      forward: () => k.add(y, a, b),
      backward() {
        da.dx.data.set(dy.data);
        db.dx.data.set(dy.data);
      },
    },
    {
      operation: 'multiply',
      y,
      dy,
      gradients: [da, db],
      forward: () => k.multiply(y, a, b),
      backward() {
        k.multiply(da.dx, dy, b);
        k.multiply(db.dx, dy, a);
      },
    },
    {
      operation: 'gelu',
      y,
      dy,
      gradients: [dx],
      forward: () => k.gelu(y, x),
      backward: () => k.geluBackward(dx.dx, dy, x),
    },
    {
      operation: 'swiglu',
      y,
      dy,
      gradients: [dGateAndUp],
      forward: () => k.swiglu(y, gateAndUp),
      backward: () => k.swigluBackward(dGateAndUp.dx, dy, gateAndUp),
    },
  ];
}

function tables(k: Kernels): Pair[] {
  const [N, V, C] = [7, 5, 3];
  const tokens = ids('ids', [4, 0, 2, 4, 4, 1, 0]); // some rows are used several times, row 3 never
  const table = normal('table', V, C);
  const y = normal('y', N, C);
  const dy = normal('dy', N, C);
  const before = normal('y before', N, C);
  const [dtable, dbefore] = [gradient(table, 'add'), gradient(before, 'set')];
  return (['set', 'add'] as const).map(
    (start): Pair => ({
      operation: `embedding (${start})`,
      y,
      dy,
      gradients: start === 'add' ? [dtable, dbefore] : [dtable],
      forward() {
        y.data.set(before.data);
        k.embedding(y, table, tokens, start);
      },
      backward() {
        k.embeddingBackward(dtable.dx, dy, tokens);
        dbefore.dx.data.set(dy.data);
      },
    }),
  );
}

function norms(k: Kernels): Pair[] {
  const [N, C] = [5, 7];
  const [x, y, dy, stats] = [normal('x', N, C), normal('y', N, C), normal('dy', N, C), normal('stats', N, 2)];
  const [gain, shift, r] = [normal('gain', C), normal('shift', C), normal('r', N)];
  const [dx, dgain, dshift] = [gradient(x, 'set'), gradient(gain, 'add'), gradient(shift, 'add')];
  return [
    {
      operation: 'layernorm',
      y,
      dy,
      gradients: [dx, dgain, dshift],
      forward: () => k.layernorm(y, stats, x, gain, shift),
      backward() {
        k.layernormBackward(dx.dx, dy, x, gain, stats);
        k.layernormParametersBackward(dgain.dx, dshift.dx, dy, x, stats);
      },
    },
    {
      operation: 'rmsnorm',
      y,
      dy,
      gradients: [dx, dgain],
      forward: () => k.rmsnorm(y, r, x, gain, epsilon),
      backward() {
        k.rmsnormBackward(dx.dx, dy, x, gain, r);
        k.rmsnormParametersBackward(dgain.dx, dy, x, r);
      },
    },
  ];
}

/** What happens to every head of q and k alone. */
function headwise(k: Kernels): Pair[] {
  const [N, H, D] = [5, 3, 4];
  const [qkv, y, dy] = [normal('qkv', N, 3 * H * D), normal('y', N, 3 * H * D), normal('dy', N, 3 * H * D)];
  const [gains, r, rotation] = [normal('gains', 2, D), normal('r', N, 2 * H), normal('rotation', N, D)];
  const [dqkv, dgains] = [gradient(qkv, 'set'), gradient(gains, 'add')];
  return [
    {
      operation: 'qkNorm',
      y,
      dy,
      gradients: [dqkv, dgains],
      forward: () => k.qkNorm(y, r, qkv, gains, epsilon),
      backward() {
        k.qkNormBackward(dqkv.dx, dy, qkv, gains, r);
        k.qkNormParametersBackward(dgains.dx, dy, qkv, r);
      },
    },
    {
      operation: 'rope',
      y,
      dy,
      gradients: [dqkv],
      forward() {
        y.data.set(qkv.data);
        k.rope(y, rotation);
      },
      backward() {
        dqkv.dx.data.set(dy.data);
        k.ropeBackward(dqkv.dx, rotation);
      },
    },
  ];
}

function attentions(k: Kernels): Pair[] {
  const [B, T, H, D] = [2, 5, 3, 3];
  const [N, C] = [B * T, H * D];
  const qkv = normal('qkv', N, 3 * C);
  const y = normal('y', N, C);
  const dy = normal('dy', N, C);
  const probs = normal('probs', B, H, T, T);
  const mask = normal('keep', B, H, T, T); // any factors will do, not only dropout's two
  return [null, mask].map((keep): Pair => {
    const dqkv = gradient(qkv, 'set');
    return {
      operation: keep === null ? 'attention' : 'attention (keep)',
      y,
      dy,
      gradients: [dqkv],
      forward: () => k.attention(y, probs, qkv, keep),
      backward: () => k.attentionBackward(dqkv.dx, dy, y, qkv, probs, keep),
    };
  });
}

/** The loss of a model is an average of its losses, so its backward takes one weight for all rows. */
function losses(k: Kernels): Pair {
  const [N, V] = [5, 7];
  const scale = 0.37;
  const targets = ids('targets', [6, 0, 3, 3, 5]);
  const [logits, y, dy] = [normal('logits', N, V), normal('losses', N), normal('dlosses', N)];
  dy.data.fill(scale);
  const dlogits = gradient(logits, 'set');
  return {
    operation: 'crossEntropy',
    y,
    dy,
    gradients: [dlogits],
    forward: () => k.crossEntropy(y, logits, targets),
    backward: () => k.crossEntropyBackward(dlogits.dx, logits, targets, scale),
  };
}

/** Standard normals that depend on the name. */
function normal(name: string, ...shape: number[]): Tensor {
  const data = new Float64Array(shape.reduce((product, length) => product * length, 1));
  const stream = Array.from(name).reduce((hash, character) => hash * 31 + character.charCodeAt(0), 0);
  new RandomStream(1, 'init').normals(data, 1, stream);
  return new Tensor<Floats>(name, shape, data);
}

function gradient(x: Tensor, mode: 'set' | 'add'): Gradient {
  return { x, dx: normal(`d${x.name}`, ...x.shape), mode };
}
