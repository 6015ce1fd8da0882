/** The full sampler: sampler.ts with masks, bias, penalties and further cuts around it, in one documented order.
 *
 *     1  masks          allowed and banned tokens, banned sequences, minimum length, repeated n-grams
 *     2  logit bias, then repetition, then frequency and presence penalties
 *     3  temperature    0 is greedy: the limit T -> 0, of which the best token is kept
 *     4  top-k    5  top-p    6  min-p    7  typical       or, instead of all four, mirostat
 *     8  draw
 *
 * A setting at its default skips its stage, so that without any this is `sample`, to the bit. The history is the whole
 * text so far, not the model's window. What must last from token to token is in ChainState, which the caller owns. */
import type { Floats } from '../tensor/tensor.ts';
import { Candidates } from './candidates.ts';
import { maskAllBut, maskRepeatedNgrams, maskSequences, maskTokens } from './masks.ts';
import { firstMu, keepUnsurprising, nextMu, surpriseOf } from './mirostat.ts';
import { addBias, type History, penalizeFrequency, penalizeRepetition } from './penalties.ts';
import { applyTemperature, draw, keepTopK, keepTopP, load, noCandidates, totalWeight } from './sampler.ts';
import type { SamplingSettings } from './settings.ts';
import { SamplerError } from './settings.ts';
import type { Trace } from './trace.ts';
import { keepMinP, keepTypical } from './truncation.ts';

/** One row's memory between tokens: plain data, to be copied with `{ ...state }` and stored as JSON. */
export interface ChainState {
  /** Mirostat's bar, in bits. */
  mu: number;
}

/** Settings and scratch for one vocabulary; one chain serves any number of rows, in any order. */
export class Chain {
  readonly settings: SamplingSettings;
  /** What the last call left; after `next`, what the token was drawn from. */
  readonly candidates: Candidates;
  readonly #logits: Float64Array;
  readonly #counts: Int32Array;
  readonly #scores: Float64Array;
  readonly #edits: boolean;

  /** @param settings as `samplingSettings` checked them for this vocabulary */
  constructor(vocabularySize: number, settings: SamplingSettings) {
    this.settings = settings;
    this.candidates = new Candidates(vocabularySize);
    this.#logits = new Float64Array(vocabularySize);
    this.#counts = new Int32Array(vocabularySize);
    this.#scores = new Float64Array(vocabularySize);
    this.#edits = editsLogits(settings);
  }

  /** The state before a row's first token. */
  start(): ChainState {
    return { mu: firstMu(this.settings.mirostatTarget) };
  }

  /** What masks, bias and penalties leave of the logits, without weights: for whoever decodes without drawing. */
  prepare(logits: Floats, history: History): Candidates {
    const c = this.candidates;
    load(c, logits);
    if (this.#edits) this.#edit(logits, history);
    if (c.count === 0) this.#exhausted();
    return c;
  }

  /** The next token id of a row, or `noCandidates`; its state moves on. The uniform, in [0, 1), is all the chance. */
  next(state: ChainState, logits: Floats, history: History, uniform: number, trace?: Trace): number {
    const c = this.candidates;
    load(c, logits); // checks every logit, also those about to be masked
    if (trace !== undefined) {
      applyTemperature(c, 1);
      trace.begin(c, logits);
    }
    const relaxed = this.#edits ? this.#edit(logits, history) : 0;
    if (c.count === 0) return this.#exhausted();
    this.#cut(relaxed, trace);
    const { temperature, mirostatTarget, mirostatRate } = this.settings;
    const mirostat = mirostatTarget > 0 && temperature > 0;
    const total = mirostat ? totalWeight(c) : 0; // before its cut: surprise is that of the whole distribution
    if (mirostat) {
      keepUnsurprising(c, state.mu);
      trace?.cut('mirostat', c);
    }
    const token = draw(c, uniform);
    if (mirostat) state.mu = nextMu(state.mu, surpriseOf(c, token, total), mirostatTarget, mirostatRate);
    trace?.end(token, c);
    return token;
  }

  #exhausted(): typeof noCandidates {
    if (this.settings.onExhausted !== 'throw') return noCandidates;
    throw new SamplerError('no-candidates', 'candidates', 'must be at least 1 after masks', 0);
  }

  /** Stages 1 and 2, on a copy. Returns how far masks had to be relaxed to leave a token. */
  #edit(logits: Floats, history: History): number {
    const { settings: s } = this;
    const z = this.#logits;
    const young = history.length - history.promptLength < s.minNewTokens;
    for (let relaxed = 0; ; relaxed++) {
      z.set(logits);
      if (s.allowedTokens !== undefined) maskAllBut(z, s.allowedTokens);
      maskTokens(z, s.bannedTokens);
      if (relaxed < 2) {
        maskSequences(z, history, s.bannedSequences);
        if (young) maskTokens(z, s.eosTokens);
        if (young) maskTokens(z, s.stopTokens);
      }
      if (relaxed < 1) maskRepeatedNgrams(z, history, s.noRepeatNgram);
      addBias(z, s.logitBias);
      penalizeRepetition(z, this.#counts, history, s);
      penalizeFrequency(z, this.#counts, history, s);
      load(this.candidates, z);
      if (this.candidates.count > 0 || s.onExhausted !== 'relax' || relaxed === 2) return relaxed;
    }
  }

  /** Stages 3 to 7, but for mirostat. */
  #cut(relaxed: number, trace: Trace | undefined): void {
    const c = this.candidates;
    const { temperature, topP, minP, typicalP } = this.settings;
    const greedy = temperature === 0;
    const topK = greedy ? 1 : this.settings.topK;
    if (trace === undefined) keepTopK(c, topK); // no temperature changes ranks: cut first, exponentiate less
    applyTemperature(c, greedy ? Number.MIN_VALUE : temperature);
    trace?.masked(c, relaxed);
    if (topK > 0) {
      keepTopK(c, topK);
      trace?.cut(greedy ? 'greedy' : 'topK', c);
    }
    if (greedy) return;
    if (topP < 1) {
      keepTopP(c, topP);
      trace?.cut('topP', c);
    }
    if (minP > 0) {
      keepMinP(c, minP);
      trace?.cut('minP', c);
    }
    if (typicalP < 1) {
      keepTypical(c, this.#scores, typicalP);
      trace?.cut('typicalP', c);
    }
  }
}

function editsLogits(s: SamplingSettings): boolean {
  return (
    s.allowedTokens !== undefined ||
    s.bannedTokens.length + s.bannedSequences.length + s.logitBias.length > 0 ||
    s.noRepeatNgram + s.minNewTokens > 0 ||
    s.repetitionPenalty !== 1 ||
    s.frequencyPenalty !== 0 ||
    s.presencePenalty !== 0
  );
}
