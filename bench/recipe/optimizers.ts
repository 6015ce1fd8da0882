/** Muon with one thing about it changed, and a rate that falls to 0 several times: what the program does not have, to see
 * whether it should. */
import type { Arena, Hidden } from '../../src/tensor/arena.ts';
import type { Kernels, NewtonSchulzSettings } from '../../src/tensor/kernels.ts';
import type { Floats, Tensor } from '../../src/tensor/tensor.ts';
import { AdamW } from '../../src/train/adamw.ts';
import { copyColumns, HiddenMatrices } from '../../src/train/hidden-matrices.ts';
import type { Optimizer, OptimizerSettings } from '../../src/train/optimizer.ts';
import type { Part, Workspace } from '../../src/train/orthogonal.ts';
import { learningRateAt, type Schedule } from '../../src/train/schedule.ts';
import type { Change, Settings } from './rows.ts';
import { Soap } from './soap.ts';

/** With nothing in it, this is the program's Muon, bit for bit. */
export interface Variant {
  /** Polynomials that make an update orthogonal, one after the other. */
  readonly polynomials?: readonly NewtonSchulzSettings[];
  /** NorMuon's steps: see equalizeNeurons. */
  readonly equalNeurons?: boolean;
  /** Weights decay only where that goes the way of the update: see decayCautiously. */
  readonly cautious?: boolean;
  /** By the share of the run that is done: 0 in the first update, 1 in the last. */
  readonly momentum?: (done: number) => number;
  /** Instead of the settings'; by the share of the run that is done, as well. */
  readonly weightDecay?: (done: number) => number;
  /** By how much to multiply the rate of embedding tables. */
  readonly tables?: number;
  /** By how much to multiply the rate of gains and biases. */
  readonly vectors?: number;
}

const momentum = 0.85; // of Muon in src/train
const newtonSchulz = (rounds: number): NewtonSchulzSettings => ({
  coefficients: [3.4445, -4.775, 2.0315],
  rounds,
});

export class VariantMuon implements Optimizer {
  readonly flops: number;
  readonly #arena: Arena;
  readonly #kernels: Kernels;
  readonly #settings: Settings;
  readonly #variant: Variant;
  /** AdamW reads these in every update, so the weight decay can change. */
  readonly #restSettings: OptimizerSettings & { weightDecay: number };
  readonly #rest: AdamW;
  readonly #hidden: HiddenMatrices;
  /** Of equalizeNeurons, by update. */
  readonly #squares = new Map<Tensor, Float64Array>();

  /** Reserves room in the arena, so it must be called before the arena is allocated. */
  constructor(arena: Arena, kernels: Kernels, settings: Settings, variant: Variant) {
    this.#arena = arena;
    this.#kernels = kernels;
    this.#settings = settings;
    this.#variant = variant;
    this.#restSettings = { ...settings };
    this.#rest = new AdamW(arena, kernels, this.#restSettings);
    this.#hidden = new HiddenMatrices(arena);
    this.flops = this.#hidden.flops;
  }

  get moments() {
    return this.#rest.moments;
  }

  norm(): number {
    return this.#rest.norm();
  }

  update(learningRate: number, norm: number, step: number): void {
    const { steps, weightDecay } = this.#settings;
    const done = (step - 1) / Math.max(1, steps - 1);
    const decay = this.#variant.weightDecay?.(done) ?? weightDecay;
    this.#updateRest(learningRate, norm, step, decay);
    this.#updateHidden(learningRate, norm, done, decay);
  }

  #updateRest(learningRate: number, norm: number, step: number, decay: number): void {
    const { tables = 1, vectors = 1, cautious = false } = this.#variant;
    const { params, ranges } = this.#arena;
    this.#restSettings.weightDecay = cautious ? 0 : decay;
    const values = params.data.subarray(...ranges.tables);
    const before = cautious ? values.slice() : undefined;
    this.#rest.updateKinds(['tables'], learningRate * tables, norm, step);
    if (before !== undefined) decayCautiously(values, before, learningRate * tables * decay);
    this.#rest.updateKinds(['vectors'], learningRate * vectors, norm, step);
  }

  /** The lines of muon.ts, with the variant's changes. */
  #updateHidden(learningRate: number, norm: number, done: number, decay: number): void {
    const { polynomials = [newtonSchulz(5)], equalNeurons = false, cautious = false } = this.#variant;
    const { m, gradient, updates, matrices, groups } = this.#hidden.views(this.moments.m);
    const kernels = this.#kernels;
    const beta = this.#variant.momentum?.(done) ?? momentum;
    const share = (1 - beta) * this.#rest.gradientScale(norm);
    kernels.weightedSum(m, beta, m, share, gradient);
    kernels.weightedSum(updates, beta, m, share, gradient);
    for (const { update, blocks } of matrices) {
      for (const { x, from } of blocks) copyColumns(x, 0, update, from);
    }
    for (const { parts, workspace } of groups) orthogonalizeBy(kernels, parts, workspace, polynomials);
    const rate = learningRate * (this.#settings.muonLearningRate / this.#settings.learningRate);
    const hidden = this.#arena.parameters.flatMap((parameter) => parameter.hidden ?? []);
    for (const [i, { value, update, blocks, stretch }] of matrices.entries()) {
      for (const { y, from } of blocks) {
        if (equalNeurons) equalizeNeurons(y, hidden[i]!.inputs, this.#squaresOf(y));
        copyColumns(update, from, y, 0);
      }
      const before = cautious ? value.data.slice() : undefined;
      kernels.weightedSum(value, cautious ? 1 : 1 - rate * decay, value, -rate * stretch, update);
      if (before !== undefined) decayCautiously(value.data, before, rate * decay);
    }
  }

  #squaresOf(y: Tensor): Float64Array {
    const known = this.#squares.get(y) ?? new Float64Array(Math.max(...y.shape));
    this.#squares.set(y, known);
    return known;
  }
}

/** As orthogonalize of src/train, which it is with one polynomial; what one makes is the x of the next, whose g = x xᵀ is
 * computed anew. x is overwritten. */
export function orthogonalizeBy(
  kernels: Kernels,
  parts: readonly Part[],
  { g, p, q, t }: Workspace,
  polynomials: readonly NewtonSchulzSettings[],
): void {
  const wide = ({ shape }: Tensor) => shape[0] === g.shape[1];
  for (const { x } of parts) {
    kernels.weightedSum(x, 1 / (Math.sqrt(kernels.sumOfSquares(x)) + 1e-7), x, 0, x);
  }
  for (const [round, polynomial] of polynomials.entries()) {
    for (const [i, { x, y }] of parts.entries()) {
      if (round > 0) x.data.set(y.data);
      if (wide(x)) kernels.matmulTransposedB(g.row(i), x, x, 'set');
      else kernels.matmulTransposedA(g.row(i), x, x, 'set');
    }
    kernels.newtonSchulz(q, p, t, g, polynomial);
    for (const [i, { x, y }] of parts.entries()) {
      if (wide(x)) kernels.matmul(y, q.row(i), x, 'set');
      else kernels.matmul(y, x, q.row(i), 'set');
    }
  }
}

/** Divides the update of each output neuron by the root of its running mean square, then scales all of them so that
 * the size of the whole is as before. Orthogonal columns do not make equal rows where there are more outputs than inputs, nor do
 * singular values that are only nearly 1; and a neuron whose updates are large would turn away from what it
 * has learned sooner than the others. Li et al., arXiv 2510.05491, whose size is 0.2 sqrt(outputs * inputs) instead.
 * @param inputs the axis of y that runs over the inputs. @param squares the running means, one an output neuron */
export function equalizeNeurons(y: Tensor, inputs: Hidden['inputs'], squares: Float64Array): void {
  const [rows, columns] = [y.shape[0]!, y.shape[1]!];
  const across = inputs === 'columns';
  const outputOf = (i: number) => (across ? Math.floor(i / columns) : i % columns);
  const sums = new Float64Array(across ? rows : columns);
  for (let i = 0; i < y.size; i++) sums[outputOf(i)]! += y.data[i]! ** 2;
  let [before, after] = [0, 0];
  const scales = sums.map((sum, output) => {
    squares[output] = 0.95 * squares[output]! + (0.05 * sum) / (y.size / sums.length);
    const scale = 1 / (Math.sqrt(squares[output]!) + 1e-10);
    before += sum;
    after += sum * scale * scale;
    return scale;
  });
  if (before === 0) return; // there is no gradient behind projections that are still 0
  const size = Math.sqrt(before / after);
  for (let i = 0; i < y.size; i++) y.data[i]! *= scales[outputOf(i)]! * size;
}

/** Pulls weights towards 0 where their update has done so as well, and leaves those that it has made larger: there, decay
 * would work against the loss. Chen et al., arXiv 2510.12402.
 * @param after the weights, updated without decay. @param rate learning rate times weight decay */
export function decayCautiously(after: Floats, before: Floats, rate: number): void {
  for (let i = 0; i < after.length; i++) {
    if ((before[i]! - after[i]!) * before[i]! >= 0) after[i]! -= rate * before[i]!;
  }
}

/** A rate that leaves the schedule, and weights of several updates whose mean is the model in the end. */
export interface Tail {
  /** Of the update that follows so many. */
  rate(done: number, schedule: Schedule): number;
  /** After which updates to take the weights. */
  ends(steps: number): readonly number[];
}

/** Over the last 30 % of the run the rate falls to 0 three times, each time from where the schedule is by then; the model is the
 * mean of the three ends. */
export const cyclicTail: Tail = {
  rate(done, schedule) {
    const ends = this.ends(schedule.steps);
    const start = [Math.round(0.7 * schedule.steps), ...ends].findLast((end) => end <= done);
    const end = ends.find((cycleEnd) => cycleEnd > done);
    if (start === undefined || end === undefined) return learningRateAt(done, schedule);
    return (learningRateAt(start, schedule) * (end - done)) / (end - start);
  },
  ends: (steps) => [0.8, 0.9, 1].map((share) => Math.round(share * steps)),
};

const rounds = (...coefficients: NewtonSchulzSettings['coefficients'][]): readonly NewtonSchulzSettings[] =>
  coefficients.map((one) => ({ coefficients: one, rounds: 1 }));

/** Of all polynomials of degree 5, each brings the singular values closest to 1, beginning with those from 0.001 to 1. Five bring
 * them to 0.88 .. 1.12; three, which are not made to be the last, only to 0.13 .. 1.87. The factors of 1.01 against
 * rounding in bfloat16 are left out. Amsel et al., arXiv 2505.16932. */
export const polarExpress = rounds(
  [8.28721201814563, -23.595886519098837, 17.300387312530933],
  [4.107059111542203, -2.9478499167379106, 0.5448431082926601],
  [3.9486908534822946, -2.908902115962949, 0.5518191394370137],
  [3.3184196573706015, -2.488488024314874, 0.51004894012372],
  [2.300652019954817, -1.6689039845747493, 0.4188073119525673],
);

/** The same for singular values from 0.01 to 1, found with Remez's algorithm: three bring them to 0.73 .. 1.27. */
export const polarExpressFrom1Percent = rounds(
  [8.093368512548254, -23.62043032882428, 17.446151749836254],
  [3.6365855542590397, -2.721926746608908, 0.5365462883273614],
  [2.661299985777099, -1.9771545218846256, 0.4526164069964012],
);

const muon = (variant: Variant, settings: Partial<Settings> = {}): Change => ({
  settings,
  optimizer: (arena, kernels, all) => new VariantMuon(arena, kernels, all, variant),
});

/** Each changes one thing about how the recipe learns. */
export const optimizerRows: Readonly<Record<string, Change>> = {
  normuon: muon({ equalNeurons: true }),
  'polar-express-5': muon({ polynomials: polarExpress }),
  'polar-express-3': muon({ polynomials: polarExpress.slice(0, 3) }),
  'polar-express-3-0.01': muon({ polynomials: polarExpressFrom1Percent }),
  'newton-schulz-4': muon({ polynomials: [newtonSchulz(4)] }),
  'newton-schulz-3': muon({ polynomials: [newtonSchulz(3)] }),
  'decay-0.4': { settings: { weightDecay: 0.4 } },
  'decay-1.6': { settings: { weightDecay: 1.6 } },
  'decay-ramp': muon({ weightDecay: (done) => 0.8 * done }),
  'cautious-decay': muon({ cautious: true }),
  'cautious-decay-1.6': muon({ cautious: true }, { weightDecay: 1.6 }),
  'momentum-0.90': muon({ momentum: () => 0.9 }),
  'momentum-0.95': muon({ momentum: () => 0.95 }),
  'momentum-warm-cool': muon({ momentum: (done) => 0.85 + 0.1 * Math.min(1, done / 0.2, (1 - done) / 0.2) }),
  'embedding-x2': muon({ tables: 2 }),
  'embedding-x0.5': muon({ tables: 0.5 }),
  'gains-x3': muon({ vectors: 3 }),
  'gains-x0.3': muon({ vectors: 0.3 }),
  'cyclic-tail': { tail: cyclicTail },
  soap: {
    settings: { muonLearningRate: 3e-3 },
    optimizer: (arena, kernels, settings) => new Soap(arena, kernels, settings),
  },
};
