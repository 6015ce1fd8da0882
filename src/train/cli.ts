/** npm run train: a text file in, a trained model and what it learned out. */
import { join } from 'node:path';
import { ngramBaselines } from '../evaluate/ngram.ts';
import { countWords, wordsOf } from '../evaluate/words.ts';
import { loadParameters } from '../model/checkpoint.ts';
import { initialize } from '../model/initialize.ts';
import { CharTokenizer, normalizeText, type Tokenizer } from '../model/tokenizer.ts';
import { noteAddedText } from '../node/added-text.ts';
import { stepsInMinutes } from '../node/calibrate.ts';
import { runCommand, UsageError } from '../node/command.ts';
import { trainAnswers } from '../node/field-names.ts';
import { readText, sha256 } from '../node/files.ts';
import { findLearningRate } from '../node/find-lr-run.ts';
import { type ChosenKernels, describeKernels, openKernels } from '../node/kernels.ts';
import { overfitBatch } from '../node/overfit-run.ts';
import { presetTable } from '../node/preset-table.ts';
import {
  findCheckpoint,
  freshRunPath,
  newestState,
  RunFolder,
  readCheckpoint,
  runsFolder,
} from '../node/run-folder.ts';
import { StopSignal } from '../node/stop-signal.ts';
import { Terminal } from '../node/terminal.ts';
import {
  chooseConfig,
  chooseSettings,
  refuseContradictions,
  resumedSettings,
  shippedText,
  type TrainFlags,
  trainFlags,
} from '../node/train-flags.ts';
import { checkTokenizerFlags, learnTokenizer } from '../node/train-tokenizer.ts';
import { baselineName, TrainingRun } from '../node/training-run.ts';
import { checkSplit, encodeSplit, type Split, stepsInEpochs } from './dataset.ts';
import { Guards, preflightWarnings } from './guards.ts';
import { type Baseline, duration } from './metrics.ts';
import { planText, preflight, preflightLine } from './preflight.ts';
import { defaultPreset, type Preset, presets } from './presets.ts';
import { type Progress, type RunIdentity, type RunSettings, restoreTrainer } from './state.ts';
import { Trainer } from './trainer.ts';

const command = {
  name: 'train',
  summary: 'Trains a GPT on a text file: 90 % to learn from, the last 10 % to check what it learned.',
  flags: trainFlags,
  answers: trainAnswers,
  notes: presetTable(),
  examples: [
    'npm run train',
    'npm run train -- --data my-text.txt --out runs/mine --steps 1000',
    'npm run train -- --resume runs/mine --steps 2000',
    'npm run train -- --preset nanogpt-cpu --seed 1',
    'npm run train -- --tokenizer bpe --vocab-size 512',
  ],
} as const;

const whole = (n: number): string => n.toLocaleString('en-US');

async function begin(given: TrainFlags): Promise<void> {
  const presetName = given.preset ?? defaultPreset;
  const preset: Preset = presets[presetName];
  const data = given.data ?? shippedText();
  if (given.init !== undefined && given.overwrite && given.out === given.init) {
    throw new UsageError('--out would overwrite --init; choose another --out');
  }
  const source = given.init === undefined ? undefined : findCheckpoint(given.init);
  const checkpoint = source === undefined ? undefined : readCheckpoint(source);
  const text = normalizeText(readText(data));
  const tokenizer = checkpoint?.tokenizer ?? learnTokenizer(given, preset, text);
  noteAddedText(text, data, tokenizer);
  const config = chooseConfig(given, preset, tokenizer.vocabSize, checkpoint);
  const split = checkSplit(encodeSplit(text, tokenizer, given.unknown), config.contextLength);
  const terminal = new Terminal({ quiet: given.quiet ?? false });
  let settings = chooseSettings(given, preset);
  if (given.minutes !== undefined) {
    const steps = await stepsInMinutes(given, { config, settings, split, tokenizer }, terminal);
    settings = chooseSettings({ ...given, steps, seed: settings.seed }, preset);
  } else if (given.epochs !== undefined) {
    const windows = settings.batchSize * settings.accumulate;
    const steps = stepsInEpochs(given.epochs, split, config.contextLength, windows);
    settings = chooseSettings({ ...given, steps, seed: settings.seed }, preset);
  }
  const chosen = await openKernels(given);
  const { kernels, arithmetic } = chosen;
  if (given['overfit-batch']) {
    await overfitBatch(config, settings, split, kernels, terminal);
    return;
  }
  if (given['find-lr']) {
    findLearningRate(config, settings, split, { kernels, terminal, path: join(runsFolder, 'find-lr.html') });
    return;
  }
  const trainer = new Trainer(config, settings, split, { kernels });
  const before = preflight(trainer, split.train.length);
  if (given.plan) {
    terminal.line(planText(trainer, before));
    return;
  }
  if (checkpoint === undefined) initialize(trainer.model, settings.seed, settings.initialization);
  else loadParameters(trainer.model, checkpoint, source!);

  const folder = RunFolder.create(
    given.out ?? freshRunPath(presetName),
    given.overwrite ?? false,
    (message) => terminal.warning(message),
  );
  const identity: RunIdentity = {
    preset: presetName,
    data,
    corpusSha256: sha256(text),
    arithmetic,
  };
  const environment = {
    node: process.version,
    platform: `${process.platform} ${process.arch}`,
    threads: chosen.threads,
  };
  folder.write(
    'run.json',
    `${JSON.stringify({ ...identity, tokenizer: tokenizer.kind, config, settings, environment }, null, 2)}\n`,
  );

  const { layers, heads, channels, contextLength } = config;
  if (preset.text !== undefined && identity.corpusSha256 !== preset.text.sha256) {
    const { name, address, sha256 } = preset.text;
    terminal.detail(
      `note: the preset ${presetName} was made for ${name}, and this is another text; it is at ${address} (sha256 ${sha256})`,
    );
  }
  terminal.detail(
    `${data}: ${whole(split.train.length)} tokens to learn from, ${whole(split.validation.length)} held out, vocabulary ${tokenizer.vocabSize}`,
  );
  terminal.detail(
    `model: ${layers} layers, ${heads} heads, ${channels} channels, context ${contextLength}: ${whole(before.parameters)} parameters${source === undefined ? '' : `, starting from ${source}`}`,
  );
  terminal.detail(
    `run: ${settings.steps} steps of ${settings.batchSize * settings.accumulate} windows, seed ${settings.seed}, into ${folder.path}`,
  );
  terminal.detail(`cost: ${preflightLine(before)}; ${describeKernels(chosen)}`);
  for (const warning of preflightWarnings(config, before.parameters, split.train.length)) {
    folder.record({ kind: 'warning', step: 0, message: warning });
    terminal.warning(warning);
  }
  await go({
    given,
    trainer,
    tokenizer,
    folder,
    settings,
    identity,
    text,
    split,
    terminal,
    progress: { best: null, evaluationsSinceBest: 0 },
  });
}

async function resume(given: TrainFlags, path: string): Promise<void> {
  const terminal = new Terminal({ quiet: given.quiet ?? false });
  const folder = RunFolder.reopen(path, (message) => terminal.warning(message));
  try {
    const saved = newestState(path);
    const { state, checkpoint } = saved;
    const { config, tokenizer } = checkpoint;
    const settings = resumedSettings(given, state.settings, checkpoint);
    const data = given.data ?? state.data;
    const text = normalizeText(readText(data));
    if (sha256(text) !== state.corpusSha256) {
      throw new Error(
        `${data} is not the text that ${path} was trained on: its sha256 is ${sha256(text).slice(0, 12)}..., expected ${state.corpusSha256.slice(0, 12)}...; restore it, or start a new run with --init ${path}`,
      );
    }
    const { kernels } = await reopenKernels(given, state.arithmetic, path);
    // It is the same text, so if it has unknown characters, the run began with --unknown skip.
    const split = checkSplit(encodeSplit(text, tokenizer, 'skip'), config.contextLength);
    const trainer = new Trainer(config, settings, split, { kernels });
    restoreTrainer(trainer, checkpoint, saved.optimizer, state, saved.folder);
    for (const reason of saved.damaged) terminal.warning(`passed over a damaged checkpoint: ${reason}`);
    folder.record({ kind: 'resume', step: state.step });
    terminal.detail(`resuming ${path} after step ${state.step} of ${settings.steps}, seed ${settings.seed}`);
    const { preset, corpusSha256, arithmetic } = state;
    const identity = { preset, data: state.data, corpusSha256, arithmetic };
    const { best, evaluationsSinceBest } = state;
    await go({
      given,
      trainer,
      tokenizer,
      folder,
      settings,
      identity,
      text,
      split,
      terminal,
      progress: { best, evaluationsSinceBest },
    });
  } finally {
    folder.release();
  }
}

/** The arithmetic a run was begun with, or an error: with another, going on would not be exact. */
async function reopenKernels(given: TrainFlags, arithmetic: string, path: string): Promise<ChosenKernels> {
  const backend = given.backend ?? (arithmetic === 'reference' ? 'reference' : 'auto');
  const math = given.math ?? (arithmetic === 'simd portable' ? 'portable' : 'auto');
  const { threads } = given;
  const chosen = await openKernels({ backend, math, ...(threads === undefined ? {} : { threads }) });
  if (chosen.arithmetic === arithmetic) return chosen;
  throw new Error(
    `${path} was computed with ${arithmetic} arithmetic, and here it would go on with ${chosen.arithmetic}: not exactly; start a new run with --init ${path}`,
  );
}

/** A run ready to start or to go on. */
interface Prepared {
  readonly given: TrainFlags;
  readonly trainer: Trainer;
  readonly tokenizer: Tokenizer;
  readonly folder: RunFolder;
  readonly settings: RunSettings;
  readonly identity: RunIdentity;
  readonly progress: Progress;
  /** The whole corpus. */
  readonly text: string;
  readonly split: Split;
  readonly terminal: Terminal;
}

async function go(parts: Prepared): Promise<void> {
  const { given, trainer, folder, settings, terminal } = parts;
  const stop = new StopSignal();
  try {
    const baselines = countBaselines(parts);
    terminal.detail(
      `to beat: ${baselines.map(({ order, nll }) => `${baselineName(order)} ${nll.toFixed(3)}`).join(', ')} nats${parts.tokenizer.kind === 'char' ? '' : ' per character'}`,
    );
    const run = new TrainingRun({
      ...parts,
      baselines,
      guards: new Guards(settings.clip),
      stop,
      cadence: {
        checkpointEvery: given['checkpoint-every'] ?? settings.evalEvery,
        keep: given.keep ?? 2,
        sampleEvery: given['sample-every'],
        stopAt: given['stop-at'],
      },
    });
    const began = performance.now();
    if ((await run.run()) === 'stopped') {
      terminal.line(
        `stopped after step ${trainer.step} of ${settings.steps}; to go on: npm run train -- --resume ${folder.path}`,
      );
      process.exitCode = stop.exitCode;
      return;
    }
    stop.dispose(); // all is saved: from here on Ctrl+C may simply end it
    const { final, text: sample } = run.finish();
    const error = final.standardError === null ? '' : ` (standard error ${final.standardError.toFixed(4)})`;
    const perCharacter =
      final.natsPerChar === undefined ? '' : `${final.natsPerChar.toFixed(4)} nats per character, `;
    terminal.line('');
    terminal.line(
      `trained in ${duration((performance.now() - began) / 1000)}; over all ${whole(final.tokensScored)} held-out tokens:`,
    );
    terminal.line(
      `validation ${final.nll.toFixed(4)} nats per token${error}, perplexity ${final.perplexity.toFixed(3)}, ${perCharacter}${final.bitsPerChar.toFixed(3)} bits per character`,
    );
    terminal.line('');
    terminal.line('a sample:');
    terminal.line(sample);
    terminal.line('');
    terminal.line(knownWordsLine(sample, parts.text));
    terminal.line(
      `saved in ${folder.path}, with report.html to look at; npm run sample -- --run ${folder.path} continues a prompt`,
    );
  } finally {
    stop.dispose();
    folder.release();
  }
}

function knownWordsLine(sample: string, corpus: string): string {
  const { found, all } = countWords([{ prompt: '', text: sample }], wordsOf(corpus));
  return all === 0
    ? 'words: none in the sample'
    : `words: ${Math.round((100 * found) / all)} % of ${all} in the corpus`;
}

/** Counts n-grams once per corpus; a resumed run finds them in its folder. Over characters for every tokenizer, so that
 * runs on one text have the same bars to clear. */
function countBaselines({ folder, text, split, identity, tokenizer }: Prepared): readonly Baseline[] {
  const { corpusSha256 } = identity;
  const known = folder.readBaselines(corpusSha256);
  if (known !== undefined) return known;
  const characters = tokenizer.kind === 'char' ? tokenizer : CharTokenizer.train(text);
  const { train, validation } = characters === tokenizer ? split : encodeSplit(text, characters);
  const baselines = ngramBaselines(train, validation, { V: characters.vocabSize }).map((nll, order) => ({
    order,
    nll,
  }));
  folder.write('baselines.json', `${JSON.stringify({ corpusSha256, baselines }, null, 2)}\n`);
  return baselines;
}

await runCommand(command, (given) => {
  refuseContradictions(given);
  checkTokenizerFlags(given);
  return given.resume === undefined ? begin(given) : resume(given, given.resume);
});
