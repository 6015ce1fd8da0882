/** From the flags of npm run sample to the sampler's settings: which flags contradict each other, and what tokens their
 * texts are. */
import type { Tokenizer } from '../../model/text/tokenizer.ts';
import type { SamplingSettings } from '../../sample/settings.ts';
import { defaultSampling } from '../../sample/settings.ts';
import { readNumber, UsageError } from '../command/command.ts';
import { answerTokens, defaultTokens, type SampleFlags } from './flags.ts';

/** Flags that must not be given together, and why. */
const apart: readonly (readonly [keyof SampleFlags, readonly (keyof SampleFlags)[], string])[] = [
  ['prompt', ['prompt-file'], 'expected one of them'],
  ['greedy', ['temperature'], '--greedy means --temperature 0'],
  ['mirostat', ['top-k', 'top-p', 'min-p', 'typical', 'greedy'], 'mirostat makes its own cut'],
  [
    'beam',
    ['temperature', 'greedy', 'top-k', 'top-p', 'min-p', 'typical', 'mirostat', 'seed', 'trace'],
    'beam search draws nothing',
  ],
  [
    'interactive',
    ['prompt-file', 'samples', 'beam', 'trace', 'explain', 'json'],
    'a conversation has one text',
  ],
  ['explain', ['beam', 'trace'], '--explain draws nothing'],
];
const needs: readonly (readonly [keyof SampleFlags, keyof SampleFlags])[] = [
  ['mirostat-rate', 'mirostat'],
  ['repetition-mode', 'repetition-penalty'],
  ['penalty-last', 'repetition-penalty'],
  ['length-penalty', 'beam'],
];

/** Throws a UsageError for flags that contradict each other. */
export function checkFlags(given: SampleFlags): void {
  for (const [flag, others, reason] of apart) {
    const other = given[flag] === undefined ? undefined : others.find((name) => given[name] !== undefined);
    if (other !== undefined) throw new UsageError(`--${flag} and --${other} are both given; ${reason}`);
  }
  for (const [flag, needed] of needs) {
    if (given[flag] !== undefined && given[needed] === undefined) {
      throw new UsageError(`--${flag} is given without --${needed}, which it belongs to`);
    }
  }
  const { samples = 1, beam, 'min-tokens': least = 0 } = given;
  const { tokens = given.interactive ? answerTokens : defaultTokens } = given;
  if (given.interactive && given.prompt !== undefined && given.prompt.length > 1) {
    throw new UsageError('--interactive goes on with one --prompt, got several');
  }
  if (samples > 1 && (given.greedy || given.temperature === 0)) {
    throw new UsageError(
      `--samples ${samples} at temperature 0 would print one text ${samples} times; raise --temperature or leave --samples out`,
    );
  }
  if (beam !== undefined && samples > beam) {
    throw new UsageError(
      `--samples ${samples} of --beam ${beam}: expected at most as many as the beam holds`,
    );
  }
  if (least > tokens) throw new UsageError(`--min-tokens ${least} is more than --tokens ${tokens}`);
}

/** What --stop-on-loop looks for. */
export const loopRule = { minCount: 4, minPattern: 4, maxPattern: 100 } as const;

/** The sampler's settings: those that were given, and the default temperature and nucleus where they were not. Mirostat takes
 *  the place of the nucleus. */
export function chooseSettings(given: SampleFlags, tokenizer: Tokenizer): Partial<SamplingSettings> {
  const banned = (given.ban ?? []).map((text) => encodeFlag('ban', text, tokenizer));
  const settings: { [K in keyof SamplingSettings]?: SamplingSettings[K] | undefined } = {
    temperature: given.greedy ? 0 : (given.temperature ?? defaultSampling.temperature),
    topK: given['top-k'],
    topP: given['top-p'] ?? (given.mirostat === undefined ? defaultSampling.topP : undefined),
    minP: given['min-p'],
    typicalP: given.typical,
    mirostatTarget: given.mirostat,
    mirostatRate: given['mirostat-rate'],
    repetitionPenalty: given['repetition-penalty'],
    penaltyMode: given['repetition-mode'],
    penaltyLastN: given['penalty-last'],
    frequencyPenalty: given['frequency-penalty'],
    presencePenalty: given['presence-penalty'],
    noRepeatNgram: given['no-repeat-ngram'],
    minNewTokens: given['min-tokens'],
    onExhausted: given['on-exhausted'],
    allowedTokens: given.allow === undefined ? undefined : allowedTokens(given.allow, tokenizer),
    bannedTokens: banned.filter((ids) => ids.length === 1).flat(),
    bannedSequences: banned.filter((ids) => ids.length > 1),
    stopTokens: given['stop-token']?.map((text) => oneToken('stop-token', text, tokenizer)),
    logitBias: given['logit-bias']?.map((text) => bias(text, tokenizer)),
  };
  const entries = Object.entries(settings).filter(([, value]) => value !== undefined);
  return Object.fromEntries(entries) as Partial<SamplingSettings>;
}

/** The strings of --stop. */
export function stopStrings(given: SampleFlags): string[] {
  return (given.stop ?? []).map((text) => {
    if (text === '') throw new UsageError('--stop is empty; expected a text to stop at');
    return unescapeFlag('stop', text);
  });
}

/** A flag's text with \n, \t, \r and \\ for a line break, a tab, a carriage return and a backslash. */
export function unescapeFlag(flag: string, text: string): string {
  const characters: Readonly<Record<string, string>> = { n: '\n', t: '\t', r: '\r', '\\': '\\' };
  return text.replace(/\\(.?)/gsu, (found, letter: string) => {
    const character = characters[letter];
    if (character !== undefined) return character;
    throw new UsageError(`--${flag}: ${found} means nothing; expected \\n, \\t, \\r or \\\\ for a backslash`);
  });
}

/** The tokens of a flag's text: #12 means token 12, and the whole text of an added token means that token. */
function encodeFlag(flag: string, text: string, tokenizer: Tokenizer): number[] {
  const added = tokenizer.added.get(text);
  if (added !== undefined) return [added];
  const id = /^#(\d+)$/.exec(text)?.[1];
  if (id !== undefined) {
    if (Number(id) < tokenizer.vocabSize) return [Number(id)];
    throw new UsageError(`--${flag} ${text}: expected a token from #0 to #${tokenizer.vocabSize - 1}`);
  }
  let ids: number[];
  try {
    ids = [...tokenizer.encode(unescapeFlag(flag, text))];
  } catch (error) {
    if (error instanceof UsageError) throw error;
    throw new UsageError(`--${flag} ${JSON.stringify(text)}: the model has no such token`);
  }
  if (ids.length === 0) throw new UsageError(`--${flag} is empty; expected a text`);
  return ids;
}

function oneToken(flag: string, text: string, tokenizer: Tokenizer): number {
  const ids = encodeFlag(flag, text, tokenizer);
  if (ids.length === 1) return ids[0]!;
  throw new UsageError(
    `--${flag} ${JSON.stringify(text)}: expected one token, got ${ids.length}: ${ids.map((id) => `#${id}`).join(' ')}`,
  );
}

function bias(text: string, tokenizer: Tokenizer): readonly [number, number] {
  const at = text.lastIndexOf('=');
  const value = readNumber(text.slice(at + 1));
  if (at < 1 || !Number.isFinite(value)) {
    throw new UsageError(`--logit-bias must be TOKEN=X with a number X, got ${JSON.stringify(text)}`);
  }
  return [oneToken('logit-bias', text.slice(0, at), tokenizer), value];
}

/** For each text, all tokens made of its characters only; the whole text of an added token means that token. */
function allowedTokens(texts: readonly string[], tokenizer: Tokenizer): number[] {
  return texts.flatMap((text) => {
    const added = tokenizer.added.get(text);
    if (added !== undefined) return [added];
    const characters = new Set(unescapeFlag('allow', text));
    const ids = Array.from({ length: tokenizer.vocabSize }, (_, id) => id).filter((id) => {
      const own = [...tokenizer.decode([id])];
      return own.length > 0 && own.every((character) => characters.has(character));
    });
    if (ids.length > 0) return ids;
    throw new UsageError(`--allow ${JSON.stringify(text)}: the model has no token of these characters only`);
  });
}
