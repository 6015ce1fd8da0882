/** What each stage of the sampler did on the way to one token, to see its settings at work. */
import { exp, log } from '../tensor/math.ts';
import type { Floats } from '../tensor/tensor.ts';
import { type Candidates, entropyOf, totalWeight } from './candidates.ts';
import { logSumExp } from './edits.ts';

export interface StageTrace {
  /** As in `stagesOf`: masks or a cut, for no other stage drops tokens. */
  readonly name: string;
  /** Candidates left after the stage. */
  readonly kept: number;
  /** Their share of the probability: for masks, of the model's own distribution; for a cut, of the distribution that the
   *  first cut began with. */
  readonly mass: number;
}

/** Give the same one to every call of `Sampler.next`: each overwrites it. */
export class Trace {
  /** The stages that were on, in their order; masks always are. */
  stages: StageTrace[] = [];
  /** How far masks were lifted to leave a token: 0 not at all, 1 noRepeatNgram, 2 all that may be. See onExhausted. */
  relaxed = 0;
  /** In nats, of the distribution at the temperature, after masks and penalties, before any cut. */
  entropy = 0;
  token = -1;
  /** The token's place in the ranking before any cut: 1 is the best; 0 where there is no token. */
  rank = 0;
  /** log softmax(logits) at the token, of the logits as the model gave them. */
  rawLogProbability = Number.NaN;
  /** log of the probability with which the token was drawn: 0 for a greedy one. */
  logProbability = Number.NaN;
  #logits: Floats = new Float64Array(0);
  #logSum = 0;
  #total = 0;
  #ids = new Int32Array(0);
  #ranking = new Float64Array(0);

  /** Starts a step with the model's logits. */
  begin(logits: Floats): void {
    this.stages = [];
    this.#logits = logits;
    this.#logSum = logSumExp(logits);
    [this.relaxed, this.entropy] = [0, 0];
    [this.token, this.rank] = [-1, 0];
    [this.rawLogProbability, this.logProbability] = [Number.NaN, Number.NaN];
  }

  /** `c` holds what masks, bias and penalties left. */
  edited(c: Candidates, relaxed: number): void {
    this.relaxed = relaxed;
    this.#ids = c.ids.slice(0, c.count);
    this.#ranking = c.logits.slice(0, c.count);
    const mass = this.#ids.reduce((sum, id) => sum + exp(this.#raw(id)), 0);
    this.stages.push({ name: 'masks', kept: c.count, mass });
  }

  /** The same, with weights at its temperature. */
  weighed(c: Candidates): void {
    this.entropy = entropyOf(c);
    this.#total = totalWeight(c);
  }

  /** `c` holds what a cut left. */
  cut(name: string, c: Candidates): void {
    this.stages.push({ name, kept: c.count, mass: totalWeight(c) / this.#total });
  }

  /** Ends a step with the token that was drawn from `c`. */
  end(token: number, c: Candidates): void {
    const drawn = c.ids.subarray(0, c.count).indexOf(token);
    const at = this.#ids.indexOf(token);
    const z = this.#ranking[at];
    this.token = token;
    this.rank = this.#ranking.reduce(
      (place, other, i) => place + (other > z || (other === z && i < at) ? 1 : 0),
      1,
    );
    this.rawLogProbability = this.#raw(token);
    this.logProbability = log(c.weights[drawn]) - log(totalWeight(c));
  }

  #raw(id: number): number {
    return this.#logits[id] - this.#logSum;
  }
}
