/** Properties of the core sampler over awkward rows, each against a definition or an oracle that sorts everything. */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { Candidates } from '../../src/sample/candidates.ts';
import { applyTemperature, keepTopK } from '../../src/sample/cuts.ts';
import { noCandidates } from '../../src/sample/sampler.ts';
import { exp } from '../../src/tensor/math.ts';
import {
  distribution,
  entries,
  historyOf,
  idsOf,
  loaded,
  logitRows,
  next,
  oracle,
  oracleDraw,
  probabilities,
  samplerOf,
  settingsRows,
  tameRows,
  temperatures,
  uniforms,
  weightsOf,
} from './support.ts';

const run = { seed: 20240607, numRuns: 1000 };
const entropy = (c: Candidates): number =>
  entries(c).reduce((sum, [, p]) => sum - (p > 0 ? p * Math.log(p) : 0), 0);
const cold = { temperature: 0, topK: 0, topP: 1 };
const begun = historyOf([]);
/** The best token: the lowest id of those with the largest logit. */
const best = (c: Candidates): number => {
  const logits = [...c.logits.subarray(0, c.count)];
  return c.ids[logits.indexOf(Math.max(...logits))]!;
};

describe('the whole sampler', () => {
  test('equals the oracle bit for bit: kept ids, weights, and the token drawn', () => {
    fc.assert(
      fc.property(logitRows, settingsRows, uniforms, (logits, settings, u) => {
        const kept = oracle(logits, settings);
        const token = next(settings, logits, begun, u);
        if (kept.length === 0) return expect(token).toBe(noCandidates);
        const c = distribution(logits, settings);
        expect(idsOf(c)).toEqual(kept.map((e) => e.id));
        expect(weightsOf(c)).toEqual(kept.map((e) => e.weight));
        expect([...c.logits.subarray(0, c.count)]).toEqual(kept.map((e) => e.logit));
        expect(token).toBe(oracleDraw(kept, u));
      }),
      { ...run, numRuns: 4000 },
    );
  });

  test('top-k first, as without a trace, is bitwise the same as temperature first, as the oracle does', () => {
    fc.assert(
      fc.property(logitRows, settingsRows, (logits, { temperature, topK }) => {
        const c = loaded(logits);
        applyTemperature(c, temperature);
        if (topK > 0) keepTopK(c, topK);
        const other = distribution(logits, { temperature, topK });
        expect(idsOf(c)).toEqual(idsOf(other));
        expect(weightsOf(c)).toEqual(weightsOf(other));
      }),
      run,
    );
  });

  test('no-op settings change no byte: top-k 0 or V, top-p 1', () => {
    fc.assert(
      fc.property(logitRows, temperatures, (logits, temperature) => {
        const plain = loaded(logits);
        applyTemperature(plain, temperature);
        for (const topK of [0, logits.length, logits.length + 1]) {
          const c = distribution(logits, { temperature, topK, topP: 1 });
          expect(idsOf(c)).toEqual(idsOf(plain));
          expect(weightsOf(c)).toEqual(weightsOf(plain));
        }
      }),
      run,
    );
  });

  test('relabelling the tokens relabels what is kept, and permutes the weights exactly', () => {
    const rows = fc.uniqueArray(fc.integer({ min: -60, max: 60 }), { minLength: 1, maxLength: 30 });
    fc.assert(
      fc.property(rows, settingsRows, fc.infiniteStream(fc.nat()), (values, settings, numbers) => {
        const logits = Float32Array.from(values, (x) => x / 8);
        const order = [...logits.keys()];
        for (let i = order.length - 1; i > 0; i--) {
          const j = numbers.next().value! % (i + 1);
          [order[i], order[j]] = [order[j]!, order[i]!];
        }
        const relabelled = Float32Array.from(order, (id) => logits[id]!);
        const c = distribution(logits, settings);
        const other = distribution(relabelled, settings);
        const byOldId = idsOf(other).map((id, i) => [order[id]!, other.weights[i]!] as const);
        expect(byOldId.sort((a, b) => a[0] - b[0])).toEqual(idsOf(c).map((id, i) => [id, c.weights[i]!]));
      }),
      run,
    );
  });

  test('temperature 0, top-k 1 and top-p 0 take the same token at every temperature and uniform', () => {
    fc.assert(
      fc.property(logitRows, settingsRows, uniforms, (logits, settings, u) => {
        const greedy = next({ ...settings, temperature: 0 }, logits, begun, u);
        const max = logits.reduce((m, z) => Math.max(m, z), -Infinity);
        expect(greedy).toBe(max === -Infinity ? noCandidates : logits.indexOf(max));
        expect(next({ ...settings, topK: 1 }, logits, begun, u)).toBe(greedy);
        expect(next({ ...settings, topP: 0 }, logits, begun, u)).toBe(greedy);
      }),
      run,
    );
  });
});

describe('the softmax', () => {
  test('sums to 1, and is monotone in the logits', () => {
    fc.assert(
      fc.property(logitRows, temperatures, (logits, temperature) => {
        const c = distribution(logits, { temperature });
        if (c.count === 0) return;
        const p = entries(c);
        expect(Math.abs(p.reduce((sum, [, x]) => sum + x, 0) - 1)).toBeLessThan(1e-12);
        for (const [a, x] of p) {
          for (const [b, y] of p) if (logits[a]! > logits[b]!) expect(x).toBeGreaterThanOrEqual(y);
        }
      }),
      { ...run, numRuns: 300 },
    );
  });

  test('is exactly invariant to an integer shift, and finite at logits near 1e30', () => {
    const rows = fc.array(fc.integer({ min: -1000, max: 1000 }), { minLength: 1, maxLength: 30 });
    fc.assert(
      fc.property(rows, fc.integer({ min: -4096, max: 4096 }), (values, shift) => {
        const at = (by: number) =>
          distribution(
            Float32Array.from(values, (x) => x / 64 + by),
            {},
          );
        expect(weightsOf(at(shift))).toEqual(weightsOf(at(0)));
        for (const far of [1e30, -1e30]) expect(weightsOf(at(far)).every(Number.isFinite)).toBe(true);
      }),
      run,
    );
  });

  test('of one logit is 1', () => {
    expect(entries(distribution(Float32Array.of(-77), {}))).toEqual([[0, 1]]);
  });

  test('agrees with the rational softmax of logs: weights 1 .. 9 over 45', () => {
    const logits = Float64Array.from({ length: 9 }, (_, i) => Math.log(i + 1));
    for (const [id, p] of entries(distribution(logits, {}))) expect(p).toBeCloseTo((id + 1) / 45, 14);
  });
});

describe('temperature', () => {
  test('never changes which token is best, nor the ranking', () => {
    fc.assert(
      fc.property(logitRows, temperatures, fc.nat(45), (logits, temperature, k) => {
        const c = distribution(logits, { temperature });
        if (c.count === 0) return;
        expect(c.weights[idsOf(c).indexOf(best(c))]).toBe(1); // the largest a weight can be
        expect(idsOf(distribution(logits, { temperature, topK: k }))).toEqual(
          idsOf(distribution(logits, { topK: k })),
        );
      }),
      run,
    );
  });

  test('raised, never lowers the entropy', () => {
    const T = fc.double({ min: 0.1, max: 10, noNaN: true });
    fc.assert(
      fc.property(tameRows, T, T, (logits, a, b) => {
        const [lower, higher] = [Math.min(a, b), Math.max(a, b)];
        expect(entropy(distribution(logits, { temperature: higher }))).toBeGreaterThanOrEqual(
          entropy(distribution(logits, { temperature: lower })) - 1e-9,
        );
      }),
      run,
    );
  });

  test('S then T is S * T', () => {
    const T = fc.double({ min: 0.2, max: 5, noNaN: true });
    fc.assert(
      fc.property(tameRows, T, T, (logits, first, second) => {
        const once = entries(distribution(logits, { temperature: first * second }));
        const twice = entries(
          distribution(
            Float64Array.from(logits, (z) => z / first),
            { temperature: second },
          ),
        );
        for (const [i, [, p]] of once.entries()) expect(Math.abs(p - twice[i]![1])).toBeLessThan(1e-12);
      }),
      run,
    );
  });

  test('1 leaves e^(z - max z) to the bit; towards 0 the best token takes all', () => {
    fc.assert(
      fc.property(logitRows, (logits) => {
        const c = distribution(logits, { temperature: 1 });
        for (let i = 0; i < c.count; i++) expect(c.weights[i]).toBe(exp(logits[c.ids[i]!]! - c.max));
        const frozen = distribution(logits, { temperature: Number.MIN_VALUE });
        for (let i = 0; i < frozen.count; i++) {
          expect(frozen.weights[i]).toBe(frozen.logits[i] === frozen.max ? 1 : 0);
        }
      }),
      run,
    );
  });
});

describe('top-k', () => {
  const ks = fc.integer({ min: 1, max: 45 });
  const kept = (logits: Float32Array, topK: number): number[] => idsOf(distribution(logits, { topK }));

  test('keeps exactly min(k, unmasked) tokens, none worse than one it dropped', () => {
    fc.assert(
      fc.property(logitRows, ks, (logits, k) => {
        const ids = kept(logits, k);
        expect(ids.length).toBe(Math.min(k, logits.filter((z) => z > -Infinity).length));
        const worst = Math.min(...ids.map((id) => logits[id]!));
        for (const [id, z] of logits.entries()) if (!ids.includes(id)) expect(z).toBeLessThanOrEqual(worst);
      }),
      run,
    );
  });

  test('is nested in k, and idempotent', () => {
    fc.assert(
      fc.property(logitRows, ks, (logits, k) => {
        const ids = kept(logits, k);
        expect(kept(logits, k + 1)).toEqual(expect.arrayContaining(ids));
        const c = distribution(logits, { topK: k });
        keepTopK(c, k);
        expect(idsOf(c)).toEqual(ids);
      }),
      run,
    );
  });
});

describe('top-p', () => {
  test('holds at least p, and without its last token less than p', () => {
    fc.assert(
      fc.property(tameRows, probabilities, (logits, p) => {
        const all = entries(distribution(logits, {}));
        const ids = idsOf(distribution(logits, { topP: p }));
        const inside = all.filter(([id]) => ids.includes(id)).map(([, x]) => x);
        const mass = inside.reduce((sum, x) => sum + x, 0);
        expect(mass).toBeGreaterThanOrEqual(p - 1e-6 - 1e-12);
        if (p < 1 && ids.length > 1) expect(mass - Math.min(...inside)).toBeLessThan(p);
      }),
      run,
    );
  });

  test('is nested in p, never empty, and always contains the best token', () => {
    fc.assert(
      fc.property(logitRows, temperatures, probabilities, probabilities, (logits, temperature, a, b) => {
        const all = loaded(logits);
        if (all.count === 0) return;
        const ids = (p: number): number[] => idsOf(distribution(logits, { temperature, topP: p }));
        expect(ids(Math.max(a, b))).toEqual(expect.arrayContaining(ids(Math.min(a, b))));
        expect(ids(a)).toContain(best(all));
      }),
      run,
    );
  });

  test('keeps a front part of the ranking', () => {
    fc.assert(
      fc.property(logitRows, temperatures, probabilities, (logits, temperature, topP) => {
        const ids = idsOf(distribution(logits, { temperature, topP }));
        if (ids.length > 0) expect(ids).toEqual(idsOf(distribution(logits, { topK: ids.length })));
      }),
      run,
    );
  });
});

test('one sampler serves any number of rows: it gives what a fresh one gives', () => {
  fc.assert(
    fc.property(
      settingsRows,
      fc.array(fc.tuple(logitRows, uniforms), { maxLength: 6 }),
      (settings, calls) => {
        const shared = [samplerOf(settings, 12), samplerOf(cold, 12)];
        for (const [row, u] of calls) {
          const logits = new Float32Array(12).fill(-Infinity);
          logits.set(row.subarray(0, 12));
          const before = logits.slice();
          for (const sampler of shared) {
            const token = sampler.next(sampler.start(), logits, begun, u);
            expect(token).toBe(next(sampler.settings, logits, begun, u));
          }
          expect(logits).toEqual(before);
        }
      },
    ),
    run,
  );
});
