/** From logits to one token, in stages that always come in this order:
 *
 *     edits         masks, bias, penalties   change the logits: what must not come, what should come more or less often
 *     temperature                            makes weights of them: w_i = e^((z_i - max z) / T)
 *     cuts          greedy, top-k, top-p, min-p, typical, mirostat: drop the unlikely tail
 *     draw                                   takes one of the tokens left, in proportion to their weights
 *
 * The same logits, settings, history and uniform number give the same token. A token costs no allocation: every stage
 * works on arrays that were made once. edits.ts and cuts.ts say what each stage computes, and whose idea it was. */
import type { Floats } from '../tensor/tensor.ts';
import { Candidates, load, totalWeight } from './candidates.ts';
import {
  applyTemperature,
  firstMu,
  keepMinP,
  keepTopK,
  keepTopP,
  keepTypical,
  keepUnsurprising,
  nextMu,
  surpriseOf,
} from './cuts.ts';
import { addBias, type History, masksOf, penalizeFrequency, penalizeRepetition } from './edits.ts';
import { SamplerError, type SamplingSettings } from './settings.ts';
import type { Trace } from './trace.ts';

/** The answer where no token is left to draw. */
export const noCandidates = -1;

/** What a text must remember from token to token: plain data, to be copied with `{ ...state }` and stored as JSON. */
export interface SamplerState {
  /** Mirostat's bar, in bits. */
  mu: number;
}

interface Stage {
  readonly name: string;
  /** Whether the settings ask for it. */
  readonly on: boolean;
}
interface Edit extends Stage {
  /** Changes the logits (V) in place. `relaxed` says how far masks are lifted, see onExhausted. */
  readonly edit: (logits: Float64Array, history: History, relaxed: number) => void;
  /** How many of the newest tokens it looks at. */
  readonly sees: number;
}
interface Cut extends Stage {
  /** Drops candidates, never all of them. */
  readonly keep: (c: Candidates, state: SamplerState) => void;
  /** Looks only at how tokens rank, which no temperature changes. */
  readonly byRank?: true;
  /** Updates the state once a token has been drawn. */
  readonly learn?: (c: Candidates, state: SamplerState, token: number) => void;
}

/** The stages before and after the temperature, in their order, with those that are off. A new stage is an entry here. */
export function stagesOf(s: SamplingSettings, V: number): { readonly edits: Edit[]; readonly cuts: Cut[] } {
  const [counts, scores] = [new Int32Array(V), new Float64Array(V)];
  const masks = masksOf(s);
  const greedy = s.temperature === 0; // the limit T -> 0: the best token has all the weight, and nothing is left to cut
  let total = 0; // of the weights before mirostat's cut: it measures surprise in the whole distribution
  return {
    edits: [
      {
        name: 'masks',
        on: masks.length > 0,
        sees: Math.max(0, ...masks.map(({ sees = 0 }) => sees)),
        edit: (z, history, relaxed) => {
          for (const { lifted = 3, mask } of masks) if (relaxed < lifted) mask(z, history);
        },
      },
      { name: 'bias', on: s.logitBias.length > 0, sees: 0, edit: (z) => addBias(z, s.logitBias) },
      {
        name: 'repetition',
        on: s.repetitionPenalty !== 1,
        sees: Infinity,
        edit: (z, history) => penalizeRepetition(z, counts, history, s),
      },
      {
        name: 'frequency',
        on: s.frequencyPenalty !== 0 || s.presencePenalty !== 0,
        sees: Infinity,
        edit: (z, history) => penalizeFrequency(z, counts, history, s),
      },
    ],
    cuts: [
      { name: 'greedy', on: greedy, byRank: true, keep: (c) => keepTopK(c, 1) },
      { name: 'topK', on: !greedy && s.topK > 0, byRank: true, keep: (c) => keepTopK(c, s.topK) },
      { name: 'topP', on: !greedy && s.topP < 1, keep: (c) => keepTopP(c, s.topP) },
      { name: 'minP', on: !greedy && s.minP > 0, keep: (c) => keepMinP(c, s.minP) },
      { name: 'typicalP', on: !greedy && s.typicalP < 1, keep: (c) => keepTypical(c, scores, s.typicalP) },
      {
        name: 'mirostat',
        on: !greedy && s.mirostatTarget > 0,
        keep: (c, state) => {
          total = totalWeight(c);
          keepUnsurprising(c, state.mu);
        },
        learn: (c, state, token) => {
          state.mu = nextMu(state.mu, surpriseOf(c, token, total), s.mirostatTarget, s.mirostatRate);
        },
      },
    ],
  };
}

/** Draws tokens by its settings. One sampler serves any number of texts, in any order; each text has a state of its own. */
export class Sampler {
  readonly settings: SamplingSettings;
  /** What the last call left; after `next`, what the token was drawn from. */
  readonly candidates: Candidates;
  /** How many of the newest tokens of a text its next one may depend on, beside what the model sees. */
  readonly memory: number;
  readonly #logits: Float64Array;
  readonly #edits: readonly Edit[];
  readonly #temperature: number;
  readonly #cuts: readonly Cut[];
  readonly #rankCut: Cut | undefined;

  /** @param settings as `samplingSettings` checked them for this vocabulary */
  constructor(V: number, settings: SamplingSettings) {
    this.settings = settings;
    this.candidates = new Candidates(V);
    this.#logits = new Float64Array(V);
    const { edits, cuts } = stagesOf(settings, V);
    this.#edits = edits.filter(({ on }) => on);
    this.memory = Math.max(0, ...this.#edits.map(({ sees }) => sees));
    this.#temperature = settings.temperature || Number.MIN_VALUE;
    this.#cuts = cuts.filter(({ on }) => on);
    this.#rankCut = this.#cuts.find(({ byRank }) => byRank);
  }

  /** The state before a text's first token. */
  start(): SamplerState {
    return { mu: firstMu(this.settings.mirostatTarget) };
  }

  /** The next token id of a text, or `noCandidates`; its state moves on. A logit of -Infinity masks its token; NaN and
   * +Infinity are errors. The history is the whole text so far, not only what the model sees of it.
   * @param uniform from [0, 1): all the chance there is */
  next(state: SamplerState, logits: Floats, history: History, uniform: number, trace?: Trace): number {
    const c = this.prepare(logits, history, trace);
    if (c.count === 0) return noCandidates;
    if (trace === undefined) this.#rankCut?.keep(c, state); // as good now as after the temperature, and fewer exponentials
    applyTemperature(c, this.#temperature);
    trace?.weighed(c);
    for (const { name, keep } of this.#cuts) {
      keep(c, state);
      trace?.cut(name, c);
    }
    const token = draw(c, uniform);
    for (const { learn } of this.#cuts) learn?.(c, state, token);
    trace?.end(token, c);
    return token;
  }

  /** The edits alone, for beam search: the candidates that they leave, without weights. */
  prepare(logits: Floats, history: History, trace?: Trace): Candidates {
    const c = this.candidates;
    load(c, logits); // checks every logit, also those about to be masked
    trace?.begin(logits);
    const { onExhausted } = this.settings;
    for (let relaxed = 0; relaxed <= (onExhausted === 'relax' ? 2 : 0); relaxed++) {
      if (this.#edits.length > 0) {
        this.#logits.set(logits);
        for (const { edit } of this.#edits) edit(this.#logits, history, relaxed);
        load(c, this.#logits);
      }
      if (c.count > 0) {
        trace?.edited(c, relaxed);
        return c;
      }
    }
    if (onExhausted !== 'throw') return c;
    throw new SamplerError('no-candidates', 'candidates', 'must be at least 1 after masks', 0);
  }
}

/** The first token by id at which the running sum of the weights exceeds uniform * total. A token of weight 0 is never drawn:
 *  it leaves the running sum as it was. */
export function draw(c: Candidates, uniform: number): number {
  if (!(uniform >= 0 && uniform < 1)) {
    throw new SamplerError('invalid-uniform', 'uniform', 'must be in [0, 1)', uniform);
  }
  const target = uniform * totalWeight(c);
  let sum = 0;
  let last = 0;
  for (let i = 0; i < c.count; i++) {
    if (c.weights[i] > 0) last = i;
    sum += c.weights[i];
    if (target < sum) return c.ids[i];
  }
  return c.ids[last]; // uniform * total was rounded up to total
}
