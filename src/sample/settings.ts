/** What a user may set about sampling, checked once, before any model work. The defaults change nothing: without any
 * setting a token is drawn from the model's own distribution.
 *
 * Every rule is a positive assertion (`x >= 0`, never `!(x < 0)`), so NaN fails it; a number in quotes is refused. */
export type SamplerErrorCode =
  | 'invalid-setting'
  | 'conflict' // settings that do not go together
  | 'invalid-uniform'
  | 'non-finite-logits'
  | 'no-candidates';

/** What sampling refuses: `param` is the setting's name, `value` what was given, `index` its place in a list. */
export class SamplerError extends RangeError {
  override readonly name = 'SamplerError';
  readonly code: SamplerErrorCode;
  readonly param: string;
  readonly value: unknown;
  readonly index: number | undefined;

  /** @param rule how the message goes on after the parameter's name: 'must be between 0 and 1' */
  constructor(code: SamplerErrorCode, param: string, rule: string, value: unknown, index?: number) {
    super(`${param}${index === undefined ? '' : `[${index}]`} ${rule}, got ${describe(value)}`);
    this.code = code;
    this.param = param;
    this.value = value;
    this.index = index;
  }
}

export type Bias = readonly (readonly [id: number, bias: number])[];

export interface SamplingSettings {
  /** Divides the logits: below 1 sharpens, above 1 flattens, 0 always takes the best token. */
  readonly temperature: number;
  /** Keeps this many of the best tokens; 0 keeps all. */
  readonly topK: number;
  /** Keeps the smallest set of best tokens whose probability reaches this; 1 keeps all, 0 the best one. */
  readonly topP: number;
  /** If given, only these tokens may come. */
  readonly allowedTokens: readonly number[] | undefined;
  readonly bannedTokens: readonly number[];
  /** The last token of each is masked where the text ends in the others. */
  readonly bannedSequences: readonly (readonly number[])[];
  /** Tokens that end the text: masked until minNewTokens have been generated. */
  readonly eosTokens: readonly number[];
  readonly stopTokens: readonly number[];
  readonly minNewTokens: number;
  /** No n-gram of this length comes twice; 0 is off. */
  readonly noRepeatNgram: number;
  readonly logitBias: Bias;
  /** Above 1 discourages what was said, below 1 encourages it. */
  readonly repetitionPenalty: number;
  /** 'logits' as most samplers do; 'logprobs' does not depend on where the logits' zero lies. */
  readonly penaltyMode: 'logits' | 'logprobs';
  /** How many of the last tokens, prompt included, are looked at: -1 all, 0 none. */
  readonly penaltyLastN: number;
  /** Taken from the logit of a token for each time it was drawn; presencePenalty once if it was. */
  readonly frequencyPenalty: number;
  readonly presencePenalty: number;
  readonly minP: number;
  readonly typicalP: number;
  /** Mirostat's target surprise in bits per token; 0 is off. */
  readonly mirostatTarget: number;
  readonly mirostatRate: number;
  /** What to do when masks leave no token: 'stop' answers noCandidates, 'throw' throws, 'relax' lifts masks: first
   *  noRepeatNgram, then also bannedSequences and minNewTokens. */
  readonly onExhausted: 'stop' | 'throw' | 'relax';
}

/** What npm run sample draws with unless told otherwise: below the temperature of the model's own distribution, and
 *  without its unlikely tail. Where all of the distribution is meant, leave out both: samplingSettings() is plain. */
export const defaultSampling = { temperature: 0.8, topP: 0.95 } as const;

const finite = Number.isFinite;
const share = (x: number): boolean => x >= 0 && x <= 1;
const count = (x: number): boolean => Number.isInteger(x) && x >= 0;

/** The given settings, checked, with defaults for the rest. V is the size of the vocabulary, where it is known. */
export function samplingSettings(given: Partial<SamplingSettings> = {}, V = Infinity): SamplingSettings {
  const number = (
    param: keyof SamplingSettings,
    fallback: number,
    rule: string,
    holds: (x: number) => boolean,
  ): number => setting(param, given[param], fallback, rule, holds);
  const settings: SamplingSettings = {
    temperature: number('temperature', 1, 'must be finite and at least 0', (x) => x >= 0 && finite(x)),
    topK: number('topK', 0, 'must be an integer of at least 0', count),
    topP: number('topP', 1, 'must be between 0 and 1', share),
    allowedTokens:
      given.allowedTokens === undefined
        ? undefined
        : allowed(tokenList('allowedTokens', given.allowedTokens, V)),
    bannedTokens: tokenList('bannedTokens', given.bannedTokens, V),
    bannedSequences: sequenceList('bannedSequences', given.bannedSequences, V),
    eosTokens: tokenList('eosTokens', given.eosTokens, V),
    stopTokens: tokenList('stopTokens', given.stopTokens, V),
    minNewTokens: number('minNewTokens', 0, 'must be an integer of at least 0', count),
    noRepeatNgram: number('noRepeatNgram', 0, 'must be an integer of at least 0', count),
    logitBias: biasList(given.logitBias, V),
    repetitionPenalty: number(
      'repetitionPenalty',
      1,
      'must be finite and above 0',
      (x) => x > 0 && finite(x),
    ),
    penaltyMode: oneOf('penaltyMode', given.penaltyMode, ['logits', 'logprobs']),
    penaltyLastN: number(
      'penaltyLastN',
      -1,
      'must be an integer of at least -1',
      (x) => x === -1 || count(x),
    ),
    frequencyPenalty: number('frequencyPenalty', 0, 'must be finite', finite),
    presencePenalty: number('presencePenalty', 0, 'must be finite', finite),
    minP: number('minP', 0, 'must be between 0 and 1', share),
    typicalP: number('typicalP', 1, 'must be above 0 and at most 1', (x) => x > 0 && x <= 1),
    mirostatTarget: number('mirostatTarget', 0, 'must be finite and at least 0', (x) => x >= 0 && finite(x)),
    mirostatRate: number('mirostatRate', 0.1, 'must be finite and above 0', (x) => x > 0 && finite(x)),
    onExhausted: oneOf('onExhausted', given.onExhausted, ['stop', 'throw', 'relax']),
  };
  if (settings.mirostatTarget > 0) {
    const off = { topK: 0, topP: 1, minP: 0, typicalP: 1 };
    for (const param of Object.keys(off) as (keyof typeof off)[]) {
      if (settings[param] === off[param]) continue;
      const rule = `must stay ${off[param]} beside mirostatTarget, which measures the whole distribution`;
      throw new SamplerError('conflict', param, rule, settings[param]);
    }
  }
  return settings;
}

/** A copy of a list of token ids; the empty list where none is given. */
export function tokenList(param: string, value: unknown, V: number): readonly number[] {
  return list(param, value).map((id, i) => {
    if (typeof id === 'number' && count(id) && id < V) return id;
    throw new SamplerError('invalid-setting', param, `must be a token id below ${V}`, id, i);
  });
}

/** A copy of a list of non-empty lists of token ids. */
export function sequenceList(param: string, value: unknown, V: number): readonly (readonly number[])[] {
  return list(param, value).map((sequence, i) => {
    const ids = tokenList(`${param}[${i}]`, sequence ?? null, V);
    if (ids.length > 0) return ids;
    throw new SamplerError('invalid-setting', param, 'must be a list of at least one token id', sequence, i);
  });
}

function allowed(ids: readonly number[]): readonly number[] {
  if (ids.length === 0) {
    throw new SamplerError('invalid-setting', 'allowedTokens', 'must hold at least one token id', ids);
  }
  return [...new Set(ids)].sort((a, b) => a - b);
}

function biasList(value: unknown, V: number): Bias {
  return list('logitBias', value).map((pair, i) => {
    const [id, bias] = list(`logitBias[${i}]`, pair ?? null);
    if (typeof bias === 'number' && finite(bias)) return [tokenList(`logitBias[${i}]`, [id], V)[0], bias];
    throw new SamplerError('invalid-setting', `logitBias[${i}]`, 'must be finite', bias, 1);
  });
}

function list(param: string, value: unknown): readonly unknown[] {
  if (value === undefined) return [];
  if (Array.isArray(value)) return value;
  throw new SamplerError('invalid-setting', param, 'must be a list', value);
}

/** One numeric setting: the fallback, if there is one, where none is given; a SamplerError where the rule fails. */
export function setting(
  param: string,
  value: unknown,
  fallback: number | undefined,
  rule: string,
  holds: (x: number) => boolean,
): number {
  if (value === undefined && fallback !== undefined) return fallback;
  if (typeof value === 'number' && holds(value)) return value;
  throw new SamplerError('invalid-setting', param, rule, value);
}

/** One setting out of a few words, the first of which is the default. */
function oneOf<const W extends string>(param: string, value: unknown, words: readonly [W, ...W[]]): W {
  if (value === undefined) return words[0];
  const word = words.find((w) => w === value);
  if (word !== undefined) return word;
  throw new SamplerError(
    'invalid-setting',
    param,
    `must be ${words.map((w) => `'${w}'`).join(' or ')}`,
    value,
  );
}

function describe(value: unknown): string {
  if (typeof value === 'string') return JSON.stringify(value);
  if (Array.isArray(value)) return 'an array';
  if (typeof value === 'function') return 'a function';
  if (typeof value === 'object' && value !== null) return 'an object';
  return String(value);
}
