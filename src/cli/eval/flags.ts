/** The flags of npm run eval, and which of its jobs they ask for. */
import { sentenceBleu } from '../../evaluate/bleu.ts';
import type { PairOptions } from '../../evaluate/pairs.ts';
import type { SweepSettings } from '../../evaluate/sweep.ts';
import { windowModes } from '../../train/windows.ts';
import { type Rule, rules, toNumber, UsageError, type Values } from '../command/command.ts';
import { kernelFlags } from '../host/kernels.ts';
import { sampleFlags } from '../sample/flags.ts';
import { unescapeFlag } from '../sample/settings.ts';

export const evalFlags = {
  run: {
    section: 'How well it predicts a text',
    kind: 'text',
    value: 'DIR',
    help: 'a run (its best checkpoint) or model folder (default: the newest run)',
    aliases: sampleFlags.run.aliases,
  },
  data: {
    kind: 'text',
    multiple: true,
    value: 'FILE',
    help: 'the text to score, read as npm run train reads it (default: the one\nthe run was trained on)',
    aliases: ['dataset', 'text-file', 'eval-file', 'test-file', 'validation-file'],
  },
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
  choices: {
    kind: 'text',
    value: 'FILE',
    help: 'let the model choose: FILE.jsonl has a line for each question,\n{"prompt": "..", "choices": ["..", ".."], "label": 0}',
    aliases: ['multiple-choice'],
  },
  generate: {
    section: 'What its own texts are like',
    kind: 'integer',
    value: 'N',
    rule: rules.positive,
    help: 'continue N held-out prompts and measure what comes, beside\nwhat really came (with --sweep: N for each setting, default 20)',
    aliases: ['num-samples', 'num-prompts'],
    most: 1_000_000,
  },
  sweep: { kind: 'switch', help: 'the same for a grid of temperatures and top-ps: a table and a picture' },
  'prompt-tokens': {
    kind: 'integer',
    value: 'N',
    rule: rules.positive,
    help: 'length of the prompts (default: half the context)',
  },
  tokens: {
    kind: 'integer',
    value: 'N',
    rule: rules.positive,
    help: 'tokens to draw for each (default 200)',
    aliases: sampleFlags.tokens.aliases,
  },
  temperature: {
    kind: 'text',
    value: 'X',
    help: "below 1 safer, above 1 wilder, 0 greedy (default 1 and --top-p 1:\nthe model's own distribution, not what npm run sample draws with);\nwith --sweep a list (default 0.5,0.7,0.85,1,1.2)",
    aliases: sampleFlags.temperature.aliases,
  },
  'top-k': {
    kind: 'integer',
    value: 'N',
    rule: rules.notNegative,
    help: 'keep only the N likeliest tokens (default 0: all)',
  },
  'top-p': {
    kind: 'text',
    value: 'X',
    help: 'keep only the smallest set holding this share of the\nprobability (default 1); with --sweep a list (default 0.8,0.9,0.95,1)',
    aliases: sampleFlags['top-p'].aliases,
  },
  seed: {
    kind: 'integer',
    value: 'N',
    rule: rules.seed,
    help: 'of the prompts and the draws (default 1, so that two models\nget the same prompts)',
    aliases: sampleFlags.seed.aliases,
  },
  svg: { kind: 'text', value: 'FILE', help: 'where --sweep draws (default sweep.svg in the run folder)' },
  hyp: {
    section: 'How near two texts are',
    kind: 'text',
    value: 'FILE',
    help: 'compare the lines of FILE with those of --ref; needs no model',
    aliases: ['hypothesis', 'hypotheses', 'prediction', 'predictions'],
  },
  ref: {
    kind: 'text',
    value: 'FILE',
    multiple: true,
    help: 'as many lines as --hyp; give it again for more references',
    aliases: ['reference', 'references', 'refs'],
  },
  delimiter: {
    kind: 'text',
    value: 'TEXT',
    help: 'what stands between segments in --hyp and --ref (default \\n, a line\nbreak); with \\n\\n segments may have several lines',
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
    aliases: ['smooth-method'],
  },
  'smooth-value': {
    kind: 'number',
    value: 'X',
    rule: rules.notNegative,
    help: 'of --smooth floor (default 0.1) or add-k (default 1)',
  },
  json: { section: 'All of them', kind: 'switch', help: 'one JSON object' },
  ...kernelFlags,
} as const;

export type EvalFlags = Values<typeof evalFlags>;
type Name = keyof typeof evalFlags;

const kernelNames = Object.keys(kernelFlags) as (keyof typeof kernelFlags)[];
const ofModel: readonly Name[] = ['run', 'unknown', ...kernelNames, 'json'];
const ofSampling: readonly Name[] = [
  ...(['data', 'generate', 'prompt-tokens', 'tokens', 'temperature', 'top-k', 'top-p', 'seed'] as const),
  ...ofModel,
];

/** Each job, the flags that ask for it, and all it understands. */
const jobs = {
  pairs: {
    by: ['hyp', 'ref'],
    takes: ['hyp', 'ref', 'delimiter', 'tokenize', 'smooth', 'smooth-value', 'json'],
  },
  surprise: {
    by: ['score', 'score-file'],
    takes: ['score', 'score-file', 'mode', 'stride', ...ofModel],
  },
  choices: { by: ['choices'], takes: ['choices', 'run', ...kernelNames, 'json'] },
  sweep: { by: ['sweep'], takes: ['sweep', 'svg', ...ofSampling] },
  generation: { by: ['generate'], takes: ofSampling },
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

const sweepDefaults = { temperature: '0.5,0.7,0.85,1,1.2', 'top-p': '0.8,0.9,0.95,1' } as const;

/** What --generate and --sweep have in common; a sweep has lists of temperatures and top-ps. */
export function chooseSweep(given: EvalFlags): Omit<SweepSettings, 'promptTokens'> {
  const grid = given.sweep === true ? sweepDefaults : { temperature: '1', 'top-p': '1' };
  const list = (name: 'temperature' | 'top-p', rule: Rule) => {
    const numbers = numberList(name, given[name] ?? grid[name], rule);
    if (given.sweep === true || numbers.length === 1) return numbers;
    throw new UsageError(`--${name} takes a list with --sweep only, got ${JSON.stringify(given[name])}`);
  };
  return {
    count: given.generate ?? 20,
    newTokens: given.tokens ?? 200,
    temperatures: list('temperature', rules.notNegative),
    topPs: list('top-p', rules.unit),
    topK: given['top-k'] ?? 0,
    seed: given.seed ?? 1,
  };
}

/** Numbers apart by commas, in the order given, each once. */
function numberList(name: string, text: string, rule: Rule): number[] {
  const numbers = text.split(',').map((part) => toNumber(`--${name}`, { kind: 'number', rule }, part.trim()));
  return [...new Set(numbers)];
}

export function windowChoice({ mode = 'blocks', stride }: EvalFlags) {
  return { mode, ...(stride === undefined ? {} : { stride }) };
}

/** A UsageError for a smoothing value that the smoothing does not take, or a delimiter that is none. */
export function pairOptions(given: EvalFlags): PairOptions {
  if (given.delimiter === '') throw new UsageError('--delimiter is empty; expected a text between segments');
  const options: PairOptions = {
    ...(given.delimiter === undefined ? {} : { delimiter: unescapeFlag('delimiter', given.delimiter) }),
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
