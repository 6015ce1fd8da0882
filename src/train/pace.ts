/** How fast a run goes and when it will be done, as far as that is known. */

/** The first steps are slow, since the engine is still translating the code: these are forgotten, */
const warmUp = { seconds: 1, steps: 10 };
/** and before this much nothing is said. */
const enough = { seconds: 2, steps: 30 };
/** The average is over about this much time, or as many steps where these take longer. */
const memory = { seconds: 5, steps: 30 };

/** Seconds a step, an average in which older steps count less and less. */
export class Pace {
  #steps = 0;
  #seconds = 0;
  #recentSteps = 0;
  #recentSeconds = 0;
  #rest = 0;
  #warm = false;

  /** @param seconds what the last step took */
  add(seconds: number): void {
    const keep = this.#warm ? Math.exp(-Math.min(seconds / memory.seconds, 1 / memory.steps)) : 1;
    this.#recentSteps = keep * this.#recentSteps + 1;
    this.#recentSeconds = keep * this.#recentSeconds + seconds;
    this.#steps += 1;
    this.#seconds += seconds;
    if (this.#warm || !this.#has(warmUp)) return;
    this.#warm = true;
    this.#recentSteps = 0;
    this.#recentSeconds = 0;
  }

  /** @param seconds spent between steps: on evaluations, samples and checkpoints */
  addRest(seconds: number): void {
    this.#rest += seconds;
  }

  tokensPerSecond(tokensPerStep: number): number {
    return tokensPerStep / this.#secondsAStep;
  }

  /** null while it is not known. */
  secondsLeft(stepsLeft: number): number | null {
    return this.#has(enough) ? stepsLeft * (this.#secondsAStep + this.#rest / this.#steps) : null;
  }

  get #secondsAStep(): number {
    return this.#recentSteps === 0 ? this.#seconds / this.#steps : this.#recentSeconds / this.#recentSteps;
  }

  #has({ seconds, steps }: { readonly seconds: number; readonly steps: number }): boolean {
    return this.#seconds >= seconds && this.#steps >= steps;
  }
}

/** Below this an estimate is not worth a line, nor is an error of it. */
const worthSaying = 10;
const mostError = 0.5;

/** When to tell the end of the run: once it is known, and again where what was told has turned out to be wrong by much. */
export class Forecast {
  #told: number | undefined;

  /** @param now seconds on any clock */
  isNews(now: number, secondsLeft: number): boolean {
    const end = now + secondsLeft;
    const right =
      this.#told === undefined
        ? secondsLeft < worthSaying
        : Math.abs(end - this.#told) <= Math.max(worthSaying, mostError * secondsLeft);
    if (!right) this.#told = end;
    return !right;
  }
}
