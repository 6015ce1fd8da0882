/** Ctrl+C, SIGTERM and a closed terminal (SIGHUP) ask a run to stop after its step; a second one leaves at once.
 *
 * The second is left to the system: a handler would only run once the work at hand, be it a long one, is over. */
import { constants } from 'node:os';

const names = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;
type StopName = (typeof names)[number];

export class StopSignal {
  requested: StopName | undefined;
  readonly #onStop = (name: StopName): void => {
    this.requested = name;
    this.dispose();
  };

  constructor() {
    for (const name of names) process.on(name, this.#onStop);
  }

  /** 130 for SIGINT, 143 for SIGTERM, 129 for SIGHUP. */
  get exitCode(): number {
    return this.requested === undefined ? 0 : 128 + constants.signals[this.requested];
  }

  /** Lets the process end as the signal says; for when all is saved and given back.
   *
   * Node puts the terminal in order when it exits and aborts (SIGABRT, 134) where that is closed. So a closed terminal's
   * signal is sent once more, for the system to end the process with. */
  leave(): void {
    process.exitCode = this.exitCode;
    if (this.requested === 'SIGHUP') process.kill(process.pid, 'SIGHUP');
  }

  dispose(): void {
    for (const name of names) process.off(name, this.#onStop);
  }
}
