/** The job block that threads share, and what a worker does with it.
 *
 * A job is one kernel over its outputs, cut into chunks, and described in a record, so that a job that comes again and again
 * is written once. The main thread computes one chunk without asking; the others are offered in one word, `open`: which
 * record, and how many of its chunks nobody has taken. Taking one is a compare-and-swap of that word, and the job cannot
 * end before every taken chunk is reported in `done`. So whoever holds a chunk may read its record, and a worker that wakes
 * late finds no chunk or one of a newer job: either is fine. Nobody waits for a worker that has not started; the main thread
 * takes its share. A line of the cache takes a tenth of a microsecond from one core to the other, so few are passed on. */

/** Indices of 32-bit words; those that threads fight over are a cache line apart. */
export const layout = {
  /** The record's number times 2 ** openBits, plus how many chunks are open. */
  open: 0,
  openBits: 12,
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
  /** Where records begin, and how long each is, in 64-bit words: kernel, outputs, unit, chunks, how many arguments, and
   * these. The first is for jobs that come once, written anew for each. */
  records: 128,
  recordWords: 40,
  maxRecords: 3000,
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
    const mask = (1 << at.openBits) - 1;
    interface Job {
      kernel: (...args: number[]) => void;
      outputs: number;
      unit: number;
      chunks: number;
      /** With room for from and to. */
      readonly args: number[];
    }
    const read = (record: number, job: Job): Job => {
      const start = at.records + record * at.recordWords;
      job.kernel = kernels[values[start]!]!;
      job.outputs = values[start + 1]!;
      job.unit = values[start + 2]!;
      job.chunks = values[start + 3]!;
      const end = start + 5 + values[start + 4]!;
      job.args.length = 0;
      for (let i = start + 5; i < end; i++) job.args.push(values[i]!);
      job.args.push(0, 0);
      return job;
    };
    const fresh = (): Job => ({ kernel: kernels[0]!, outputs: 0, unit: 0, chunks: 0, args: [] });
    const once = fresh();
    /** Records that stay as they are. */
    const known: Job[] = [];
    ready();
    for (;;) {
      const generation = Atomics.load(words, at.generation);
      let open = 0;
      for (let spin = 0; spin < spins && (open & mask) === 0; spin++) open = Atomics.load(words, at.open);
      if ((open & mask) === 0) {
        Atomics.add(words, at.parked, 1);
        Atomics.wait(words, at.generation, generation);
        Atomics.sub(words, at.parked, 1);
      } else if (Atomics.compareExchange(words, at.open, open, open - 1) === open) {
        const record = open >> at.openBits;
        if (record > 0) known[record] ??= read(record, fresh());
        const { kernel, outputs, unit, chunks, args } = known[record] ?? read(0, once);
        const units = Math.ceil(outputs / unit);
        const chunk = open & mask;
        args[args.length - 2] = Math.floor((units * (chunk - 1)) / chunks) * unit;
        args[args.length - 1] = Math.min(Math.floor((units * chunk) / chunks) * unit, outputs);
        kernel(...args);
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
