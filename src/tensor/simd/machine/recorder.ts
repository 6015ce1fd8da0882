/** The kernels that operations launch, so that they can be launched again without the operations.
 *
 * A cached pass through a model is some forty launches with the same numbers for every token: only what lies at the
 * addresses changes. */
import type { Func } from '../../wasm/assembler.ts';
import type { Work } from './engine.ts';

export interface Launch {
  readonly kernel: Func;
  readonly work: Work;
  /** Without from and to. */
  readonly args: readonly number[];
}

export class Recorder {
  #launches: Launch[] | undefined;
  #whole = true;

  add(launch: Launch): void {
    this.#launches?.push(launch);
  }

  /** Says that something was computed in another way, so that launches are not all of it. */
  spoil(): void {
    this.#whole = false;
  }

  /** Runs `compute`; returns what it launched, or undefined if that is not all of it. */
  record(compute: () => void): readonly Launch[] | undefined {
    const launches: Launch[] = [];
    this.#launches = launches;
    this.#whole = true;
    try {
      compute();
    } finally {
      this.#launches = undefined;
    }
    return this.#whole ? launches : undefined;
  }
}
