/** The flags of npm run train, as a table. What they make together with a preset or a resumed run: settings.ts. */
import { archs } from '../../model/config.ts';
import { initializations } from '../../model/initialize.ts';
import { samplings } from '../../train/dataset.ts';
import { optimizers } from '../../train/optimizer.ts';
import { presetNames } from '../../train/presets.ts';
import { shapes } from '../../train/schedule.ts';
import { rules, type Values } from '../command/command.ts';
import { dataFlags } from '../data/flags.ts';
import { kernelFlags } from '../host/kernels.ts';

const { positive, notNegative, belowOne, seed } = rules;

/** Sizes that take memory; the maximum is more than any machine has room for. */
const size = { kind: 'integer', value: 'N', rule: positive, most: 1_000_000 } as const;
/** A number of steps, or of steps between two evaluations, samples or checkpoints. */
const steps = { kind: 'integer', value: 'N', rule: positive } as const;

/** `aliases` are the names of the same flags in nanoGPT, Hugging Face's Trainer and run_clm, PyTorch Lightning,
 * llama2.c and makemore. */
export const trainFlags = {
  ...dataFlags,
  preset: {
    kind: 'choice',
    choices: presetNames,
    value: 'NAME',
    help: `what all flags are unless given (default nano): ${presetNames.join(', ')}; their values stand below`,
  },
  out: {
    kind: 'text',
    value: 'DIR',
    help: 'where the run is written (default runs/<preset>, then -2, -3, ...)',
    aliases: ['output-dir', 'out-dir', 'output', 'save-dir', 'work-dir', 'o'],
  },
  overwrite: {
    kind: 'switch',
    help: 'let --out replace the run in that folder',
    aliases: ['overwrite-output-dir'],
  },
  resume: {
    kind: 'text',
    value: 'DIR',
    help: 'go on with a run exactly where it stopped; --steps may be raised',
    aliases: ['resume-from-checkpoint', 'resume-from'],
  },
  init: {
    kind: 'text',
    value: 'FOLDER',
    help: 'start a new run from the weights of a run or model folder',
    aliases: ['model-name-or-path', 'from-pretrained', 'pretrained'],
  },
  from: {
    kind: 'text',
    multiple: true,
    value: 'RUN',
    help: 'learn what this run predicts as well (distillation); may be given several times, after npm run distill with several runs behind it',
    aliases: ['teacher', 'teachers', 'teacher-model'],
  },
  unknown: {
    kind: 'choice',
    choices: ['error', 'skip'],
    value: 'error|skip',
    help: 'with --init: what to do about characters it does not know',
  },

  steps: {
    section: 'How long',
    ...steps,
    help: 'updates',
    aliases: [
      ...['max-steps', 'max-iters', 'num-steps', 'train-steps', 'num-train-steps', 'total-steps', 'n-steps'],
      ...['iters', 'iterations', 'max-iterations', 'num-iterations', 'num-iters'],
    ],
  },
  epochs: {
    kind: 'number',
    value: 'N',
    rule: positive,
    most: 1_000_000,
    help: 'as many updates as make N passes over the training part',
    aliases: ['num-train-epochs', 'num-epochs', 'n-epochs', 'max-epochs'],
  },
  minutes: {
    kind: 'number',
    value: 'M',
    rule: positive,
    most: 1_000_000,
    help: 'as many updates as fit into M minutes here; measured first, and printed',
  },
  'stop-at': { ...steps, help: 'stop after this step as Ctrl+C would; --resume goes on' },
  'batch-size': {
    ...size,
    help: 'windows in a batch',
    aliases: ['batch', 'train-batch-size', 'per-device-train-batch-size', 'micro-batch-size', 'b'],
  },
  accumulate: {
    ...size,
    help: 'batches added up to one update',
    aliases: [
      ...['gradient-accumulation-steps', 'grad-accumulation-steps', 'grad-accum-steps', 'grad-accum'],
      ...['accumulate-grad-batches', 'accumulation-steps'],
    ],
  },
  sampling: {
    kind: 'choice',
    choices: samplings,
    value: 'S',
    help: 'epoch: every window once before any again (default); random: any window each time, the default for texts of 64 MB and more',
  },
  patience: {
    kind: 'integer',
    value: 'N',
    rule: notNegative,
    help: 'stop after N evaluations without a new best (0: never)',
    aliases: ['early-stopping-patience'],
  },

  arch: {
    section: 'The model',
    kind: 'choice',
    choices: archs,
    value: 'A',
    help: 'the block: gpt2, or qwen3 (RMSNorm, rotary positions, SwiGLU)',
    aliases: ['architecture', 'model-type'],
  },
  context: {
    ...size,
    help: 'context length: tokens the model sees',
    aliases: [
      ...['block-size', 'context-length', 'context-size', 'context-window', 'ctx-size', 'n-ctx', 'seq-len'],
      ...['seq-length', 'sequence-length', 'max-seq-len', 'max-seq-length', 'max-sequence-length'],
      ...['n-positions', 'max-position-embeddings'],
    ],
  },
  layers: {
    ...size,
    most: 10_000,
    help: 'blocks',
    aliases: ['n-layer', 'n-layers', 'num-layers', 'num-hidden-layers'],
  },
  heads: {
    ...size,
    help: 'attention heads a block',
    aliases: ['n-head', 'n-heads', 'num-heads', 'num-attention-heads'],
  },
  channels: {
    ...size,
    help: 'width; must be divisible by heads',
    aliases: ['n-embd', 'n-embed', 'embed-dim', 'd-model', 'dim', 'hidden-size', 'hidden-dim', 'width'],
  },
  dropout: {
    kind: 'number',
    value: 'X',
    rule: belowOne,
    help: 'share of activations silenced in training',
    aliases: ['dropout-rate'],
  },
  initialization: {
    kind: 'choice',
    choices: initializations,
    value: 'I',
    help: 'gpt2: deviation 0.02; fan-in: 1 / sqrt(inputs), residual projections 0',
  },
  seed: {
    kind: 'integer',
    value: 'N',
    rule: seed,
    help: 'of all randomness (default: picked and printed)',
    aliases: ['random-seed', 's'],
  },

  optimizer: {
    section: 'The optimizer',
    kind: 'choice',
    choices: optimizers,
    value: 'O',
    help: 'adamw for everything, or muon for hidden matrices and adamw for the rest',
    aliases: ['optim'],
  },
  lr: {
    kind: 'number',
    value: 'X',
    rule: positive,
    help: 'peak learning rate',
    aliases: ['learning-rate', 'max-lr', 'peak-lr', 'max-learning-rate'],
  },
  'muon-lr': {
    kind: 'number',
    value: 'X',
    rule: positive,
    help: 'with --optimizer muon: peak learning rate of its matrices',
    aliases: ['muon-learning-rate'],
  },
  'min-lr': {
    kind: 'number',
    value: 'X',
    rule: notNegative,
    help: 'learning rate at the end (default lr / 10)',
    aliases: ['min-learning-rate', 'final-lr'],
  },
  warmup: {
    kind: 'integer',
    value: 'N',
    rule: notNegative,
    help: 'steps until the peak (default 5 % of steps)',
    aliases: ['warmup-steps', 'warmup-iters', 'num-warmup-steps', 'lr-warmup-steps'],
  },
  schedule: {
    kind: 'choice',
    choices: shapes,
    value: 'S',
    help: 'how the rate falls after the warm-up: cosine, linear, constant, wsd (warm-up, stable, decay)',
    aliases: ['lr-schedule', 'lr-scheduler', 'lr-scheduler-type', 'scheduler'],
  },
  'weight-decay': {
    kind: 'number',
    value: 'X',
    rule: notNegative,
    help: 'pull of matrices towards 0',
    aliases: ['wd'],
  },
  beta1: {
    kind: 'number',
    value: 'X',
    rule: belowOne,
    help: 'memory of the mean gradient',
    aliases: ['adam-beta1'],
  },
  beta2: {
    kind: 'number',
    value: 'X',
    rule: belowOne,
    help: 'memory of the mean squared gradient',
    aliases: ['adam-beta2'],
  },
  clip: {
    kind: 'number',
    value: 'X',
    rule: notNegative,
    help: 'largest gradient norm; 0: no limit',
    aliases: ['grad-clip', 'max-grad-norm', 'gradient-clip-val', 'clip-norm', 'clip-grad-norm', 'clip-grad'],
  },
  ema: {
    kind: 'number',
    value: 'X',
    rule: belowOne,
    help: 'decay of the running mean of the weights, which is the model then; 0: no mean',
    aliases: ['ema-decay'],
  },

  'eval-every': {
    section: 'Looking and saving; nothing here changes what is learned',
    ...steps,
    help: 'steps between evaluations',
    aliases: ['eval-interval', 'eval-steps', 'val-interval', 'val-every', 'evaluation-steps'],
  },
  'eval-tokens': {
    kind: 'text',
    value: 'N|full',
    help: 'held-out tokens in each (default 20480); the last one takes all',
  },
  'sample-every': {
    ...steps,
    help: 'show a sample of the model every N steps',
    aliases: ['sample-interval'],
  },
  'checkpoint-every': {
    ...steps,
    help: 'steps between checkpoints (default: each evaluation)',
    aliases: ['save-every', 'save-steps', 'save-interval', 'checkpoint-interval'],
  },
  keep: {
    kind: 'integer',
    value: 'N',
    rule: positive,
    help: 'newest checkpoints to keep beside the best (default 2)',
    aliases: ['save-total-limit'],
  },
  quiet: { kind: 'switch', help: 'print warnings and the result only', aliases: ['q'] },

  plan: {
    section: 'Before a run',
    kind: 'switch',
    help: 'print the sizes, the arithmetic, the memory, the disk and the time of the run, and stop',
    aliases: ['dry-run'],
  },
  'find-lr': {
    kind: 'switch',
    help: 'try learning rates on a throw-away model; suggests one and draws runs/find-lr.html',
    aliases: ['lr-find', 'lr-finder', 'find-learning-rate'],
  },
  'overfit-batch': {
    kind: 'switch',
    help: 'debugging: train on one single batch; the loss must go to nearly 0',
    aliases: ['overfit-one-batch'],
  },
  ...kernelFlags,
} as const;

export type TrainFlags = Values<typeof trainFlags>;
