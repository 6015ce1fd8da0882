/** The job block that threads share, and what a worker does with it.
 *
 * A job is one kernel over its outputs, cut into chunks; `record` says where in the block it is described, so that a job
 * that comes again and again is written once. `open` counts the chunks that nobody has taken. Taking one is a
 * compare-and-swap of `open`, and the job cannot end before every taken chunk is reported in `done`. So whoever holds a
 * chunk may read the rest of the block, and a worker that wakes late finds no chunk or one of a newer job: either is
 * fine. Nobody waits for a worker that has not started; the others take its share. */

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
  /** Where the job is described: a 64-bit word of the block. */
  record: 96,
  /** In bytes. */
  text: 768,
  maxText: 256,
  /** Where records begin, and how long each is, in 64-bit words: kernel, outputs, unit, chunks, how many arguments, and
   * these. There is room for 3,000. */
  records: 128,
  recordWords: 40,
  maxArguments: 32,
  bytes: 1024 + 3000 * 40 * 8,
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
        const record = words[at.record]!;
        const outputs = values[record + 1]!;
        const unit = values[record + 2]!;
        const chunks = values[record + 3]!;
        const units = Math.ceil(outputs / unit);
        const end = record + 5 + values[record + 4]!;
        args.length = 0;
        for (let i = record + 5; i < end; i++) args.push(values[i]!);
        args.push(Math.floor((units * (open - 1)) / chunks) * unit);
        args.push(Math.min(Math.floor((units * open) / chunks) * unit, outputs));
        kernels[values[record]!]!(...args);
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
