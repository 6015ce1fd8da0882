/** One token on its way out of a distribution, stage by stage: what the sampler does, written down.
 *
 * It takes microseconds, so a view calls it on the page's own thread, each time a slider moves. */
import type { Candidates } from '../sample/candidates.ts';
import { Sampler } from '../sample/sampler.ts';
import { type SamplingSettings, samplingSettings } from '../sample/settings.ts';
import { Trace } from '../sample/trace.ts';
import { RandomStream } from '../tensor/random.ts';
import type { Floats } from '../tensor/tensor.ts';

export type SamplerSettings = Partial<SamplingSettings>;

export interface Stage {
  /** 'temperature' is the distribution before any cut, with masks and penalties in it. */
  readonly name: string;
  /** By token id, 0 for what is not kept; they sum to 1. */
  readonly probabilities: Float64Array;
  readonly kept: number;
  /** Share of the stage 'temperature' that is left. */
  readonly mass: number;
}
export interface Draw {
  readonly stages: readonly Stage[];
  /** In [0, 1): where the dart hits the kept tokens, laid out by id. */
  readonly uniform: number;
  /** -1 if there is none to draw. */
  readonly token: number;
}

/** Draws one token. The dart is a function of (seed, drawn): how many tokens were drawn before this one.
 * @param history what was said so far, by id: the penalties look at all of it */
export function drawInStages(
  logits: Floats,
  settings: SamplerSettings,
  history: ArrayLike<number>,
  { seed, drawn = 0 }: { readonly seed: number; readonly drawn?: number },
): Draw {
  const V = logits.length;
  const sampler = new Sampler(V, samplingSettings(settings, V));
  const trace = new StageTrace(V);
  const uniform = new RandomStream(seed, 'sample').uniform(drawn, 0);
  const ids = Array.from(history);
  const past = { ids, length: ids.length, promptLength: 0 };
  const token = sampler.next(sampler.start(), logits, past, uniform, trace);
  return { stages: trace.seen, uniform, token };
}

/** The distribution that logits are, at temperature 1. */
export function softmax(logits: Floats): Float64Array {
  return drawInStages(logits, {}, [], { seed: 0 }).stages[0]!.probabilities;
}

/** The most probable ids, the best first, ties by id. Of many tokens only those are sorted that may be among them. */
export function mostProbable(probabilities: ArrayLike<number>, count: number): number[] {
  const better = (a: number, b: number) => probabilities[b]! - probabilities[a]! || a - b;
  let best: number[] = [];
  let least = -1;
  for (let id = 0; id < probabilities.length; id++) {
    if (!(probabilities[id]! > least)) continue;
    best.push(id);
    if (best.length < 2 * count) continue;
    best = best.sort(better).slice(0, count);
    least = probabilities[best[count - 1]!]!;
  }
  return best.sort(better).slice(0, count);
}

class StageTrace extends Trace {
  readonly seen: Stage[] = [];
  readonly #V: number;

  constructor(V: number) {
    super();
    this.#V = V;
  }

  override weighed(c: Candidates): void {
    super.weighed(c);
    this.#see('temperature', c, 1);
  }

  override cut(...[name, c]: Parameters<Trace['cut']>): void {
    super.cut(name, c);
    this.#see(name, c, this.stages.at(-1)!.mass);
  }

  #see(name: string, c: Candidates, mass: number): void {
    const probabilities = new Float64Array(this.#V);
    let total = 0;
    for (let i = 0; i < c.count; i++) total += c.weights[i]!;
    for (let i = 0; i < c.count; i++) probabilities[c.ids[i]!] = c.weights[i]! / total;
    this.seen.push({ name, probabilities, kept: c.count, mass });
  }
}
