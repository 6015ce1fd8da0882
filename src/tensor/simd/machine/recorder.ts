/** The kernels that operations launch, so that they can be launched again without the operations.
 *
 * A cached pass through a model is some forty launches with the same numbers for every token: only what lies at the
 * addresses changes. Checking shapes and working out numbers takes a fifth of its time. */

export class Recorder {
  #launches: (() => void)[] | undefined;
  #whole = true;

  /** @param again makes the launch that is to be repeated; called only while something is recorded */
  add(again: () => () => void): void {
    this.#launches?.push(again());
  }

  /** Says that something was computed in another way, so that launches are not all of it. */
  spoil(): void {
    this.#whole = false;
  }

  /** Runs `compute`; gives a function that launches the same kernels, or `compute` where they are not all of it. */
  record(compute: () => void): () => void {
    const launches: (() => void)[] = [];
    this.#launches = launches;
    this.#whole = true;
    try {
      compute();
    } finally {
      this.#launches = undefined;
    }
    if (!this.#whole) return compute;
    return () => {
      for (const launch of launches) launch();
    };
  }
}
