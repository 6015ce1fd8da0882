/** npm run bench -- --profile: where the time of a training step goes, operation by operation.
 *
 * The trainer gets kernels that are timed from outside: so what is not in the table is JavaScript between them. */
import type { Kernels } from '../src/tensor/kernels.ts';
import type { Trainer } from '../src/train/trainer.ts';
import { median, warmUp } from './measure.ts';
import { number, percent, table } from './table.ts';

export interface ProfileRow {
  readonly operation: string;
  /** In a step. */
  readonly calls: number;
  readonly ms: number;
}

/** The same kernels, and the milliseconds and calls of each since `clear`. */
export function timed(kernels: Kernels) {
  const spent = new Map<string, { ms: number; calls: number }>();
  const around = (name: string, f: (...args: unknown[]) => unknown) => {
    return (...args: unknown[]): unknown => {
      const began = performance.now();
      const result = f(...args);
      const entry = spent.get(name) ?? { ms: 0, calls: 0 };
      spent.set(name, { ms: entry.ms + performance.now() - began, calls: entry.calls + 1 });
      return result;
    };
  };
  const wrapped = Object.entries(kernels).map(([name, member]) => [
    name,
    typeof member === 'function' ? around(name, member as (...args: unknown[]) => unknown) : member,
  ]);
  return { kernels: Object.fromEntries(wrapped) as Kernels, spent };
}

/** Medians over steps; the last row is the rest of the step. @param trainer one that computes with kernels of `timed` */
export function measureProfile(
  trainer: Trainer,
  spent: ReturnType<typeof timed>['spent'],
  seconds: number,
): ProfileRow[] {
  warmUp(() => trainer.train(), seconds / 4);
  const times = new Map<string, number[]>();
  const note = (name: string, ms: number) => times.set(name, [...(times.get(name) ?? []), ms]);
  const end = performance.now() + (3000 * seconds) / 4;
  let calls = new Map<string, number>();
  do {
    spent.clear();
    const began = performance.now();
    trainer.train();
    const all = performance.now() - began;
    let inside = 0;
    calls = new Map([...spent].map(([name, entry]) => [name, entry.calls]));
    for (const [name, { ms }] of spent) {
      note(name, ms);
      inside += ms;
    }
    note(rest, all - inside);
  } while (performance.now() < end);
  return [...times]
    .map(([operation, ms]) => ({ operation, calls: calls.get(operation) ?? 0, ms: median(ms) }))
    .sort((a, b) => b.ms - a.ms);
}
const rest = 'between kernels';

export function profileText(rows: readonly ProfileRow[]): string {
  const all = rows.reduce((sum, { ms }) => sum + ms, 0);
  return table(
    ['operation', 'calls a step', 'ms', 'share'],
    rows.map(({ operation, calls, ms }) => [operation, String(calls || ''), number(ms), percent(ms / all)]),
  );
}
