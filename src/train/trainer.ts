/** One training step, `train`: draw a batch, forward, loss, backward, update. The loop around it is in train.ts.
 *
 * All randomness is a function of (seed, step): evaluating in between, or stopping and starting again, changes
 * nothing. */
import type { ModelConfig } from '../model/config.ts';
import { Gpt, type GptOptions } from '../model/gpt.ts';
import type { Tensor } from '../tensor/tensor.ts';
import { AdamW } from './adamw.ts';
import { Batches, type Sampling, type Split, type Window } from './dataset.ts';
import { teach } from './distill.ts';
import { divergence } from './divergence.ts';
import { Muon } from './muon.ts';
import type { Optimizer, OptimizerSettings } from './optimizer.ts';
import { learningRateAt, type Schedule } from './schedule.ts';
import { type Score, score, type WindowBuffers } from './score.ts';
import { WeightAverage } from './weight-average.ts';
import { heldOutWindows } from './windows.ts';

export interface TrainSettings extends Schedule, OptimizerSettings {
  readonly batchSize: number;
  /** Micro-batches whose gradients are added up to one update. */
  readonly accumulate: number;
  readonly sampling: Sampling;
  /** Decay of the running mean of the weights, which then is the model. Absent or 0: no mean. */
  readonly emaDecay?: number;
  /** How many held-out tokens an evaluation during the run takes; the final one takes all. */
  readonly evalTokens: number | 'full';
  readonly seed: number;
}

export interface StepRecord {
  /** Updates done, this one included. */
  readonly step: number;
  /** Mean over the batch before the update, nats. */
  readonly loss: number;
  readonly learningRate: number;
  /** Before clipping. */
  readonly gradNorm: number;
}

export class Trainer {
  readonly model: Gpt;
  readonly optimizer: Optimizer;
  readonly settings: TrainSettings;
  /** Mean over the whole held-out part; evaluations over some of its windows use it as well. */
  readonly charactersPerToken: number;
  /** Updates done so far. */
  step = 0;
  readonly #average: WeightAverage | undefined;
  readonly #buffers: WindowBuffers;
  readonly #losses: Tensor;
  readonly #teachers: readonly Gpt[];
  readonly #batches: Batches;
  readonly #split: Split;
  readonly #windows: readonly Window[];

  /** Plans and allocates all memory; the parameters are zero until they are initialised or loaded. With `allocate`
   * false it only plans, which tells how much memory a run would need even where there is not enough.
   * @param options.teachers see distill.ts */
  constructor(
    config: ModelConfig,
    settings: TrainSettings,
    split: Split,
    options: Pick<GptOptions, 'kernels' | 'precision' | 'architecture'> & {
      readonly allocate?: boolean;
      readonly teachers?: readonly Gpt[];
    },
  ) {
    const { kernels, precision = 'float32', architecture, allocate = true, teachers = [] } = options;
    const T = config.contextLength;
    const rows = settings.batchSize * T;
    this.settings = settings;
    this.charactersPerToken = split.charactersPerToken ?? 1;
    this.model = new Gpt(config, {
      kernels,
      batch: settings.batchSize,
      slots: 1,
      gradients: true,
      precision,
      architecture,
    });
    const { arena } = this.model;
    const { optimizer, learningRate, muonLearningRate = 0.02 } = settings;
    this.optimizer =
      optimizer === 'muon'
        ? new Muon(arena, kernels, settings, muonLearningRate / learningRate)
        : new AdamW(arena, kernels, settings);
    const { emaDecay = 0 } = settings;
    if (emaDecay > 0) this.#average = new WeightAverage(arena, kernels, emaDecay);
    const shape = [settings.accumulate, rows] as const;
    this.#buffers = { inputs: arena.ids('inputs', ...shape), targets: arena.ids('targets', ...shape) };
    this.#losses = arena.saved('losses', [rows]);
    if (allocate) arena.allocate(kernels.memory);
    this.#batches = new Batches(split.train, T, settings.seed, settings.sampling, split.end);
    this.#teachers = teachers;
    this.#split = split;
    this.#windows = heldOutWindows(split, T, settings.evalTokens);
  }

  /** What a resumed run needs besides the parameters; each tensor is laid out as they are. */
  get state(): readonly Tensor[] {
    const { m, v } = this.optimizer.moments;
    return this.#average === undefined ? [m, v] : [m, v, this.#average.weights];
  }

  /** The weights that training moves: the parameters, unless these are their mean. */
  get weights(): Tensor {
    return this.#average !== undefined && this.step > 0 ? this.#average.weights : this.model.arena.params;
  }

  /** One update, at the schedule's rate unless told another. Throws a DivergenceError, and changes nothing, when the
   * loss or the gradient is not finite. */
  train(learningRate = learningRateAt(this.step, this.settings)): StepRecord {
    const update = () => this.#update(learningRate);
    return this.#average === undefined ? update() : this.#average.around(this.step, update);
  }

  /** Draw a batch, forward, loss, backward; with all micro-batches' gradients added up, update the weights. */
  #update(learningRate: number): StepRecord {
    const { model, optimizer, settings } = this;
    const { accumulate, batchSize: batch, seed } = settings;
    const { inputs, targets } = this.#buffers;
    const time = model.config.contextLength;
    for (let draw = 0; draw < accumulate; draw++) {
      this.#batches.fill(inputs.row(draw), targets.row(draw), this.step, draw, accumulate);
    }
    const learned = targets.data.reduce((count, id) => count + Number(id >= 0), 0) || 1;
    let sum = 0;
    model.arena.grads.data.fill(0);
    for (let draw = 0; draw < accumulate; draw++) {
      const dropout = { seed, step: this.step * accumulate + draw };
      const logits = model.forward(inputs.row(draw), { batch, time, dropout });
      model.kernels.crossEntropy(this.#losses, logits, targets.row(draw));
      for (let n = 0; n < this.#losses.size; n++) sum += this.#losses.data[n]!;
      const window = { inputs: inputs.row(draw), targets: targets.row(draw) };
      const taught = teach(this.#teachers, dropout.step, window, time, 1 / learned);
      model.backward(targets.row(draw), 1 / learned, taught);
    }
    const loss = sum / learned;
    const gradNorm = optimizer.norm();
    if (!Number.isFinite(loss) || !Number.isFinite(gradNorm)) {
      throw divergence(model, this.step + 1, `loss ${loss}, gradient norm ${gradNorm}`);
    }
    this.step += 1;
    optimizer.update(learningRate, gradNorm, this.step);
    return { step: this.step, loss, learningRate, gradNorm };
  }

  /** Throws a DivergenceError if a parameter is NaN or infinite after the last update: then there is nothing to
   * save. */
  checkParameters(): void {
    const { model, step } = this;
    if (!model.arena.params.data.every(Number.isFinite)) throw divergence(model, step, 'its update');
  }

  /** The held-out loss over the settings' windows, or over everything. Draws nothing, changes nothing.
   *
   * Throws a DivergenceError when the loss is NaN: the last update has ruined the weights. */
  evaluate(which: 'settings' | 'full' = 'settings'): Score {
    const { model, charactersPerToken } = this;
    const all = which === 'full';
    const windows = all ? heldOutWindows(this.#split, model.config.contextLength, 'full') : this.#windows;
    try {
      const buffers = { inputs: this.#buffers.inputs.row(0), targets: this.#buffers.targets.row(0) };
      return score(model, buffers, this.#split.validation, windows, { charactersPerToken });
    } catch (error) {
      if (this.model.arena.firstNonFinite() === undefined) throw error;
      throw divergence(model, this.step, 'the held-out loss after it is NaN');
    }
  }
}
