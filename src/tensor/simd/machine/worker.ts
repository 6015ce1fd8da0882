/** The job block that threads share, and what a worker does with it.
 *
 * A job is one kernel over its outputs, cut into chunks; `open` counts the chunks that nobody has taken. Taking one is
 * a compare-and-swap of `open`, and the job cannot end before every taken chunk is reported in `done`. So whoever
 * holds a chunk may read the rest of the block, and a worker that wakes late finds no chunk or one of a newer job:
 * either is fine. Nobody waits for a worker that has not started; the others take its share. */

/** Indices of 32-bit words; those that threads fight over are a cache line apart. */
export const layout = {
  open: 0,
  /** Chunks finished of this job. */
  done: 16,
  /** Counts jobs: what parked workers wait for to change. */
  generation: 32,
  /** How many workers are parked. */
  parked: 48,
  /** 1 while the main thread is parked. */
  mainParked: 64,
  /** Length of the text that says why a worker failed; 0 for all is well. */
  failure: 80,
  kernel: 96,
  outputs: 97,
  unit: 98,
  chunks: 99,
  argumentCount: 100,
  /** In 64-bit words. */
  arguments: 64,
  maxArguments: 32,
  /** In bytes. */
  text: 768,
  maxText: 256,
  bytes: 1024,
} as const;

export interface WorkerData {
  readonly module: WebAssembly.Module;
  readonly memory: WebAssembly.Memory;
  readonly block: SharedArrayBuffer;
  readonly names: readonly string[];
  readonly layout: typeof layout;
  readonly spins: number;
}

/** Runs in the worker, for ever. It is sent as source text, so it may use nothing from outside of itself. */
export function work(data: WorkerData, ready: () => void): void {
  const { module, memory, block, names, layout: at, spins } = data;
  const words = new Int32Array(block);
  const values = new Float64Array(block);
  try {
    const { exports } = new WebAssembly.Instance(module, { env: { memory } });
    const kernels = names.map((name) => exports[name] as (...args: number[]) => void);
    const args: number[] = [];
    ready();
    for (;;) {
      const generation = Atomics.load(words, at.generation);
      let open = 0;
      for (let spin = 0; spin < spins && open === 0; spin++) open = Atomics.load(words, at.open);
      if (open === 0) {
        Atomics.add(words, at.parked, 1);
        Atomics.wait(words, at.generation, generation);
        Atomics.sub(words, at.parked, 1);
      } else if (Atomics.compareExchange(words, at.open, open, open - 1) === open) {
        const units = Math.ceil(words[at.outputs]! / words[at.unit]!);
        const from = Math.floor((units * (open - 1)) / words[at.chunks]!) * words[at.unit]!;
        const to = Math.floor((units * open) / words[at.chunks]!) * words[at.unit]!;
        args.length = 0;
        for (let i = 0; i < words[at.argumentCount]!; i++) args.push(values[at.arguments + i]!);
        args.push(from, Math.min(to, words[at.outputs]!));
        kernels[words[at.kernel]!]!(...args);
        Atomics.add(words, at.done, 1);
        if (Atomics.load(words, at.mainParked) === 1) Atomics.notify(words, at.done);
      }
    }
  } catch (error) {
    const text = String(error).slice(0, at.maxText);
    const bytes = new Uint8Array(block, at.text);
    for (let i = 0; i < text.length; i++) bytes[i] = Math.min(text.charCodeAt(i), 127);
    Atomics.store(words, at.failure, text.length);
    Atomics.notify(words, at.done);
    ready();
  }
}
