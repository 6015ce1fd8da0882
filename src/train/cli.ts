/** npm run train: a text file in, a trained model and what it learned out. */
import { randomInt } from 'node:crypto';
import { encodeCheckpoint, loadParameters } from '../model/checkpoint.ts';
import { type ModelConfig, validateConfig } from '../model/config.ts';
import { initialize } from '../model/initialize.ts';
import { CharTokenizer, type Tokenizer } from '../model/tokenizer.ts';
import { type Command, rules, runCommand, UsageError, type Values } from '../node/command.ts';
import { readText } from '../node/files.ts';
import { findCheckpoint, freshRunPath, RunFolder, readCheckpoint } from '../node/run-folder.ts';
import { Terminal } from '../node/terminal.ts';
import { generateAll } from '../sample/generate.ts';
import { samplingSettings } from '../sample/settings.ts';
import { reference } from '../tensor/reference/index.ts';
import { splitTokens } from './dataset.ts';
import {
  duration,
  type EvaluationMetrics,
  evaluationLine,
  Pace,
  type StepMetrics,
  stepLine,
} from './metrics.ts';
import { type Preset, presetNames, presets } from './presets.ts';
import { Trainer, type TrainSettings } from './trainer.ts';

const flags = {
  data: { kind: 'text', value: 'FILE', help: 'the text to learn, UTF-8 (default data/tales.txt)' },
  preset: {
    kind: 'choice',
    choices: presetNames,
    value: 'NAME',
    help: presetNames.map((n) => `${n}: ${presets[n].summary}`).join('\n'),
  },
  out: {
    kind: 'text',
    value: 'DIR',
    help: 'where the run is written (default runs/<preset>, then -2, -3, ...)',
  },
  overwrite: { kind: 'switch', help: 'let --out replace the run in that folder' },
  init: { kind: 'text', value: 'FOLDER', help: 'start from the weights of a run or model folder' },
  unknown: {
    kind: 'choice',
    choices: ['error', 'skip'],
    value: 'error|skip',
    help: 'with --init: what to do about characters it does not know',
  },
  steps: { kind: 'integer', value: 'N', rule: rules.positive, help: 'updates' },
  'batch-size': { kind: 'integer', value: 'N', rule: rules.positive, help: 'windows in a batch' },
  accumulate: { kind: 'integer', value: 'N', rule: rules.positive, help: 'batches added up to one update' },
  context: {
    kind: 'integer',
    value: 'N',
    rule: rules.positive,
    help: 'context length: tokens the model sees',
  },
  layers: { kind: 'integer', value: 'N', rule: rules.positive, help: 'blocks' },
  heads: { kind: 'integer', value: 'N', rule: rules.positive, help: 'attention heads a block' },
  channels: { kind: 'integer', value: 'N', rule: rules.positive, help: 'width; must be divisible by heads' },
  dropout: {
    kind: 'number',
    value: 'X',
    rule: rules.belowOne,
    help: 'share of activations silenced in training',
  },
  lr: { kind: 'number', value: 'X', rule: rules.positive, help: 'peak learning rate' },
  'min-lr': {
    kind: 'number',
    value: 'X',
    rule: rules.notNegative,
    help: 'learning rate at the end (default lr / 10)',
  },
  warmup: {
    kind: 'integer',
    value: 'N',
    rule: rules.notNegative,
    help: 'steps until the peak (default 5 % of steps)',
  },
  'weight-decay': { kind: 'number', value: 'X', rule: rules.notNegative, help: 'pull of matrices towards 0' },
  beta1: { kind: 'number', value: 'X', rule: rules.belowOne, help: 'memory of the mean gradient' },
  beta2: { kind: 'number', value: 'X', rule: rules.belowOne, help: 'memory of the mean squared gradient' },
  clip: { kind: 'number', value: 'X', rule: rules.notNegative, help: 'largest gradient norm; 0: no limit' },
  'eval-every': { kind: 'integer', value: 'N', rule: rules.positive, help: 'steps between evaluations' },
  'eval-tokens': {
    kind: 'text',
    value: 'N|full',
    help: 'held-out tokens in each (default 20480); the last one takes all',
  },
  seed: {
    kind: 'integer',
    value: 'N',
    rule: rules.seed,
    help: 'of all randomness (default: picked and printed)',
  },
} as const satisfies Command<Record<string, never>>['flags'] | Record<string, unknown>;

const command = {
  name: 'train',
  summary: 'Trains a GPT on a text file: 90 % to learn from, the last 10 % to check what it learned.',
  flags,
  examples: [
    'npm run train',
    'npm run train -- --data my-text.txt --out runs/mine --steps 1000',
    'npm run train -- --preset nanogpt-cpu --seed 1',
  ],
} as const;

type Given = Values<typeof flags>;
const sampleLength = 300;

await runCommand(command, train);

function train(given: Given): void {
  const terminal = new Terminal();
  const presetName = given.preset ?? 'nano';
  const preset: Preset = presets[presetName];
  const dataPath = given.data ?? 'data/tales.txt';
  const start = given.init === undefined ? undefined : findCheckpoint(given.init);
  const checkpoint = start === undefined ? undefined : readCheckpoint(start);
  const text = readText(dataPath);
  const tokenizer = checkpoint?.tokenizer ?? CharTokenizer.train(text);
  const config = chooseConfig(given, preset, tokenizer, checkpoint?.config);
  const { evalEvery, ...settings } = chooseSettings(given, preset);
  const split = splitTokens(tokenizer.encode(text, given.unknown), config.contextLength);

  const kernels = reference;
  const trainer = new Trainer(config, settings, split, { kernels });
  const { model } = trainer;
  if (checkpoint === undefined) initialize(model, settings.seed);
  else loadParameters(model, checkpoint, start!);
  const folder = new RunFolder(given.out ?? freshRunPath(presetName), given.overwrite ?? false);
  folder.write(
    'run.json',
    `${JSON.stringify({ preset: presetName, data: dataPath, config, settings: { ...settings, evalEvery }, backend: kernels.name, node: process.version }, null, 2)}\n`,
  );

  const count = model.parameters.reduce((sum, p) => sum + p.value.size, 0);
  const whole = (n: number) => n.toLocaleString('en-US');
  terminal.line(
    `${dataPath}: ${whole(split.train.length)} tokens to learn from, ${whole(split.validation.length)} held out, vocabulary ${tokenizer.vocabSize}`,
  );
  terminal.line(
    `model: ${config.layers} layers, ${config.heads} heads, ${config.channels} channels, context ${config.contextLength}: ${whole(count)} parameters${start === undefined ? '' : `, starting from ${start}`}`,
  );
  terminal.line(
    `run: ${settings.steps} steps of ${settings.batchSize * settings.accumulate} windows, seed ${settings.seed}, into ${folder.path}`,
  );

  const tokensPerStep = settings.batchSize * settings.accumulate * config.contextLength;
  const logEvery = Math.max(1, Math.round(settings.steps / 40));
  const pace = new Pace();
  const began = performance.now();
  let best = Number.POSITIVE_INFINITY;
  const evaluate = (kind: EvaluationMetrics['kind']) => {
    const result = trainer.evaluate(kind === 'final' ? 'full' : 'settings');
    const metrics: EvaluationMetrics = {
      kind,
      step: trainer.step,
      ...result,
      best: kind === 'evaluation' && result.nll < best,
    };
    folder.record(metrics);
    if (metrics.best) {
      best = result.nll;
      folder.save('best', encodeCheckpoint(model, tokenizer));
    }
    return metrics;
  };
  while (trainer.step < settings.steps) {
    const from = performance.now();
    const record = trainer.train();
    pace.add((performance.now() - from) / 1000);
    if (!Number.isFinite(record.loss) || !Number.isFinite(record.gradNorm)) {
      throw new Error(
        `training diverged at step ${record.step}: loss ${record.loss}, gradient norm ${record.gradNorm}; try a lower --lr`,
      );
    }
    const metrics: StepMetrics = {
      kind: 'step',
      ...record,
      tokensPerSecond: pace.tokensPerSecond(tokensPerStep),
      secondsLeft: pace.secondsLeft(settings.steps - trainer.step),
    };
    folder.record(metrics);
    const last = trainer.step === settings.steps;
    if (trainer.step === 1 || trainer.step % logEvery === 0 || last)
      terminal.line(stepLine(metrics, settings.steps));
    else terminal.progress(stepLine(metrics, settings.steps));
    if (trainer.step % evalEvery === 0 || last)
      terminal.line(evaluationLine(evaluate('evaluation'), settings.steps));
  }
  folder.save('last', encodeCheckpoint(model, tokenizer));
  terminal.progress('validating on all that was held out ...');
  const final = evaluate('final');
  terminal.line('');
  terminal.line(
    `trained in ${duration((performance.now() - began) / 1000)}; over all ${whole(final.tokensScored)} held-out tokens:`,
  );
  terminal.line(
    `validation ${final.nll.toFixed(4)} nats per token, perplexity ${final.perplexity.toFixed(3)}, ${final.bitsPerChar.toFixed(3)} bits per character`,
  );
  terminal.line('');
  terminal.line('a sample:');
  terminal.line(preview(trainer, tokenizer));
  terminal.line('');
  terminal.line(
    `saved in ${folder.path} (best and last); npm run sample -- --run ${folder.path} continues a prompt`,
  );
}

/** 300 tokens after a line break, or after the first token of a vocabulary without one. */
function preview(trainer: Trainer, tokenizer: Tokenizer): string {
  const lineBreak = tokenizer.encode('\n', 'skip');
  const [generation] = generateAll(
    trainer.model,
    [{ prompt: lineBreak.length > 0 ? lineBreak : [0], stream: 0 }],
    {
      settings: samplingSettings({ temperature: 0.8 }),
      maxNewTokens: sampleLength,
      seed: trainer.settings.seed,
      contextPolicy: 'shift',
    },
  );
  return tokenizer.decode(generation!.tokens);
}

/** The preset's sizes with the flags over them; with --init the checkpoint's, which a flag may not contradict. */
function chooseConfig(
  given: Given,
  preset: Preset,
  tokenizer: Tokenizer,
  loaded: ModelConfig | undefined,
): ModelConfig {
  const base = loaded ?? preset.model;
  const channels = given.channels ?? base.channels;
  const config: ModelConfig = {
    arch: 'gpt2',
    vocabSize: tokenizer.vocabSize,
    contextLength: given.context ?? base.contextLength,
    channels,
    heads: given.heads ?? base.heads,
    layers: given.layers ?? base.layers,
    feedForward: loaded?.feedForward ?? 4 * channels,
    dropout: given.dropout ?? base.dropout,
  };
  for (const [flag, key] of [
    ['context', 'contextLength'],
    ['channels', 'channels'],
    ['heads', 'heads'],
    ['layers', 'layers'],
  ] as const) {
    if (loaded !== undefined && config[key] !== loaded[key]) {
      throw new UsageError(
        `--${flag} ${config[key]} contradicts --init ${given.init}, which has ${loaded[key]}; leave it out`,
      );
    }
  }
  return validateConfig(config);
}

function chooseSettings(given: Given, preset: Preset): TrainSettings & { readonly evalEvery: number } {
  const base = preset.train;
  const steps = given.steps ?? base.steps;
  const learningRate = given.lr ?? base.learningRate;
  const settings = {
    steps,
    batchSize: given['batch-size'] ?? base.batchSize,
    accumulate: given.accumulate ?? base.accumulate,
    learningRate,
    minLearningRate: given['min-lr'] ?? (given.lr === undefined ? base.minLearningRate : learningRate / 10),
    warmup: given.warmup ?? (given.steps === undefined ? base.warmup : Math.round(steps / 20)),
    weightDecay: given['weight-decay'] ?? base.weightDecay,
    beta1: given.beta1 ?? base.beta1,
    beta2: given.beta2 ?? base.beta2,
    clip: given.clip ?? base.clip,
    evalEvery: given['eval-every'] ?? base.evalEvery,
    evalTokens: evalTokens(given['eval-tokens']) ?? base.evalTokens,
    seed: given.seed ?? randomInt(2 ** 32),
  };
  if (settings.minLearningRate > learningRate) {
    throw new UsageError(
      `--min-lr must not exceed --lr, got ${settings.minLearningRate} and ${learningRate}`,
    );
  }
  return settings;
}

function evalTokens(value: string | undefined): number | 'full' | undefined {
  if (value === undefined || value === 'full') return value;
  const number = Number(value);
  if (/^\d+$/.test(value) && number > 0) return number;
  throw new UsageError(`--eval-tokens must be a positive integer or full, got ${JSON.stringify(value)}`);
}
