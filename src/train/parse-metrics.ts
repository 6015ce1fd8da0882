/** Reads a line of metrics.jsonl back. JSON has no NaN and no infinity, so a run writes null for both. */
import { isObject, quote, show } from '../model/json.ts';
import type { MetricsRecord } from './metrics.ts';

type Fields = Readonly<
  Record<string, 'count' | 'number' | 'number if there' | 'number or null' | 'string' | 'boolean' | 'layers'>
>;

const score: Fields = {
  tokensScored: 'count',
  nll: 'number',
  standardError: 'number or null',
  perplexity: 'number',
  bitsPerChar: 'number',
  best: 'boolean',
  natsPerChar: 'number if there',
};
const kinds: Readonly<Record<MetricsRecord['kind'], Fields>> = {
  step: {
    loss: 'number',
    learningRate: 'number',
    gradNorm: 'number',
    tokensPerSecond: 'number',
    secondsLeft: 'number',
  },
  evaluation: score,
  final: score,
  sample: { text: 'string' },
  layers: { layers: 'layers' },
  warning: { message: 'string' },
  resume: {},
};
const layerFields: Fields = { name: 'string', gradient: 'number', weight: 'number', update: 'number' };

/** The names of checkpoint folders have room for so many digits. */
const mostSteps = 99_999_999;
const isCount = (x: unknown): boolean => Number.isSafeInteger(x) && (x as number) >= 0;

/** The record that a line holds; for anything else a RangeError that says what was expected. */
export function parseRecord(line: string): MetricsRecord {
  let value: unknown;
  try {
    value = JSON.parse(line);
  } catch {
    throw new RangeError(`expected JSON, got ${quote(line)}`);
  }
  if (!isObject(value)) throw new RangeError(`expected an object, got ${show(value)}`);
  const { kind, step } = value;
  if (typeof kind !== 'string' || !Object.hasOwn(kinds, kind)) {
    throw new RangeError(`kind; expected one of ${Object.keys(kinds).join(', ')}, got ${show(kind)}`);
  }
  if (!isCount(step) || (step as number) > mostSteps) {
    throw new RangeError(
      `step of ${kind}; expected a whole number from 0 to ${mostSteps}, got ${show(step)}`,
    );
  }
  return { kind, step, ...checked(value, kinds[kind as MetricsRecord['kind']]) } as MetricsRecord;
}

/** The named fields of `value`, each of its kind. */
function checked(value: Readonly<Record<string, unknown>>, fields: Fields): object {
  const result: Record<string, unknown> = {};
  for (const [name, type] of Object.entries(fields)) {
    const x = value[name];
    if (x === undefined && type === 'number if there') continue;
    if (type === 'layers') {
      if (!Array.isArray(x)) throw new RangeError(`${name}; expected a list, got ${show(x)}`);
      result[name] = x.map((layer: unknown) => {
        if (!isObject(layer)) throw new RangeError(`${name}; expected objects, got ${show(layer)}`);
        return checked(layer, layerFields);
      });
    } else if (type === 'count') {
      if (!isCount(x)) throw new RangeError(`${name}; expected a whole number, got ${show(x)}`);
      result[name] = x;
    } else if (x === null && type.startsWith('number')) {
      result[name] = type === 'number or null' ? null : Number.NaN;
    } else if (typeof x === type.split(' ')[0]) {
      result[name] = x;
    } else {
      throw new RangeError(`${name}; expected a ${type}, got ${show(x)}`);
    }
  }
  return result;
}
