/** What a run will take, before it starts: parameters by part, arithmetic, memory, disk, passes over the data. */
import { trainingFlops } from '../model/flops.ts';
import { counted } from './metrics.ts';
import { partsOf } from './observe.ts';
import type { Trainer } from './trainer.ts';

const whole = (n: number): string => n.toLocaleString('en-US');
const size = (bytes: number): string =>
  bytes < 99_950 ? `${Math.ceil(bytes / 1e3)} kB` : `${(bytes / 1e6).toFixed(1)} MB`;
/** What the arena's sections are for. */
const purposes: Readonly<Record<string, string>> = {
  params: 'the weights',
  grads: 'their gradients',
  moments: 'what the optimizer keeps for each of them',
  saved: 'what forward keeps for backward',
  scratch: 'room for work, the same for all blocks',
  cache: 'keys and values, for samples',
  ids: 'the tokens of a batch, as numbers',
};

export interface Preflight {
  readonly parameters: number;
  readonly flopsPerStep: number;
  readonly bytes: number;
  /** Of a model's files on disk, and of a checkpoint that training can go on from. */
  readonly modelBytes: number;
  readonly checkpointBytes: number;
  readonly tokensPerStep: number;
  /** Passes over the training part in the whole run. */
  readonly epochs: number;
}

export function preflight(trainer: Trainer, trainTokens: number): Preflight {
  const { model, optimizer, settings } = trainer;
  const tokensPerStep = settings.batchSize * settings.accumulate * model.config.contextLength;
  const modelBytes = 4 * model.parameters.reduce((sum, p) => sum + p.value.size, 0);
  return {
    modelBytes,
    checkpointBytes: modelBytes + 4 * trainer.state.reduce((sum, t) => sum + t.size, 0),
    parameters: modelBytes / 4,
    flopsPerStep: trainingFlops(model.config, tokensPerStep) + optimizer.flops,
    bytes: model.arena.plan().reduce((sum, row) => sum + row.bytes, 0),
    tokensPerStep,
    epochs: (settings.steps * tokensPerStep) / trainTokens,
  };
}

/** One line for the head of a run. */
export function preflightLine(p: Preflight): string {
  const { flopsPerStep, bytes, epochs, tokensPerStep } = p;
  return `${counted(tokensPerStep, 'token')} and ${(flopsPerStep / 1e9).toFixed(2)} GFLOP a step, ${size(bytes)} planned, ${epochs.toFixed(1)} passes over the text`;
}

/** What --plan prints of a trainer that is planned: parameters by part, the arena section by section, the disk.
 *
 * @param keep checkpoints that stay beside the best model */
export function planText(trainer: Trainer, p: Preflight, keep: number): string {
  const parts = [...partsOf(trainer.model.parameters)].map(([name, members]) => [
    name,
    whole(members.reduce((sum, m) => sum + m.value.size, 0)),
  ]);
  const sections = trainer.model.arena
    .plan()
    .filter(({ bytes }) => bytes > 0)
    .map(({ section, tensors, elements, bytes }) => [
      ...[section, String(tensors), whole(elements), size(bytes)],
      purposes[section] ?? '',
    ]);
  return [
    'parameters by part',
    ...table([['part', 'elements'], ...parts, ['total', whole(p.parameters)]]),
    '',
    'memory, one buffer',
    ...table([
      ['section', 'tensors', 'elements', 'size', ''],
      ...sections,
      ['total', '', '', size(p.bytes), ''],
    ]),
    '',
    `disk: ${size(p.modelBytes + keep * p.checkpointBytes)}: the best model with ${size(p.modelBytes)}, and the newest ${counted(keep, 'checkpoint')} with ${size(p.checkpointBytes)} each`,
    `cost: ${preflightLine(p)}`,
  ].join('\n');
}

/** Names and words, in the first column and a fifth, to the left; numbers to the right. */
function table(rows: readonly (readonly string[])[]): string[] {
  const widths = rows[0]!.map((_, column) => Math.max(...rows.map((row) => row[column]!.length)));
  return rows.map((row) =>
    `  ${row.map((cell, i) => (i % 4 === 0 ? cell.padEnd(widths[i]!) : cell.padStart(widths[i]!))).join('  ')}`.trimEnd(),
  );
}
