/** npm run gradcheck: is every backward really the derivative of its forward? As a table. */

import { checkModel, modelsToCheck, modelTolerance } from '../model/gradcheck.ts';
import { checkOperations, type GradientRow, gradientTolerance } from '../tensor/gradcheck/gradcheck.ts';
import { reference } from '../tensor/reference/index.ts';
import { runCommand } from './command/command.ts';
import { Terminal } from './host/terminal.ts';

const command = {
  name: 'gradcheck',
  summary:
    'Compares the gradient of every operation, and of every parameter of a small model, with finite differences:\nmove one number a little up and down, and see how far the loss moves. In float64, on the plain kernels.',
  flags: {},
  examples: ['npm run gradcheck'],
} as const;

await runCommand(command, () => {
  const terminal = new Terminal();
  const operations = checkOperations(reference).map((row) => ({ ...row, tolerance: gradientTolerance }));
  const models = Object.entries(modelsToCheck).flatMap(([name, config]) =>
    checkModel(reference, config).map((row) => ({ ...row, operation: name, tolerance: modelTolerance })),
  );
  const rows = [...operations, ...models];
  const width = (pick: (row: GradientRow) => string) => Math.max(...rows.map((row) => pick(row).length));
  const [operation, gradient] = [width((row) => row.operation), width((row) => row.gradient)];
  terminal.line(
    `${'operation'.padEnd(operation)}  ${'gradient of'.padEnd(gradient)}  elements  worst error  analytic      measured`,
  );
  for (const row of rows) {
    const { elements, worstRelativeError: error, analytic, numeric } = row;
    const verdict = error < row.tolerance ? 'ok' : `WRONG at [${row.at}]`;
    const numbers = [analytic, numeric].map((x) => x.toExponential(5).padStart(12)).join('  ');
    terminal.line(
      `${row.operation.padEnd(operation)}  ${row.gradient.padEnd(gradient)}  ${String(elements).padStart(8)}  ${error.toExponential(1).padStart(11)}  ${numbers}  ${verdict}`,
    );
  }
  const wrong = rows.filter((row) => !(row.worstRelativeError < row.tolerance)).length;
  if (wrong > 0)
    throw new Error(
      `${wrong} of ${rows.length} gradients differ from finite differences by more than ${gradientTolerance} of their size`,
    );
  terminal.line(
    `all ${rows.length} gradients agree to better than ${modelTolerance} of their size; shown is the worst element of each`,
  );
});
