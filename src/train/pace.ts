/** How fast a run goes and when it will be done, as far as that is known. */

/** The first steps are slow, because the engine is still compiling: they are left out of the average, */
const warmUp = { seconds: 1, steps: 10 };
/** and until this much has passed no time left is given. */
const enough = { seconds: 2, steps: 30 };
/** The average is over about this much time, or over so many steps if they take longer. */
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

/** Seconds: less than this is not worth a line, neither as the time left nor as an error of it. */
const worthSaying = 10;
/** A share of the time left. */
const mostError = 0.5;

/** When to print the expected end of a run: once it is known, and again if it turns out to be far from what was
 * printed. */
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
