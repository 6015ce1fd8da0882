/** Reads metrics.jsonl back: one record a line, as the run wrote them.
 *
 * A process that is killed leaves its last line cut off; that one is passed over. After a resume the steps since the
 * checkpoint are there a second time; the later record counts. JSON has no NaN or infinity and writes null for them. */
import type { MetricsRecord } from './metrics.ts';

type Fields = Readonly<
  Record<string, 'number' | 'number if there' | 'number or null' | 'string' | 'boolean' | 'layers'>
>;

const score: Fields = {
  tokensScored: 'number',
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

/** The records in order of step. A line that is no record is a RangeError with its number, unless it is the last and
 * was never finished. */
export function parseMetrics(text: string): MetricsRecord[] {
  const records = new Map<string, MetricsRecord>();
  const lines = text.split('\n');
  for (const [i, line] of lines.entries()) {
    if (line.trim() === '') continue;
    const unfinished = i === lines.length - 1;
    const parsed = parseJson(line);
    if (parsed === undefined) {
      if (unfinished) continue;
      throw broken(i, `expected JSON, got ${excerpt(line)}`);
    }
    const record = asRecord(parsed, i);
    // One step may give several warnings; every other kind is there once a step.
    const key = `${record.kind} ${record.step} ${record.kind === 'warning' ? record.message : ''}`;
    records.set(key, record);
  }
  return [...records.values()].sort((a, b) => a.step - b.step); // stable: within a step as written
}

function asRecord(value: unknown, line: number): MetricsRecord {
  if (!isObject(value)) throw broken(line, `expected an object, got ${excerpt(JSON.stringify(value))}`);
  const kind = value['kind'];
  if (typeof kind !== 'string' || !Object.hasOwn(kinds, kind)) {
    throw broken(line, `kind; expected one of ${Object.keys(kinds).join(', ')}, got ${show(kind)}`);
  }
  const { step } = value;
  if (typeof step !== 'number' || !Number.isInteger(step) || step < 0) {
    throw broken(line, `step of ${kind}; expected a whole number of at least 0, got ${show(step)}`);
  }
  return { ...checked(value, kinds[kind as MetricsRecord['kind']], line), kind, step } as MetricsRecord;
}

/** The named fields of `value`, each of its kind. */
function checked(value: Readonly<Record<string, unknown>>, fields: Fields, line: number): object {
  const result: Record<string, unknown> = {};
  for (const [name, type] of Object.entries(fields)) {
    const x = value[name];
    if (x === undefined && type === 'number if there') continue;
    if (type === 'layers') {
      if (!Array.isArray(x)) throw broken(line, `${name}; expected a list, got ${show(x)}`);
      result[name] = x.map((layer: unknown) => {
        if (!isObject(layer)) throw broken(line, `${name}; expected objects, got ${show(layer)}`);
        return checked(layer, layerFields, line);
      });
    } else if (x === null && type.startsWith('number')) {
      result[name] = type === 'number or null' ? null : Number.NaN;
    } else if (typeof x === type.split(' ')[0]) {
      result[name] = x;
    } else {
      throw broken(line, `${name}; expected a ${type}, got ${show(x)}`);
    }
  }
  return result;
}

/** undefined for what is not JSON; JSON has no undefined of its own. */
function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

const isObject = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);
const show = (value: unknown) => (value === undefined ? 'nothing' : excerpt(JSON.stringify(value)));
/** At most 40 characters in quotes, so that a message stays one readable line. */
const excerpt = (text: string) => JSON.stringify(text.length > 40 ? `${text.slice(0, 40)}...` : text);
const broken = (line: number, what: string) => new RangeError(`parseMetrics: line ${line + 1}: ${what}`);
