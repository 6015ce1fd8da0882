/** What the tests of all stages share: random settings for them, and the stages once more over plain arrays. */
import fc from 'fast-check';
import type { History } from '../../src/sample/edits.ts';
import { noCandidates } from '../../src/sample/sampler.ts';
import type { SamplingSettings } from '../../src/sample/settings.ts';
import { exp, log } from '../../src/tensor/math.ts';
import { historyOf, oracleDraw } from './support.ts';

/** The vocabulary of the random rows. */
export const V = 8;
export const eightLogits = fc
  .array(fc.integer({ min: -40, max: 40 }), { minLength: V, maxLength: V })
  .map((row) => Float32Array.from(row, (x) => x / 8));
export const histories = fc
  .tuple(fc.array(fc.nat(V - 1), { maxLength: 5 }), fc.array(fc.nat(V - 1), { maxLength: 8 }))
  .map(([prompt, generated]) => historyOf(prompt, generated));
const tokens = fc.array(fc.nat(V - 1), { maxLength: 3 });
const share = fc.double({ min: 0.05, max: 1, noNaN: true });

export const settingsOfAll: fc.Arbitrary<Partial<SamplingSettings>> = fc.record(
  {
    temperature: fc.constantFrom(0, 0.5, 1, 2),
    topK: fc.nat(V),
    topP: share,
    minP: fc.double({ min: 0, max: 0.5, noNaN: true }),
    typicalP: share,
    allowedTokens: fc.array(fc.nat(V - 1), { minLength: 3, maxLength: V }),
    bannedTokens: tokens,
    bannedSequences: fc.array(fc.array(fc.nat(V - 1), { minLength: 1, maxLength: 3 }), { maxLength: 4 }),
    eosTokens: tokens,
    stopTokens: tokens,
    minNewTokens: fc.nat(6),
    noRepeatNgram: fc.nat(3),
    logitBias: fc.array(fc.tuple(fc.nat(V - 1), fc.integer({ min: -8, max: 8 })), { maxLength: 3 }),
    repetitionPenalty: fc.constantFrom(0.5, 1, 1.25, 2),
    penaltyMode: fc.constantFrom('logits', 'logprobs'),
    penaltyLastN: fc.integer({ min: -1, max: 6 }),
    frequencyPenalty: fc.constantFrom(0, 0.5, -1),
    presencePenalty: fc.constantFrom(0, 0.25, 2),
    onExhausted: fc.constantFrom('stop', 'relax'),
  },
  { requiredKeys: [] },
);

/** The documented stages once more: maps and sorts over (id, logit) pairs. */
export function stagesOracle(logits: Float32Array, history: History, s: SamplingSettings, u: number): number {
  const all = Array.from(history.ids).slice(0, history.length);
  const generated = all.slice(history.promptLength);
  const ends = (start: readonly number[]): boolean =>
    start.length <= all.length && start.every((id, i) => all[all.length - start.length + i] === id);
  const grams = all
    .map((_, i) => all.slice(i, i + s.noRepeatNgram))
    .filter((g) => g.length === s.noRepeatNgram);
  const survives = (id: number, relaxed: number): boolean => {
    if (s.allowedTokens !== undefined && !s.allowedTokens.includes(id)) return false;
    if (s.bannedTokens.includes(id)) return false;
    if (relaxed < 1 && s.noRepeatNgram > 0) {
      if (grams.some((g) => g.at(-1) === id && ends(g.slice(0, -1)))) return false;
    }
    if (relaxed === 2) return true;
    if (s.bannedSequences.some((q) => q.at(-1) === id && ends(q.slice(0, -1)))) return false;
    return generated.length >= s.minNewTokens || ![...s.eosTokens, ...s.stopTokens].includes(id);
  };
  let entries: { id: number; z: number }[] = [];
  for (let relaxed = 0; relaxed <= (s.onExhausted === 'relax' ? 2 : 0) && entries.length === 0; relaxed++) {
    entries = Array.from(logits, (z, id) => ({ id, z })).filter((e) => survives(e.id, relaxed));
  }
  if (entries.length === 0) return noCandidates;
  for (const [id, bias] of s.logitBias) for (const e of entries) if (e.id === id) e.z += bias;
  const most = Math.max(...entries.map((e) => e.z));
  const logSum = most + log(entries.reduce((sum, e) => sum + exp(e.z - most), 0));
  const shift = s.penaltyMode === 'logprobs' && s.repetitionPenalty !== 1 ? logSum : 0;
  const window = new Set(
    s.penaltyLastN === -1 ? all : all.slice(all.length - Math.min(all.length, s.penaltyLastN)),
  );
  for (const e of entries) {
    const n = generated.filter((id) => id === e.id).length;
    const z = e.z - shift;
    if (window.has(e.id) && s.repetitionPenalty !== 1) {
      e.z = (z < 0 ? z * s.repetitionPenalty : z / s.repetitionPenalty) + shift;
    }
    if (n > 0) e.z -= s.frequencyPenalty * n + s.presencePenalty;
  }
  const ranked = [...entries].sort((a, b) => b.z - a.z || a.id - b.id);
  if (s.temperature === 0) return ranked[0]!.id;
  const max = ranked[0]!.z;
  let kept = ranked.map((e) => ({ id: e.id, logit: e.z, weight: exp((e.z - max) / s.temperature) }));
  if (s.topK > 0) kept = kept.slice(0, s.topK);
  const total = (): number => kept.reduce((sum, e) => sum + e.weight, 0);
  const reach = (p: number): void => {
    const limit = p - 1e-6;
    const whole = total();
    let ahead = 0;
    kept = kept.filter((e, i) => {
      const inside = i === 0 || ahead / whole < limit;
      ahead += e.weight;
      return inside;
    });
  };
  if (s.topP < 1) reach(s.topP);
  kept = kept.filter((e) => e.weight >= s.minP);
  if (s.typicalP < 1) {
    const whole = total();
    const H = kept.reduce((sum, e) => sum - (e.weight / whole) * Math.log(e.weight / whole), 0);
    const far = (e: { weight: number }): number =>
      Math.round(1e9 * Math.abs(-Math.log(e.weight / whole) - H));
    kept = kept.sort((a, b) => far(a) - far(b) || a.id - b.id);
    reach(s.typicalP);
  }
  return oracleDraw(
    kept.sort((a, b) => a.id - b.id),
    u,
  );
}
