/** How many steps fit into a time, from what each part of a run costs on this machine. */

/** Seconds. */
export interface RunCosts {
  readonly step: number;
  /** An evaluation with the best checkpoint it may leave, once in `evalEvery` steps. */
  readonly evaluation: number;
  readonly evalEvery: number;
  readonly checkpoint: number;
  readonly checkpointEvery: number;
  /** What every run needs however long it is: counting n-grams, the last evaluation, the sample. */
  readonly once: number;
}

/** What a run of so many steps takes. */
export function secondsOf(steps: number, costs: RunCosts): number {
  return steps * eachStep(costs) + costs.once;
}

/** The largest number of steps whose cost stays within `seconds`; at least 1. */
export function stepsWithin(seconds: number, costs: RunCosts): number {
  return Math.max(1, Math.floor((seconds - costs.once) / eachStep(costs)));
}

/** A step with its share of what happens only now and then. */
function eachStep({ step, evaluation, evalEvery, checkpoint, checkpointEvery }: RunCosts): number {
  return step + evaluation / evalEvery + checkpoint / checkpointEvery;
}
