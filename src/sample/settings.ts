/** What a user may set about sampling, checked once, before any model work.
 *
 * Every rule is a positive assertion (`x >= 0`, never `!(x < 0)`), so NaN fails it; a number in quotes is refused. */

export type SamplerErrorCode =
  | 'invalid-setting'
  | 'conflict' // settings that do not go together
  | 'invalid-uniform'
  | 'non-finite-logits'
  | 'no-candidates';

/** Anything sampling refuses: `param` is the setting's name, `value` what it got, `index` where in a list it stood. */
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

export interface SamplingSettings {
  /** Divides the logits: below 1 sharpens, above 1 flattens, 0 always takes the best token. */
  readonly temperature: number;
  /** Keep this many best tokens; 0 keeps all. */
  readonly topK: number;
  /** Keep the smallest set of best tokens whose probability reaches this; 1 keeps all, 0 the best one. */
  readonly topP: number;
}

/** What npm run sample draws with unless told otherwise: below the temperature of the model's own distribution, and without
 *  its unlikely tail. Where all of the distribution is meant, leave out both: samplingSettings() is plain. */
export const defaultSampling = { temperature: 0.8, topP: 0.95 } as const;

/** The given settings, checked, with defaults for the rest: plain sampling from the model's own distribution. */
export function samplingSettings(given: Partial<SamplingSettings> = {}): SamplingSettings {
  return {
    temperature: setting('temperature', given.temperature, 1, 'must be finite and at least 0', atLeast0),
    topK: setting('topK', given.topK, 0, 'must be an integer of at least 0', integerAtLeast0),
    topP: setting('topP', given.topP, 1, 'must be between 0 and 1', between0And1),
  };
}

const atLeast0 = (x: number): boolean => x >= 0 && x < Number.POSITIVE_INFINITY;
const between0And1 = (x: number): boolean => x >= 0 && x <= 1;
const integerAtLeast0 = (x: number): boolean => Number.isInteger(x) && x >= 0;

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
export function oneOf<const W extends string>(param: string, value: unknown, words: readonly [W, ...W[]]): W {
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
