import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { lockFolder } from '../../src/cli/runs/lock.ts';
import { modelLine } from '../../src/cli/sample/remarks.ts';
import type { EvaluationMetrics } from '../../src/train/metrics.ts';
import { golden } from '../support/models.ts';
import { records, trainIn } from '../support/runs.ts';
import { suiteFolder } from '../support/scratch.ts';

const scratch = suiteFolder();

it('tells which step of a run it is, with the loss of its best, and whether the run is still training', async () => {
  const run = join(scratch, 'run');
  await trainIn(run);
  const best = records(run)
    .filter((record): record is EvaluationMetrics => record.kind === 'evaluation')
    .sort((a, b) => a.nll - b.nll)[0]!;
  const line = `${run}/best, step ${best.step}, ${best.nll.toFixed(3)} nats per token`;
  expect(modelLine(join(run, 'best'), 1234)).toBe(line);
  expect(modelLine(join(run, 'step-00000012'), 1234)).toBe(`${run}/step-00000012, step 12`);
  const release = lockFolder(run);
  expect(modelLine(join(run, 'best'), 1234)).toBe(`${line}, of a run that is training now`);
  release();
  writeFileSync(join(run, 'step-00000012', 'state.json'), '\0');
  expect(modelLine(join(run, 'best'), 1234)).toBe(`${run}/best`);
});

it('tells the size of a model that belongs to no run', () => {
  const { path } = golden('gpt2-tiny');
  expect(modelLine(path, 7056)).toBe(`${path}, 7,056 parameters`);
});
