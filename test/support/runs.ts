/** Training runs for tests: in this process, on the real folder and loop, or as the command that a user starts. */
import { type ChildProcess, spawn } from 'node:child_process';
import { cpSync, existsSync, mkdtempSync, readdirSync, readFileSync, statSync } from 'node:fs';
import { constants, tmpdir } from 'node:os';
import { join, relative } from 'node:path';
import { StopSignal } from '../../src/cli/host/stop-signal.ts';
import { Terminal } from '../../src/cli/host/terminal.ts';
import { newestState } from '../../src/cli/runs/folder.ts';
import { RunFolder } from '../../src/cli/runs/writer.ts';
import { TrainingRun } from '../../src/cli/train/run.ts';
import { initialize } from '../../src/model/initialize.ts';
import { CharTokenizer } from '../../src/model/text/tokenizer.ts';
import { reference } from '../../src/tensor/reference/index.ts';
import { splitTokens } from '../../src/train/check-split.ts';
import type { Baseline, MetricsRecord } from '../../src/train/metrics.ts';
import { type RunSettings, restoreTrainer } from '../../src/train/state.ts';
import { Trainer } from '../../src/train/trainer.ts';
import { tinyConfig } from './models.ts';
import { bin, root } from './root.ts';

/** A new folder, in memory where the system offers that: flushing hundreds of checkpoints to a disk takes minutes. */
export function scratchFolder(): string {
  return mkdtempSync(join(existsSync('/dev/shm') ? '/dev/shm' : tmpdir(), 'inkling-'));
}

/** Every file below a folder by its path, for comparing whole folders byte for byte. */
export function filesIn(folder: string): Record<string, Buffer> {
  const names = readdirSync(folder, { recursive: true, encoding: 'utf8' }).sort();
  const paths = names.map((name) => join(folder, name)).filter((path) => statSync(path).isFile());
  return Object.fromEntries(paths.map((path) => [relative(folder, path), readFileSync(path)]));
}

export function copyOf(folder: string, to: string): string {
  cpSync(folder, to, { recursive: true });
  return to;
}

export function records(run: string): MetricsRecord[] {
  const lines = readFileSync(join(run, 'metrics.jsonl'), 'utf8').split('\n');
  return lines.filter((line) => line !== '').map((line) => JSON.parse(line) as MetricsRecord);
}

/** Keeps what it is told instead of printing it. */
export class SilentTerminal extends Terminal {
  readonly lines: string[] = [];
  override line(text: string, label = ''): void {
    this.lines.push(label + text);
  }
}

export const story = 'the cat sat on the mat. the dog sat on the log. a fox, too! ';
export const runSettings: RunSettings = {
  steps: 12,
  batchSize: 2,
  accumulate: 1,
  sampling: 'random',
  initialization: 'gpt2',
  optimizer: 'adamw',
  muonLearningRate: 0.02,
  shape: 'cosine',
  learningRate: 1e-2,
  minLearningRate: 1e-3,
  warmup: 2,
  weightDecay: 0.1,
  beta1: 0.9,
  beta2: 0.99,
  clip: 1,
  emaDecay: 0,
  evalEvery: 3,
  evalTokens: 20,
  patience: 0,
  seed: 7,
};
export interface RunOptions {
  readonly settings?: Partial<RunSettings>;
  readonly config?: Partial<typeof tinyConfig>;
  readonly text?: string;
  readonly checkpointEvery?: number;
  readonly keep?: number;
  readonly stopAt?: number;
  readonly sampleEvery?: number;
  readonly baselines?: readonly Baseline[];
  /** Takes warnings about by-products too. */
  readonly say?: (message: string) => void;
}

/** Starts a run in `path`, or goes on with the one there, as npm run train does; a tiny model on a short text. */
export async function trainIn(path: string, options: RunOptions = {}) {
  const terminal = new SilentTerminal();
  const warn = (message: string) => {
    options.say?.(message);
    terminal.warning(message);
  };
  const folder = existsSync(path) ? RunFolder.reopen(path, warn) : RunFolder.create(path, false, warn);
  const stop = new StopSignal();
  const text = options.text ?? story.repeat(4);
  const tokenizer = CharTokenizer.train(text);
  const config = { ...tinyConfig, vocabSize: tokenizer.vocabSize, layers: 1, ...options.config };
  const split = splitTokens(tokenizer.encode(text), config.contextLength);
  const identity = { preset: 'nano', data: 'test', corpusSha256: 'test', arithmetic: reference.name };
  try {
    const saved = readdirSync(path).some((name) => name.startsWith('step-')) ? newestState(path) : undefined;
    const settings = { ...(saved?.state.settings ?? runSettings), ...options.settings };
    const trainer = new Trainer(config, settings, split, { kernels: reference });
    if (saved === undefined) {
      initialize(trainer.model, settings.seed);
      folder.write('run.json', '{}\n');
    } else {
      restoreTrainer(trainer, saved.checkpoint, saved.optimizer, saved.state, saved.folder);
      folder.record({ kind: 'resume', step: trainer.step });
    }
    const { best, evaluationsSinceBest } = saved?.state ?? { best: null, evaluationsSinceBest: 0 };
    const run = new TrainingRun({
      trainer,
      tokenizer,
      folder,
      settings,
      identity,
      progress: { best, evaluationsSinceBest },
      baselines: options.baselines ?? [],
      terminal,
      stop,
      cadence: {
        checkpointEvery: options.checkpointEvery ?? settings.evalEvery,
        keep: options.keep ?? 1,
        sampleEvery: options.sampleEvery,
        stopAt: options.stopAt,
      },
    });
    return { outcome: await run.run(), trainer, lines: terminal.lines, finish: () => run.finish() };
  } finally {
    stop.dispose();
    folder.release();
  }
}

export interface Exit {
  /** As a shell would say: 128 + the signal's number for a process that a signal ended. */
  readonly code: number;
  readonly out: string;
  readonly err: string;
}

/** npm run train with these arguments, with what to do at each line of output as it appears. */
export function trainCommand(
  args: readonly string[],
  options: {
    readonly onLine?: (line: string, count: number, child: ChildProcess) => void;
    readonly env?: NodeJS.ProcessEnv;
    /** Runs the command in a shell, after this. */
    readonly shell?: string;
  } = {},
): Promise<Exit> {
  const command = [process.execPath, bin, 'train', ...args];
  const [program, ...rest] =
    options.shell === undefined ? command : ['sh', '-c', `${options.shell}; exec "$@"`, 'sh', ...command];
  const child = spawn(program!, rest, {
    cwd: root,
    stdio: ['ignore', 'pipe', 'pipe'],
    env: { ...process.env, ...options.env },
  });
  const written = { out: '', err: '' };
  let lines = 0;
  child.stdout.setEncoding('utf8').on('data', (chunk: string) => {
    written.out += chunk;
    const whole = written.out.split('\n').slice(0, -1);
    for (const line of whole.slice(lines)) options.onLine?.(line, ++lines, child);
    lines = whole.length; // without onLine its arguments are not evaluated either
  });
  child.stderr.setEncoding('utf8').on('data', (chunk: string) => {
    written.err += chunk;
  });
  return new Promise((resolve, reject) => {
    child.on('error', reject);
    child.on('close', (code, signal) => {
      resolve({ code: code ?? 128 + constants.signals[signal!], ...written });
    });
  });
}
