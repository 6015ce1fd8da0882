/** Ctrl+C and SIGTERM ask a run to stop after its step; a second one leaves at once.
 *
 * The second is left to the system: a handler would only run once the work at hand, be it a long one, is over. */
import { constants } from 'node:os';

type StopName = 'SIGINT' | 'SIGTERM';

export class StopSignal {
  requested: StopName | undefined;
  readonly #onStop = (name: StopName): void => {
    this.requested = name;
    this.dispose();
  };

  constructor() {
    process.on('SIGINT', this.#onStop);
    process.on('SIGTERM', this.#onStop);
  }

  /** 130 for SIGINT, 143 for SIGTERM. */
  get exitCode(): number {
    return this.requested === undefined ? 0 : 128 + constants.signals[this.requested];
  }

  dispose(): void {
    process.off('SIGINT', this.#onStop);
    process.off('SIGTERM', this.#onStop);
  }
}
