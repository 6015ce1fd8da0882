/** Lessons 23 to 25: what the key-value cache saves, costs, and changes. */
import { decimals } from '../evaluate/table.ts';
import { configOf, type ModelConfig } from '../model/config.ts';
import { forwardFlops } from '../model/flops.ts';
import { Gpt } from '../model/gpt.ts';
import { log } from '../tensor/math.ts';
import { RandomStream } from '../tensor/random.ts';
import { reference } from '../tensor/reference/index.ts';
import { type Run, tiny, untrained } from './lesson.ts';

/** How many times as much arithmetic n tokens take, one after the other, if each time all rows are computed again. */
function timesCounted(config: ModelConfig, n: number): number {
  let [cached, again] = [0, 0];
  for (let t = 1; t <= n; t++) {
    cached += forwardFlops(config, t);
    again += t * forwardFlops(config, t);
  }
  return again / cached;
}

const randomIds = (n: number, V: number): Int32Array => {
  const random = new RandomStream(1, 'evaluate');
  return Int32Array.from({ length: n }, (_, i) => random.below(V, i));
};

export const cacheSpeed: Run = ({ kernels, now, say }) => {
  const most = 512;
  const small = configOf('gpt2', {
    ...tiny,
    contextLength: most,
    channels: 128,
    heads: 4,
    layers: 3,
    feedForward: 512,
  });
  const large = { ...small, channels: 512, heads: 8, layers: 6, feedForward: 2048, vocabSize: 50_257 };
  const { model, buffers } = untrained(small, { kernels });
  const ids = randomIds(most, small.vocabSize);
  buffers.inputs.data.set(ids);
  /** Seconds until each of the tokens is there. */
  const timed = (step: (t: number) => void): number[] => {
    const from = now();
    return Array.from(ids, (_, t) => {
      step(t);
      return (now() - from) / 1000;
    });
  };
  const cached = () => {
    model.cache.truncate(0, 0);
    return timed((t) => model.extend([0], [ids[t]!]));
  };
  cached(); // the first time around, V8 compiles
  const withCache = cached();
  say(`${most} tokens without a cache`);
  const without = timed((t) => model.forward(buffers.inputs.rows(t + 1), { batch: 1, time: t + 1 }));
  const lengths = [64, 128, 256, most];
  const rows = lengths.map((n) => {
    const [fast, slow] = [withCache[n - 1]!, without[n - 1]!];
    return { n, withCache: fast, without: slow, measured: slow / fast, counted: timesCounted(small, n) };
  });
  /** The power with which the time of the last doubling grew. */
  const exponent = (times: readonly number[]) => log(times[most - 1]! / times[most / 2 - 1]!) / Math.LN2;
  const exponents = { withCache: exponent(withCache), without: exponent(without) };
  const [least, highest] = [(most + 1) / 2, (2 * most) / 3];
  const [last, ofLarge] = [rows.at(-1)!, timesCounted(large, most)];
  return {
    found: `Counted in arithmetic, ${most} tokens without a cache cost between ${decimals(least, 0)} times (all in the matrices, whose work is the same for each row) and ${decimals(highest, 0)} times (all in attention) those with it: so 385 cannot be; for a model of ${large.layers} layers and ${large.channels} channels it is ${decimals(ofLarge, 0)}. Measured here with ${small.layers} layers and ${small.channels} channels it is ${decimals(last.measured, 0)}${last.measured < last.counted ? ', less than counted, since rows that go together are computed faster than one alone' : ''}. From ${most / 2} to ${most} tokens the time grew with T to the power ${decimals(exponents.without, 1)} without and ${decimals(exponents.withCache, 1)} with the cache: matrices rule at this length, and T³ against T² is what attention alone would give.`,
    confirmed: ofLarge < highest && ofLarge > least && exponents.without > exponents.withCache,
    tables: [
      [
        ['tokens', 'seconds with', 'seconds without', 'times, measured', 'times, counted'],
        ...rows.map((r) => [
          ...[String(r.n), decimals(r.withCache, 3), decimals(r.without, 3)],
          ...[decimals(r.measured, 1), decimals(r.counted, 1)],
        ]),
      ],
    ],
    numbers: { rows, exponents, least, highest, ofLarge },
  };
};

export const cacheMemory: Run = () => {
  const config = configOf('gpt2', {
    ...{
      vocabSize: 256,
      contextLength: 512,
      channels: 512,
      heads: 8,
      layers: 6,
      feedForward: 2048,
      dropout: 0,
    },
  });
  const MiB = 1024 * 1024;
  const cases = [
    { layers: 1, texts: 1 },
    { layers: 6, texts: 1 },
    { layers: 6, texts: 32 },
  ].map(({ layers, texts }) => {
    const sizes = { ...config, layers };
    const planned = new Gpt(sizes, {
      kernels: reference,
      batch: 0,
      slots: texts,
      gradients: false,
    }).arena.plan();
    const bytes = planned.find(({ section }) => section === 'cache')!.bytes;
    return { layers, texts, bytes, formula: 4 * 2 * layers * config.contextLength * config.channels * texts };
  });
  return {
    found: `What the engine plans for keys and values is ${cases.map(({ bytes }) => `${bytes / MiB} MiB`).join(', ')}, as the formula says, with floats of 4 bytes. (Where heads share keys and values, as in large models, it is a fraction of that.)`,
    confirmed: cases.every(({ bytes, formula }) => bytes === formula),
    tables: [
      [
        ['layers', 'texts', 'MiB planned', 'MiB by the formula'],
        ...cases.map((c) => [c.layers, c.texts, c.bytes / MiB, c.formula / MiB].map(String)),
      ],
    ],
    numbers: { contextLength: config.contextLength, channels: config.channels, cases },
  };
};

export const cacheExact: Run = () => {
  const { contextLength: T, vocabSize: V } = tiny;
  const { model, buffers } = untrained(tiny, { kernels: reference });
  const ids = randomIds(T, V);
  buffers.inputs.data.set(ids);
  const full = model.forward(buffers.inputs, { batch: 1, time: T }).data.slice();
  const equalIn = (chunk: number): number => {
    model.cache.truncate(0, 0);
    let equal = 0;
    for (let from = 0; from < T; from += chunk) {
      const part = ids.subarray(from, from + chunk);
      const logits = model.extend(new Array(part.length).fill(0), part).data;
      for (let i = 0; i < part.length * V; i++) equal += Number(Object.is(logits[i], full[from * V + i]));
    }
    return equal;
  };
  const chunks = [1, 3, T].map((chunk) => ({ chunk, equal: equalIn(chunk), of: T * V }));
  return {
    found: `Read ${chunks.map(({ chunk }) => chunk).join(', ')} tokens at a time, ${chunks.map(({ equal }) => equal).join(', ')} of ${T * V} logits are those of one full pass, to the bit. This is made so: both add the same numbers in the same order. Once a text is longer than the context the policies differ, and so do their texts: that is what --context-policy chooses.`,
    confirmed: chunks.every(({ equal, of }) => equal === of),
    numbers: { chunks },
  };
};
