/** Ctrl+C (SIGINT), SIGTERM and a closed terminal (SIGHUP) ask a run to stop after its step. A second signal ends the
 * process at once.
 *
 * The second one is left to the system: a handler of ours would only run after the computation of the moment, which may
 * take long. */
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

  /** Makes the process end as the signal demands. To be called when everything is saved and released.
   *
   * When Node exits it restores the terminal's settings, and it aborts (SIGABRT, 134) if the terminal is closed. So
   * after SIGHUP the signal is sent again, and the system ends the process. */
  leave(): void {
    process.exitCode = this.exitCode;
    if (this.requested === 'SIGHUP') process.kill(process.pid, 'SIGHUP');
  }

  dispose(): void {
    for (const name of names) process.off(name, this.#onStop);
  }
}
