/** The most that the engine can do: a loop of multiply-adds that uses only registers, on one thread and on several at once.
 *
 * On several, because threads share clock, power or a core, which a single thread has for itself. */
import { Worker } from 'node:worker_threads';
import { peakKernel, peakRoundFlops } from '../src/tensor/simd/machine/peak.ts';
import type { Target } from '../src/tensor/simd/machine/target.ts';
import { assemble } from '../src/tensor/wasm/assembler.ts';
import { warmUp } from './measure.ts';

/** About a millisecond. */
const rounds = 100_000;
const pauseMilliseconds = 250;

export class Peak {
  readonly #module: WebAssembly.Module;
  readonly #loop: () => void;

  constructor(target: Target) {
    this.burstFlops = rounds * peakRoundFlops(target);
    this.#module = new WebAssembly.Module(assemble([peakKernel(target)]));
    this.#loop = peakLoop(this.#module, rounds);
  }

  /** One burst of `burstFlops` on this thread, to measure in turns with something else. */
  readonly burst = (): void => this.#loop();
  readonly burstFlops: number;

  warmUp(): void {
    warmUp(this.burst, 0.3);
  }

  /** GFLOP/s of all threads together, this one only waiting. */
  async together(threads: number): Promise<number> {
    const state = new Int32Array(new SharedArrayBuffer(4 * (1 + threads)));
    const code = `const { parentPort, workerData } = require('node:worker_threads');
      (${burstsUntilTold})(workerData, (${peakLoop})(workerData.module, ${rounds}), () => parentPort.postMessage(''));`;
    const workers = Array.from({ length: threads }, (_, i) => {
      const workerData = { state, index: 1 + i, module: this.#module };
      return new Worker(code, { eval: true, workerData, execArgv: [] });
    });
    const ended = workers.map((worker) => new Promise((resolve) => worker.once('exit', resolve)));
    await Promise.all(
      workers.map(
        (worker) =>
          new Promise<void>((resolve, reject) => {
            worker.once('message', () => resolve());
            worker.once('error', reject);
          }),
      ),
    );
    const sum = () => state.subarray(1).reduce((a, b) => a + b, 0);
    const [began, first] = [performance.now(), sum()];
    await new Promise((resolve) => setTimeout(resolve, pauseMilliseconds));
    const bursts = sum() - first;
    const seconds = (performance.now() - began) / 1000;
    Atomics.store(state, 0, 1);
    await Promise.all(ended);
    return (bursts * this.burstFlops) / seconds / 1e9;
  }
}

/** Uses nothing from outside, because it also runs in a worker, which gets it as text. */
function peakLoop(module: WebAssembly.Module, count: number): () => void {
  const memory = new WebAssembly.Memory({ initial: 1, maximum: 1, shared: true });
  const { exports } = new WebAssembly.Instance(module, { env: { memory } });
  const run = exports['peak'] as (out: number, rounds: number, a: number, b: number) => void;
  return () => run(0, count, 0.5, 0.5);
}

/** Uses nothing from outside either: counts its bursts in the shared state once it is warm, until state[0] says stop. */
function burstsUntilTold(
  { state, index }: { readonly state: Int32Array; readonly index: number },
  burst: () => void,
  ready: () => void,
): void {
  for (let i = 0; i < 200; i++) burst();
  ready();
  while (Atomics.load(state, 0) === 0) {
    burst();
    Atomics.add(state, index, 1);
  }
}
