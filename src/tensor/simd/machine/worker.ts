/** The job block that threads share, and what a worker does with it.
 *
 * A job is one kernel over its outputs, cut into chunks. The main thread computes one chunk without asking; how many of the
 * others nobody has taken stands in one word, `open`. Taking one is a compare-and-swap of that word, and the job cannot
 * end before every taken chunk is reported in `done`. So whoever holds a chunk may read the job, and a worker that wakes
 * late finds no chunk or one of a newer job: either is fine. Nobody waits for a worker that has not started; the main thread
 * takes its share. A line of the cache takes a tenth of a microsecond from one core to the other, so few are passed on.
 *
 * A recorded pass (pass.ts) is offered by its address and by a count, which is odd while a run of it lasts. */

/** Indices of 32-bit words; those that threads fight over are a cache line apart. */
export const layout = {
  /** Chunks that nobody has taken. */
  open: 0,
  /** Of passes, begun and ended. */
  passes: 1,
  pass: 2,
  /** Chunks that workers have finished, of all jobs; it wraps around. */
  done: 16,
  /** What parked workers wait for to change. */
  generation: 32,
  /** How many workers are parked. */
  parked: 48,
  /** 1 while the main thread is parked. */
  mainParked: 64,
  /** Length of the text that says why a worker failed; 0 for all is well. */
  failure: 80,
  /** In bytes. */
  text: 768,
  maxText: 256,
  /** Where the job begins, in 64-bit words: kernel, outputs, unit, chunks, how many arguments, and these. */
  job: 128,
  maxArguments: 32,
  bytes: 1024 + (5 + 32) * 8,
} as const;

export interface WorkerData {
  readonly module: WebAssembly.Module;
  readonly memory: WebAssembly.Memory;
  readonly block: SharedArrayBuffer;
  readonly names: readonly string[];
  /** The name of what computes a pass. */
  readonly pass: string;
  readonly layout: typeof layout;
  readonly spins: number;
  /** From 1; the main thread is 0. */
  readonly thread: number;
}

/** Runs in the worker, for ever. It is sent as source text, so it may use nothing from outside of itself. */
export function work(data: WorkerData, ready: () => void): void {
  const { module, memory, block, names, pass: passName, layout: at, spins, thread } = data;
  const words = new Int32Array(block);
  const values = new Float64Array(block);
  try {
    const { exports } = new WebAssembly.Instance(module, { env: { memory } });
    const kernels = names.map((name) => exports[name] as (...args: number[]) => void);
    const pass = exports[passName] as (address: number, thread: number, first: number) => number;
    ready();
    for (let known = 0; ; ) {
      const generation = Atomics.load(words, at.generation);
      let open = 0;
      let run = 0;
      for (let spin = 0; spin < spins && open === 0 && run === 0; spin++) {
        open = Atomics.load(words, at.open);
        const passes = Atomics.load(words, at.passes);
        if (passes !== known && passes % 2 !== 0) run = passes;
      }
      if (run !== 0) {
        // Whoever gave up waiting comes again, as long as the run lasts.
        if (pass(Atomics.load(words, at.pass), thread, 0) < 0) known = run;
      } else if (open === 0) {
        Atomics.add(words, at.parked, 1);
        // What was offered after the last look may have come before anybody knew that this thread parks.
        const passes = Atomics.load(words, at.passes);
        const offered = Atomics.load(words, at.open) !== 0 || (passes !== known && passes % 2 !== 0);
        if (!offered) Atomics.wait(words, at.generation, generation);
        Atomics.sub(words, at.parked, 1);
      } else if (Atomics.compareExchange(words, at.open, open, open - 1) === open) {
        const [outputs, unit, chunks] = [values[at.job + 1]!, values[at.job + 2]!, values[at.job + 3]!];
        const args: number[] = [];
        for (let i = 0; i < values[at.job + 4]!; i++) args.push(values[at.job + 5 + i]!);
        const units = Math.ceil(outputs / unit);
        args.push(Math.floor((units * (open - 1)) / chunks) * unit);
        args.push(Math.min(Math.floor((units * open) / chunks) * unit, outputs));
        kernels[values[at.job]!]!(...args);
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
