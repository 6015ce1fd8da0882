/** npm run train -- --find-lr: runs the learning-rate range test and shows it as a table, a curve, a page, and the
 * suggested rates. */
import { dirname } from 'node:path';
import type { ModelConfig } from '../../model/config.ts';
import { renderFindLr } from '../../report/find-lr.ts';
import { evenly } from '../../report/series.ts';
import type { Kernels } from '../../tensor/kernels.ts';
import type { Split } from '../../train/dataset.ts';
import { belowMinimum, rangeDefaults, rangeTest, suggest } from '../../train/find-lr.ts';
import { counted } from '../../train/metrics.ts';
import type { RunSettings } from '../../train/state.ts';
import { freshTrainer } from '../../train/state.ts';
import { makeFolder, writeFile } from '../host/files.ts';
import { sparkline, type Terminal } from '../host/terminal.ts';

const rows = 21;

/** Trains a model that is thrown away, and writes a page to `path` and nothing else. */
export function findLearningRate(
  config: ModelConfig,
  settings: RunSettings,
  split: Split,
  on: { readonly kernels: Kernels; readonly terminal: Terminal; readonly path: string },
): void {
  const { kernels, terminal, path } = on;
  const { from, to, steps } = rangeDefaults;
  const rates = (factor: number) => {
    const [lr, muon] = [settings.learningRate, settings.muonLearningRate].map((x) =>
      Number((factor * x).toPrecision(2)),
    );
    return settings.optimizer === 'muon' ? `--lr ${lr} --muon-lr ${muon}` : `--lr ${lr}`;
  };
  terminal.line(`${steps} steps from ${from} to ${to} times ${rates(1)}, seed ${settings.seed}`);
  const test = rangeTest(freshTrainer(config, settings, split, { kernels }), rangeDefaults);
  const done = test.steps.length;
  terminal.line('    factor    loss  smoothed');
  for (const i of evenly(done, rows)) {
    const { factor, loss } = test.steps[i]!;
    const cells = [factor.toExponential(1).padStart(10), loss.toFixed(3).padStart(8)];
    terminal.line(`${cells.join('')}${test.smoothed[i]!.toFixed(3).padStart(10)}`);
  }
  // Without this limit a loss that blows up would make the rest of the curve flat.
  const shown = test.smoothed.map((y) => Math.min(y, 1.3 * test.smoothed[0]!));
  terminal.line(`  ${sparkline(shown, 60)}`);
  if (test.end !== 'done') {
    terminal.line(
      test.end === 'blown up'
        ? `stopped after ${counted(done, 'step')}: the loss blew up`
        : `stopped after ${counted(done, 'step')}: the loss or its gradient was not finite any more`,
    );
  }
  const suggestion = suggest(test);
  if (suggestion === undefined) {
    terminal.line('no suggestion: the loss did not fall at any rate of the range');
  } else {
    const { steepest, minimum, suggested } = suggestion;
    terminal.line(`steepest descent at ${steepest.toPrecision(2)} times: ${rates(steepest)}`);
    terminal.line(`minimum at ${minimum.toPrecision(2)} times: ${rates(minimum)}`);
    terminal.line(
      `suggestion, the minimum's rate / ${belowMinimum}, is ${suggested.toPrecision(2)} times: ${rates(suggested)}`,
    );
  }
  makeFolder(dirname(path));
  writeFile(path, renderFindLr(test, suggestion, rates(1)));
  terminal.line(`the curve is in ${path}`);
}
