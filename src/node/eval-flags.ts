/** The flags of npm run eval, and which of its five jobs they ask for. */
import type { BleuOptions } from '../evaluate/bleu.ts';
import { sentenceBleu } from '../evaluate/bleu.ts';
import { windowModes } from '../evaluate/windows.ts';
import { rules, UsageError, type Values } from './command.ts';
import { kernelFlags } from './kernels.ts';

export const evalFlags = {
  run: {
    kind: 'text',
    value: 'DIR',
    help: 'a run (its best checkpoint) or model folder (default: the newest run)',
  },
  data: { kind: 'text', value: 'FILE', help: 'the text to score (default: the one the run was trained on)' },
  split: {
    kind: 'choice',
    choices: ['all', 'val', 'train'],
    value: 'all|val|train',
    help: 'which part: all of it, the last 10 % or the first 90 %\n(default: val for the text of the run, all for --data)',
  },
  unknown: {
    kind: 'choice',
    choices: ['error', 'skip'],
    value: 'error|skip',
    help: 'what to do about characters the model does not know',
  },
  mode: {
    kind: 'choice',
    choices: windowModes,
    value: 'blocks|stride',
    help: 'texts longer than the context: disjoint windows (default), or\noverlapping ones, each scoring its last part with context',
  },
  stride: {
    kind: 'integer',
    value: 'N',
    rule: rules.positive,
    help: 'with --mode stride: tokens that each window scores\n(default: half the context)',
  },
  score: { kind: 'text', value: 'TEXT', help: 'show the surprise of each character of TEXT' },
  'score-file': { kind: 'text', value: 'FILE', help: 'the same, of a file' },
  hyp: { kind: 'text', value: 'FILE', help: 'compare the lines of FILE with those of --ref; needs no model' },
  ref: {
    kind: 'text',
    value: 'FILE',
    multiple: true,
    help: 'as many lines as --hyp; give it again for more references',
  },
  tokenize: {
    kind: 'choice',
    choices: ['13a', 'char', 'none'],
    value: 'T',
    help: "BLEU's tokens: 13a (words and punctuation, default),\nchar (characters) or none (cut at white space)",
  },
  smooth: {
    kind: 'choice',
    choices: ['exp', 'floor', 'add-k', 'none'],
    value: 'S',
    help: "BLEU's orders without a match: exp (default), floor, add-k or none",
  },
  'smooth-value': {
    kind: 'number',
    value: 'X',
    rule: rules.notNegative,
    help: 'of --smooth floor (default 0.1) or add-k (default 1)',
  },
  ...kernelFlags,
  json: { kind: 'switch', help: 'one JSON object' },
} as const;

export type EvalFlags = Values<typeof evalFlags>;
type Name = keyof typeof evalFlags;

const kernelNames = Object.keys(kernelFlags) as (keyof typeof kernelFlags)[];
const ofModel: readonly Name[] = ['run', 'unknown', ...kernelNames, 'json'];

/** Each job, the flags that ask for it, and all it understands. */
const jobs = {
  pairs: {
    by: ['hyp', 'ref'],
    takes: ['hyp', 'ref', 'tokenize', 'smooth', 'smooth-value', 'json'],
  },
  surprise: {
    by: ['score', 'score-file'],
    takes: ['score', 'score-file', 'mode', 'stride', ...ofModel],
  },
  perplexity: { by: [], takes: ['data', 'split', 'mode', 'stride', ...ofModel] },
} as const satisfies Record<string, { by: readonly Name[]; takes: readonly Name[] }>;
export type Job = keyof typeof jobs;

/** What to do; a UsageError for flags that do not go together. */
export function chooseJob(given: EvalFlags): Job {
  const names = Object.keys(given) as Name[];
  const job = (Object.keys(jobs) as Job[]).find((name) =>
    jobs[name].by.some((flag) => given[flag] !== undefined),
  );
  const { by, takes }: { by: readonly Name[]; takes: readonly Name[] } = jobs[job ?? 'perplexity'];
  const stray = names.find((name) => !takes.includes(name));
  if (stray !== undefined) {
    const asked = by.find((name) => given[name] !== undefined);
    const owner = Object.values(jobs).find(({ takes }) => (takes as readonly Name[]).includes(stray))!;
    throw new UsageError(
      asked === undefined
        ? `--${stray} goes with --${owner.by[0]} only; see --help`
        : `--${stray} does not go with --${asked}; see --help`,
    );
  }
  const chosen = job ?? 'perplexity';
  if (given.stride !== undefined && given.mode !== 'stride') {
    throw new UsageError('--stride needs --mode stride; in blocks, windows do not overlap');
  }
  if (chosen === 'pairs') {
    if (given.hyp === undefined) throw new UsageError('--ref is given without --hyp; expected both');
    if (given.ref === undefined) throw new UsageError('--hyp is given without --ref; expected both');
  }
  if (given.score !== undefined && given['score-file'] !== undefined) {
    throw new UsageError('--score and --score-file are both given; expected one of them');
  }
  return chosen;
}

export function windowChoice({ mode = 'blocks', stride }: EvalFlags) {
  return { mode, ...(stride === undefined ? {} : { stride }) };
}

/** A UsageError for a smoothing value that the smoothing does not take. */
export function bleuOptions(given: EvalFlags): BleuOptions {
  const options: BleuOptions = {
    ...(given.tokenize === undefined ? {} : { tokenization: given.tokenize }),
    ...(given.smooth === undefined ? {} : { smoothing: given.smooth }),
    ...(given['smooth-value'] === undefined ? {} : { smoothingValue: given['smooth-value'] }),
  };
  try {
    sentenceBleu('', [''], options);
  } catch (error) {
    throw new UsageError((error as Error).message);
  }
  return options;
}
