/** npm run bench -- --profile: where the time of a training step goes, operation by operation.
 *
 * The trainer gets kernels that are timed from outside; what is not in them is the last row, JavaScript between them. */
import type { Kernels } from '../src/tensor/kernels.ts';
import { median, warmUp } from './measure.ts';
import { number, percent, table } from './table.ts';

export interface ProfileRow {
  readonly operation: string;
  /** In a step. */
  readonly calls: number;
  readonly ms: number;
}
interface Spent {
  ms: number;
  calls: number;
}

const between = 'between kernels';

/** The same kernels, and what each operation took since `spent` was cleared. */
export function timed(kernels: Kernels): { readonly kernels: Kernels; readonly spent: Map<string, Spent> } {
  const spent = new Map<string, Spent>();
  const around = (operation: string, f: (...args: unknown[]) => unknown) => {
    return (...args: unknown[]): unknown => {
      const began = performance.now();
      const result = f(...args);
      const entry = spent.get(operation) ?? { ms: 0, calls: 0 };
      entry.ms += performance.now() - began;
      entry.calls += 1;
      spent.set(operation, entry);
      return result;
    };
  };
  const members = Object.entries(kernels).map(([name, member]) => [
    name,
    typeof member === 'function' ? around(name, member as (...args: unknown[]) => unknown) : member,
  ]);
  return { kernels: Object.fromEntries(members) as Kernels, spent };
}

/** Medians over steps of a trainer with timed kernels, the longest first. */
export function measureProfile(
  trainer: { train(): unknown },
  spent: Map<string, Spent>,
  seconds: number,
): ProfileRow[] {
  warmUp(() => trainer.train(), seconds / 4);
  const steps: Map<string, Spent>[] = [];
  const end = performance.now() + 750 * seconds;
  do {
    spent.clear();
    const began = performance.now();
    trainer.train();
    const all = performance.now() - began;
    const inside = [...spent.values()].reduce((sum, { ms }) => sum + ms, 0);
    steps.push(new Map([...spent, [between, { ms: all - inside, calls: 1 }]]));
  } while (performance.now() < end);
  return [...steps[0]!]
    .map(([operation, { calls }]) => {
      const ms = median(steps.map((step) => step.get(operation)?.ms ?? 0));
      return { operation, calls, ms };
    })
    .sort((a, b) => b.ms - a.ms);
}

export function profileText(rows: readonly ProfileRow[]): string {
  const all = rows.reduce((sum, { ms }) => sum + ms, 0);
  return table(
    ['operation', 'calls a step', 'ms', 'share'],
    rows.map(({ operation, calls, ms }) => [operation, String(calls), number(ms), percent(ms / all)]),
  );
}
