/** From the flags of npm run train to a run: the model, checkpoints, records and a report. */
import { join } from 'node:path';
import { scoreEnsemble } from '../../evaluate/ensemble.ts';
import { loadParameters } from '../../model/files/checkpoint.ts';
import { withEnds } from '../../model/files/end-of-text.ts';
import { initialize } from '../../model/initialize.ts';
import { checkSplit } from '../../train/check-split.ts';
import { type Split, stepsInEpochs } from '../../train/dataset.ts';
import { type Corpus, textOf } from '../../train/documents.ts';
import { preflightWarnings } from '../../train/guards.ts';
import { counted } from '../../train/metrics.ts';
import { overfitBatch } from '../../train/overfit.ts';
import { preflight } from '../../train/preflight.ts';
import { defaultPreset, type Preset, presets } from '../../train/presets.ts';
import { restoreTrainer, type TrainingState } from '../../train/state.ts';
import { isOver, notEvaluated } from '../../train/train.ts';
import { Trainer } from '../../train/trainer.ts';
import { UsageError } from '../command/command.ts';
import { nameOf } from '../data/corpus.ts';
import { encodeText, readText, tokensFolder } from '../data/large.ts';
import { type ChosenKernels, describeKernels, openKernels } from '../host/kernels.ts';
import { StopSignal } from '../host/stop-signal.ts';
import { Terminal } from '../host/terminal.ts';
import { findCheckpoint, freshRunPath, newestState, readCheckpoint, runsFolder } from '../runs/folder.ts';
import { RunFolder } from '../runs/writer.ts';
import { noteAddedText } from '../sample/remarks.ts';
import { countBaselines } from './baselines.ts';
import { stepsInMinutes, timeLine } from './calibrate.ts';
import { checkFields, checkStop, refuseContradictions } from './conflicts.ts';
import { findLearningRate } from './find-lr.ts';
import type { TrainFlags } from './flags.ts';
import {
  baselineLine,
  closingLines,
  completeLines,
  costLine,
  headLines,
  initCommand,
  longPromptLine,
  otherTextLine,
  planText,
  skippedLines,
  stoppedLines,
  teacherLines,
} from './lines.ts';
import { TrainingRun, type TrainingRunParts } from './run.ts';
import { chooseConfig, chooseSettings, learnTokenizer, resumedSettings } from './settings.ts';
import { modelsOf, openTeachers, readTeachers, sameTeachers } from './teachers.ts';
import { corpusOf, textOfRun } from './text.ts';

/** How many new lines a run on a list of lines shows at its end. */
const listed = 20;
/** How many checkpoints are kept besides the best model. */
const defaultKeep = 2;

async function begin(given: TrainFlags): Promise<void> {
  const presetName = given.preset ?? defaultPreset;
  const preset: Preset = presets[presetName];
  const teachers = readTeachers(given.from ?? []);
  const [choice, plain] = corpusOf(given, preset, teachers[0]?.source);
  const needed = [given.init, ...(given.from ?? [])];
  if (given.overwrite && needed.includes(given.out)) {
    throw new UsageError(`--out would overwrite ${given.out}, which is needed; choose another --out`);
  }
  const source = given.init === undefined ? undefined : findCheckpoint(given.init);
  const loaded = source === undefined ? undefined : readCheckpoint(source);
  const read = await readText(choice, plain);
  const checkpoint = loaded && read.corpus.ends ? withEnds(loaded) : loaded;
  checkFields(given, read);
  const data = nameOf(choice);
  const tokenizer =
    (checkpoint ?? teachers[0]?.checkpoint)?.tokenizer ?? learnTokenizer(given, preset, read.corpus);
  if (read.corpus.ends && tokenizer.endOfText === undefined) {
    throw new Error(
      `${teachers[0]!.path} does not know where a document ends; leave --documents out, or learn from runs with it`,
    );
  }
  noteAddedText(textOf(read.corpus), data, tokenizer);
  const config = chooseConfig(given, preset, tokenizer.vocabSize, checkpoint);
  let longPrompts = 0;
  const options = {
    unknown: given.unknown,
    context: config.contextLength,
    onLongPrompt: () => longPrompts++,
  };
  const { split, corpus } = await encodeText(read, tokenizer, options, tokensFolder(given.out));
  checkSplit(split, config.contextLength);
  const terminal = new Terminal({ quiet: given.quiet ?? false });
  // An order of all windows of a large text would take memory, and no run is long enough to need it.
  const chosenFlags = split.mostScored === undefined ? given : { sampling: 'random' as const, ...given };
  let settings = chooseSettings(chosenFlags, preset);
  const windows = settings.batchSize * settings.accumulate;
  const steps =
    given.minutes !== undefined
      ? await stepsInMinutes(given, { config, settings, split, tokenizer, teachers }, terminal)
      : given.epochs !== undefined
        ? stepsInEpochs(given.epochs, split, config.contextLength, windows)
        : undefined;
  if (steps !== undefined) settings = chooseSettings({ ...chosenFlags, steps, seed: settings.seed }, preset);
  checkStop(given['stop-at'], 0, settings.steps);
  const chosen = await openKernels(given);
  const { kernels, arithmetic } = chosen;
  if (given['overfit-batch']) {
    await overfitBatch(config, settings, split, kernels, (line) => terminal.line(line));
    return;
  }
  if (given['find-lr']) {
    findLearningRate(config, settings, split, { kernels, terminal, path: join(runsFolder, 'find-lr.html') });
    return;
  }
  const keep = given.keep ?? defaultKeep;
  const allocate = given.plan !== true;
  const scorers = allocate ? openTeachers(teachers, settings, config, kernels) : [];
  const trainer = new Trainer(config, settings, split, { kernels, allocate, teachers: modelsOf(scorers) });
  const before = preflight(trainer, split.train.length);
  const corpusSha256 = read.sha256;
  const head = [
    ...skippedLines(read.skipped),
    ...longPromptLine(longPrompts),
    ...otherTextLine(preset, presetName, corpusSha256),
    ...headLines(`${data}: ${read.summary}`, split, config, before.parameters, source),
  ];
  const warnings = preflightWarnings(config, before, split.train.length);
  if (given.plan) {
    const kernelsLine = `kernels: ${describeKernels(chosen)}`;
    for (const line of [...head, '', planText(trainer, before, keep), kernelsLine]) terminal.line(line);
    for (const warning of warnings) terminal.warning(warning);
    terminal.progress('measuring how fast steps are ...');
    terminal.line(timeLine({ config, settings, split, teachers }, kernels));
    return;
  }
  if (checkpoint === undefined) initialize(trainer.model, settings.seed, settings.initialization);
  else loadParameters(trainer.model, checkpoint, source!);

  const folder = RunFolder.create(
    given.out ?? freshRunPath(presetName),
    given.overwrite ?? false,
    (message) => terminal.warning(message),
  );
  const identity = {
    ...{ preset: presetName, data, corpusSha256, arithmetic, corpus: read.choice },
    teachers: teachers.length > 0 ? teachers.map(({ path, sha256 }) => ({ path, sha256 })) : undefined,
  };
  const environment = {
    node: process.version,
    platform: `${process.platform} ${process.arch}`,
    threads: chosen.threads,
    wide: chosen.wide,
  };
  folder.write(
    'run.json',
    `${JSON.stringify({ ...identity, tokenizer: tokenizer.kind, config, settings, environment }, null, 2)}\n`,
  );
  for (const line of head) terminal.detail(line);
  if (scorers.length > 0) {
    terminal.progress('asking the teachers about what is held out ...');
    const score = scoreEnsemble(scorers, split, config.contextLength);
    for (const line of teacherLines(teachers, score, split)) terminal.detail(line);
  }
  terminal.detail(
    `run: ${counted(settings.steps, 'step')} of ${counted(windows, 'window')}, seed ${settings.seed}, into ${folder.path}`,
  );
  terminal.detail(`cost: ${costLine(before)}; ${describeKernels(chosen)}`);
  for (const warning of warnings) {
    folder.record({ kind: 'warning', step: 0, message: warning });
    terminal.warning(warning);
  }
  const start = { ...notEvaluated, ...identity, settings };
  await go(given, start, { trainer, tokenizer, folder, corpus, split, terminal, resumed: false });
}

async function resume(given: TrainFlags, path: string): Promise<void> {
  const terminal = new Terminal({ quiet: given.quiet ?? false });
  const folder = RunFolder.reopen(path, (message) => terminal.warning(message));
  try {
    const saved = newestState(path);
    const { checkpoint } = saved;
    const { config, tokenizer } = checkpoint;
    const settings = resumedSettings(given, saved.state.settings, checkpoint);
    const state = { ...saved.state, settings };
    for (const reason of saved.damaged) terminal.warning(`passed over a damaged checkpoint: ${reason}`);
    if (isOver(state.step, settings, state) && folder.isClosed()) {
      for (const line of completeLines(state, path)) terminal.line(line);
      return;
    }
    checkStop(given['stop-at'], state.step, settings.steps);
    const { corpus, split } = await textOfRun(given, state, checkpoint, path);
    checkSplit(split, config.contextLength);
    const { kernels } = await reopenKernels(given, state.arithmetic, path);
    const scorers = openTeachers(sameTeachers(state.teachers ?? [], path), settings, config, kernels);
    const trainer = new Trainer(config, settings, split, { kernels, teachers: modelsOf(scorers) });
    restoreTrainer(trainer, checkpoint, saved.optimizer, state, saved.folder);
    folder.record({ kind: 'resume', step: state.step });
    terminal.detail(`resuming ${path} after step ${state.step} of ${settings.steps}, seed ${settings.seed}`);
    await go(given, state, { trainer, tokenizer, folder, corpus, split, terminal, resumed: true });
  } finally {
    folder.release();
  }
}

/** Kernels with the arithmetic that the run was begun with. Throws if there are none here: with others, the resumed run
 * would not be exact. */
async function reopenKernels(given: TrainFlags, arithmetic: string, path: string): Promise<ChosenKernels> {
  const backend = given.backend ?? (arithmetic === 'reference' ? 'reference' : 'auto');
  const math = given.math ?? (arithmetic === 'simd portable' ? 'portable' : 'auto');
  const { threads, wide = 'auto' } = given;
  const chosen = await openKernels({ backend, math, wide, ...(threads === undefined ? {} : { threads }) });
  if (chosen.arithmetic === arithmetic) return chosen;
  throw new Error(
    `${path} was computed with ${arithmetic} arithmetic, and here it would go on with ${chosen.arithmetic}: not exactly; start a new run: ${initCommand(path)}`,
  );
}

/** What state.json has of a run besides the step. */
type RunState = Omit<TrainingState, 'version' | 'step'>;
/** What a run needs besides its state, whether it is new or resumed. */
interface Equipment extends Pick<TrainingRunParts, 'trainer' | 'tokenizer' | 'folder' | 'terminal'> {
  readonly corpus: Corpus;
  readonly split: Split;
  readonly resumed: boolean;
}

async function go(given: TrainFlags, state: RunState, equipment: Equipment): Promise<void> {
  const { trainer, tokenizer, folder, terminal, corpus, split, resumed } = equipment;
  const { best, evaluationsSinceBest, preset, data, corpusSha256, arithmetic, settings } = state;
  const stop = new StopSignal();
  const first = trainer.step;
  let stopped = false;
  try {
    const baselines = countBaselines(corpusSha256, equipment);
    const isSample = split.mostScored !== undefined;
    terminal.detail(baselineLine(baselines, tokenizer.kind !== 'char', isSample ? corpus : undefined));
    const run = new TrainingRun({
      ...equipment,
      settings,
      identity: { preset, data, corpusSha256, arithmetic, corpus: state.corpus, teachers: state.teachers },
      progress: { best, evaluationsSinceBest },
      baselines,
      stop,
      cadence: {
        checkpointEvery: given['checkpoint-every'] ?? settings.evalEvery,
        keep: given.keep ?? defaultKeep,
        sampleEvery: given['sample-every'],
        stopAt: given['stop-at'],
      },
    });
    const began = performance.now();
    stopped = (await run.run()) === 'stopped';
    stop.dispose(); // all is saved: from here on Ctrl+C may simply end it
    const lines = stopped
      ? stoppedLines(trainer.step, settings.steps, folder.path)
      : closingLines(run.finish(state.corpus?.documents === 'lines' ? listed : 1), {
          path: folder.path,
          corpus,
          isSample,
          seconds: (performance.now() - began) / 1000,
          since: resumed ? first : undefined,
          step: trainer.step,
        });
    for (const line of lines) terminal.line(line);
  } finally {
    stop.dispose();
    folder.release();
  }
  if (stopped) stop.leave();
}

/** Begins or resumes a run. */
export async function startTraining(given: TrainFlags): Promise<void> {
  refuseContradictions(given);
  await (given.resume === undefined ? begin(given) : resume(given, given.resume));
}
