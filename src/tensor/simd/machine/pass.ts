/** A recorded pass: many kernels, one after the other, with numbers that stay the same, as one call of WebAssembly on each
 * thread. From JavaScript every launch and every hand-over would take longer than the smaller kernels do.
 *
 * A pass is a list of steps, and a step is a kernel. Thread 0, the caller, computes all of it; or, where that pays, the step is
 * shared: each thread computes a chunk. Each thread has two words, which count shared steps and only grow:
 *
 *     done[t]       those that thread t has nothing left to do for; of thread 0: those that the others may begin
 *     claimed[t]    those of which somebody has begun thread t's chunk
 *
 * Before a step a thread waits until all others are done with the shared steps before it: one line of the cache goes from
 * core to core. Nobody depends on a thread that does not come: what it has not claimed after a while, thread 0 claims and
 * computes. A thread that comes late finds its chunks claimed and goes on to the next. Words go on counting from run to
 * run, so whoever still is in an earlier run can claim nothing of this one. */
import {
  after,
  call,
  callIndirect,
  type Expr,
  type Func,
  f32,
  func,
  i32,
  i32Atomic,
  loop,
  type Stmt,
  select,
  when,
  whileLoop,
} from '../../wasm/assembler.ts';
import { element, fresh } from '../../wasm/lanes.ts';
import type { SharedMemory } from './memory.ts';

/** Looks at a word before thread 0 takes over what its thread has not begun, some microseconds; and before a thread gives up,
 * about a millisecond. */
const patientLooks = 600;
const mostLooks = 200_000;

/** Where words are, in bytes: from the address of a pass on, where `before` counts the shared steps of all runs that have
 * ended; of a thread, for each of which two lines of the cache follow; and of a step. */
const header = { before: 0, threads: 4, steps: 8, first: 12 } as const;
const thread = { done: 64, claimed: 128, bytes: 128 } as const;
const record = { entry: 0, args: 4, shared: 8, before: 12, previous: 16, bounds: 20 } as const;

const entryParameters = { args: 'i32', from: 'i32', to: 'i32' } as const;
/** Has the type of all of them. */
const anyEntry = func('entry', entryParameters, () => []);
/** A kernel that takes its numbers from memory: what the table of the module holds. */
export function entry(kernel: Func): Func<typeof entryParameters, 'void'> {
  return func(`${kernel.name}.entry`, entryParameters, ({ args, from, to }) => {
    const numbers = Object.entries(kernel.params).map(([name, type], i) => {
      return [name, type === 'f32' ? f32.load(args, 4 * i) : i32.load(args, 4 * i)];
    });
    return [
      call(kernel as Func<Record<string, 'i32'>, 'void'>, { ...Object.fromEntries(numbers), from, to }),
    ];
  });
}

/** Whether a word has reached a number, after so many looks at most. A look waits for the one before it, and for a division
 * whose result is 0: looks that follow each other at once would hinder the thread that is to write the word. */
const reached = func('reached', { word: 'i32', target: 'i32', looks: 'i32' }, (p, local) => {
  const missing = local('i32');
  const nothing = i32.div(missing, i32.add(missing, 1));
  const look = missing.set(i32.sub(p.target, i32Atomic.load(i32.add(p.word, nothing))));
  const again = i32.and(i32.gt(missing, 0), i32.gt(p.looks.tee(i32.sub(p.looks, 1)), 0));
  return after([look, whileLoop(again, [look])], i32.le(missing, 0));
});

/** Computes what is the thread's of the steps from `first` on. Returns the step to go on from where it gave up waiting; -1
 * when it has come to the end, at which for thread 0 everything is computed. */
export const pass = func('pass', { pass: 'i32', thread: 'i32', first: 'i32' }, (p, local) => {
  const [at, bytes, before, threads, count] = fresh(local, 'i32');
  const [step, going, target, t, words, looks] = fresh(local, 'i32');
  const isCaller = i32.eqz(p.thread);
  const isShared = i32.load(at, record.shared);
  const wordsOf = (t: Expr<'i32'>) => i32.add(p.pass, i32.mul(t, thread.bytes));
  const tell = (words: Expr<'i32'>, count: Expr<'i32'>) =>
    i32Atomic.store(i32.add(words, thread.done), count);
  const claim = (words: Expr<'i32'>, count: Expr<'i32'>): Expr<'i32'> =>
    i32.eq(i32Atomic.compareExchange(i32.add(words, thread.claimed), count, i32.add(count, 1)), count);
  const compute = (step: Expr<'i32'>, from: Expr<'i32'> | number, to: Expr<'i32'>): Stmt =>
    callIndirect(anyEntry, i32.load(step, record.entry), {
      args: i32.load(step, record.args),
      from: i32.load(element(step, from), record.bounds),
      to: i32.load(element(step, to), record.bounds),
    });
  const next = (count: Expr<'i32'>) => i32.add(count, 1);

  /** Takes over the chunk of thread t of the shared step before this one, and from then on has no patience in this run. */
  const takeOver: Stmt = when(claim(words, i32.sub(target, 1)), [
    compute(i32.load(at, record.previous), t, next(t)),
    tell(words, target),
    looks.set(0),
  ]);
  const isReached = (looks: Expr<'i32'> | number) =>
    call(reached, { word: i32.add(words, thread.done), target: i32.add(target, i32.eqz(t)), looks });
  // A worker waits for its own word, too: the caller may be at its chunk of the step before.
  const meet: readonly Stmt[] = [
    target.set(i32.add(before, i32.load(at, record.before))),
    when(i32.and(isCaller, isShared), [tell(p.pass, next(target))]),
    loop(t, isCaller, threads, 1, [
      words.set(wordsOf(t)),
      when(i32.eqz(isReached(looks)), [
        when(isCaller, [takeOver]),
        going.set(i32.and(going, isReached(mostLooks))),
      ]),
    ]),
  ];
  const computeOwn: Stmt = when(
    isCaller,
    [
      when(
        isShared,
        [compute(at, 0, i32.const(1))],
        [when(i32.lt(step, count), [compute(at, 0, threads)], [i32.store(p.pass, target, header.before)])],
      ),
    ],
    [
      when(claim(wordsOf(p.thread), target), [
        compute(at, p.thread, next(p.thread)),
        tell(wordsOf(p.thread), next(target)),
      ]),
    ],
  );
  return after(
    [
      before.set(i32.load(p.pass, header.before)),
      threads.set(i32.load(p.pass, header.threads)),
      count.set(i32.load(p.pass, header.steps)),
      bytes.set(element(i32.const(record.bounds + 4), threads)),
      at.set(i32.add(i32.load(p.pass, header.first), i32.mul(p.first, bytes))),
      step.set(p.first),
      going.set(1),
      looks.set(patientLooks),
      whileLoop(i32.and(going, i32.le(step, count)), [
        when(i32.or(isCaller, isShared), [...meet, when(going, [computeOwn])]),
        step.set(i32.add(step, going)),
        at.set(i32.add(at, bytes)),
      ]),
    ],
    select(going, i32.const(-1), step),
  );
});

/** A kernel that computes nothing: a step of it, shared, takes as long as threads take to meet. */
export const meeting = func('meeting', { from: 'i32', to: 'i32' }, () => []);

/** A kernel with its numbers, but from and to; thread t's chunk is from bounds[t] to bounds[t + 1]. */
export interface Step {
  readonly kernel: Func;
  readonly args: readonly number[];
  /** 0 and the number of outputs where the step is not shared. */
  readonly bounds: readonly number[];
}

/** Writes a pass down, for good; returns its address. @param table the kernels of the module's table */
export function writePass(
  memory: SharedMemory,
  table: readonly Func[],
  steps: readonly Step[],
  threads: number,
): number {
  const recordBytes = record.bounds + 4 * (threads + 1);
  const first = thread.done + threads * thread.bytes;
  const numbers = first + recordBytes * (steps.length + 1);
  const bytes = numbers + 4 * steps.reduce((sum, { args }) => sum + args.length, 0);
  const { buffer, byteOffset } = memory.reserve(bytes);
  const view = new DataView(buffer, byteOffset, bytes);
  const write = (at: number, word: number): void => view.setInt32(at, word, true);
  write(header.threads, threads);
  write(header.steps, steps.length);
  write(header.first, byteOffset + first);
  let [at, args, before, previous] = [first, numbers, 0, 0];
  for (const step of steps) {
    const shared = step.bounds.length > 2;
    write(at + record.entry, table.indexOf(step.kernel));
    write(at + record.args, byteOffset + args);
    write(at + record.shared, Number(shared));
    write(at + record.before, before);
    write(at + record.previous, previous);
    for (let t = 0; t <= threads; t++)
      write(at + record.bounds + 4 * t, step.bounds[t] ?? step.bounds.at(-1)!);
    const types = Object.values(step.kernel.params);
    for (const [i, number] of step.args.entries()) {
      if (types[i] === 'f32') view.setFloat32(args, number, true);
      else write(args, number);
      args += 4;
    }
    if (shared) [before, previous] = [before + 1, byteOffset + at];
    at += recordBytes;
  }
  // After the last step the caller waits, as before a step.
  write(at + record.before, before);
  write(at + record.previous, previous);
  return byteOffset;
}
