/** The flags of npm run judge, and who the two sides are. */
import { type JudgedSettings, usualLength } from '../../evaluate/judge.ts';
import { defaultSampling } from '../../sample/settings.ts';
import { rules, UsageError, type Values } from '../command/command.ts';
import { kernelFlags } from '../host/kernels.ts';
import { sampleFlags } from '../sample/flags.ts';

const { positive, notNegative, unit } = rules;
/** Verdicts are kept here unless --out says otherwise. */
export const usualFile = 'runs/verdicts.csv';
export const usualPairs = 50;

export const judgeFlags = {
  run: {
    section: 'A, which is judged against real text',
    kind: 'text',
    value: 'DIR',
    help: 'a run (its best checkpoint) or model folder (default: the newest run)',
    aliases: sampleFlags.run.aliases,
  },
  temperature: {
    kind: 'number',
    value: 'X',
    rule: notNegative,
    help: `as of npm run sample (default ${defaultSampling.temperature})`,
    aliases: sampleFlags.temperature.aliases,
  },
  'top-p': {
    kind: 'number',
    value: 'X',
    rule: unit,
    help: `the same (default ${defaultSampling.topP})`,
    aliases: sampleFlags['top-p'].aliases,
  },
  'top-k': { kind: 'integer', value: 'N', rule: notNegative, help: 'the same (default 0: all)' },
  'min-p': { kind: 'number', value: 'X', rule: unit, help: 'the same (default 0: all)' },
  'b-run': {
    section: 'or against B, if one of these is given (what is left out is as in A)',
    kind: 'text',
    value: 'DIR',
    help: 'another run or model',
  },
  'b-temperature': { kind: 'number', value: 'X', rule: notNegative, help: 'another temperature' },
  'b-top-p': { kind: 'number', value: 'X', rule: unit, help: 'another top-p' },
  'b-top-k': { kind: 'integer', value: 'N', rule: notNegative, help: 'another top-k' },
  'b-min-p': { kind: 'number', value: 'X', rule: unit, help: 'another min-p' },
  data: {
    section: 'The pairs',
    kind: 'text',
    multiple: true,
    value: 'FILE',
    help: 'the text of the prompts (default: the part that was held out of the text of A)',
  },
  pairs: {
    kind: 'integer',
    value: 'N',
    rule: positive,
    help: `how many; settle it before you begin (default ${usualPairs})`,
  },
  seed: {
    kind: 'integer',
    value: 'N',
    rule: rules.seed,
    help: 'of the order, the sides and the texts (default 1); one of its own for each judge',
    aliases: sampleFlags.seed.aliases,
  },
  length: {
    kind: 'integer',
    value: 'N',
    rule: positive,
    most: 10_000,
    help: `characters of a text at most (default ${usualLength})`,
  },
  'prompt-length': {
    kind: 'integer',
    value: 'N',
    rule: positive,
    most: 10_000,
    help: 'characters of a prompt at least (default: half as many)',
  },
  out: {
    section: 'The verdicts',
    kind: 'text',
    value: 'FILE',
    help: `where they are kept, as CSV; what is in there goes on (default ${usualFile})`,
  },
  merge: { kind: 'switch', help: 'sum up the files of several judges' },
  json: { kind: 'switch', help: 'one JSON object at the end; pairs are shown on standard error' },
  threads: kernelFlags.threads,
  math: kernelFlags.math,
} as const;

export type JudgeFlags = Values<typeof judgeFlags>;

export interface SideFlags {
  readonly run: string | undefined;
  readonly settings: JudgedSettings;
}

/** A, and B where that is a model, too. */
export function sidesOf(given: JudgeFlags): { readonly a: SideFlags; readonly b: SideFlags | undefined } {
  const a: SideFlags = {
    run: given.run,
    settings: {
      temperature: given.temperature ?? defaultSampling.temperature,
      topP: given['top-p'] ?? defaultSampling.topP,
      topK: given['top-k'] ?? 0,
      minP: given['min-p'] ?? 0,
    },
  };
  if (!Object.keys(given).some((name) => name.startsWith('b-'))) return { a, b: undefined };
  const { temperature, topP, topK, minP } = a.settings;
  const b: SideFlags = {
    run: given['b-run'] ?? given.run,
    settings: {
      temperature: given['b-temperature'] ?? temperature,
      topP: given['b-top-p'] ?? topP,
      topK: given['b-top-k'] ?? topK,
      minP: given['b-min-p'] ?? minP,
    },
  };
  return { a, b };
}

/** A UsageError for files without --merge, or --merge without files or with flags that it does not take. */
export function checkMerge(given: JudgeFlags, files: readonly string[]): void {
  if (given.merge !== true) {
    if (files.length === 0) return;
    throw new UsageError(`unexpected argument ${JSON.stringify(files[0])}; files are summed up with --merge`);
  }
  const stray = Object.keys(given).find((name) => name !== 'merge' && name !== 'json');
  if (stray !== undefined) throw new UsageError(`--${stray} does not go with --merge; see --help`);
  if (files.length === 0) {
    throw new UsageError('--merge needs files: npm run judge -- --merge mine.csv theirs.csv');
  }
}
