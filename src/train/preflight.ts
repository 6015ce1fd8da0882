/** What a run will take, before it starts: parameters by part, arithmetic, memory, passes over the data. */
import { trainingFlops } from '../model/flops.ts';
import { partsOf } from './observe.ts';
import type { Trainer } from './trainer.ts';

const whole = (n: number): string => n.toLocaleString('en-US');
const megabytes = (bytes: number): string => `${(bytes / 1e6).toFixed(1)} MB`;

export interface Preflight {
  readonly parameters: number;
  readonly flopsPerStep: number;
  readonly bytes: number;
  readonly tokensPerStep: number;
  /** Passes over the training part in the whole run. */
  readonly epochs: number;
}

export function preflight(trainer: Trainer, trainTokens: number): Preflight {
  const { model, optimizer, settings } = trainer;
  const tokensPerStep = settings.batchSize * settings.accumulate * model.config.contextLength;
  return {
    parameters: model.parameters.reduce((sum, p) => sum + p.value.size, 0),
    flopsPerStep: trainingFlops(model.config, tokensPerStep) + optimizer.flops,
    bytes: model.arena.plan().reduce((sum, row) => sum + row.bytes, 0),
    tokensPerStep,
    epochs: (settings.steps * tokensPerStep) / trainTokens,
  };
}

/** One line for the head of a run. */
export function preflightLine(p: Preflight): string {
  const { flopsPerStep, bytes, epochs, tokensPerStep } = p;
  return `${whole(tokensPerStep)} tokens and ${(flopsPerStep / 1e9).toFixed(2)} GFLOP a step, ${megabytes(bytes)} planned, ${epochs.toFixed(1)} passes over the text`;
}

/** Everything --plan prints: parameters by part, and the arena section by section. */
export function planText(trainer: Trainer, p: Preflight): string {
  const parts = [...partsOf(trainer.model.parameters)].map(([name, members]) => [
    name,
    whole(members.reduce((sum, m) => sum + m.value.size, 0)),
  ]);
  const sections = trainer.model.arena
    .plan()
    .map(({ section, tensors, elements, bytes }) => [
      section,
      String(tensors),
      whole(elements),
      megabytes(bytes),
    ]);
  return [
    'parameters by part',
    ...table([['part', 'elements'], ...parts, ['total', whole(p.parameters)]]),
    '',
    'memory, one buffer',
    ...table([
      ['section', 'tensors', 'elements', 'size'],
      ...sections,
      ['total', '', '', megabytes(p.bytes)],
    ]),
    '',
    preflightLine(p),
  ].join('\n');
}

/** The first column to the left, numbers to the right. */
function table(rows: readonly (readonly string[])[]): string[] {
  const widths = rows[0]!.map((_, column) => Math.max(...rows.map((row) => row[column]!.length)));
  return rows.map((row) =>
    `  ${row.map((cell, i) => (i === 0 ? cell.padEnd(widths[i]!) : cell.padStart(widths[i]!))).join('  ')}`.trimEnd(),
  );
}
