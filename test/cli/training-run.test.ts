/** What a run says and leaves besides its checkpoints, which nothing of this may change. */
import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it, vi } from 'vitest';
import { Terminal } from '../../src/cli/host/terminal.ts';
import { newestState, readCheckpoint } from '../../src/cli/runs/folder.ts';
import { RunFolder } from '../../src/cli/runs/writer.ts';
import { CharTokenizer } from '../../src/model/text/tokenizer.ts';
import { generateAll } from '../../src/sample/generate.ts';
import { samplingSettings } from '../../src/sample/settings.ts';
import { filesIn, type RunOptions, records, runSettings, story, trainIn } from '../support/runs.ts';
import { freshPaths } from '../support/scratch.ts';

const fresh = freshPaths();
const checkpoints = (run: string) =>
  Object.fromEntries(Object.entries(filesIn(run)).filter(([name]) => /^(best|step-)/.test(name)));
/** A rate that ruins the model after the first evaluation, of step 3: the best one. */
const ruined: RunOptions = { settings: { learningRate: 30, minLearningRate: 30, warmup: 4 } };

describe('a run that is stopped', () => {
  it('leaves a held-out loss and a report, and knows nothing of them when it goes on', async () => {
    const straight = fresh();
    await trainIn(straight, ruined);
    const run = fresh();
    const { trainer, lines } = await trainIn(run, { ...ruined, stopAt: 4 });
    const measured = records(run).filter((record) => record.kind === 'evaluation');
    expect(measured).toMatchObject([
      { step: 3, best: true },
      { step: 4, best: false, nll: trainer.evaluate().nll },
    ]);
    expect(lines.at(-1)).toMatch(/^step {2}4\/12 {2}validation /);
    expect(readFileSync(join(run, 'report.html'), 'utf8')).toContain('step 4');
    const { best, evaluationsSinceBest } = newestState(run).state;
    expect([best!.step, evaluationsSinceBest]).toEqual([3, 0]);
    await trainIn(run, ruined);
    expect(checkpoints(run)).toEqual(checkpoints(straight));
  });

  it('does so before its first step and at an evaluation too, without a second one of the same step', async () => {
    const run = fresh();
    const first = await trainIn(run, { stopAt: 0 });
    expect(first.outcome).toBe('stopped');
    expect(newestState(run).state.step).toBe(0);
    await trainIn(run, { stopAt: 3 });
    expect(records(run).flatMap((r) => (r.kind === 'evaluation' ? [[r.step, r.best]] : []))).toEqual([
      [0, false],
      [3, true],
    ]);
    const straight = fresh();
    await trainIn(run);
    await trainIn(straight);
    expect(checkpoints(run)).toEqual(checkpoints(straight));
  });
});

describe('a run that is finished', () => {
  it('measures and samples its best model, not its last', async () => {
    const run = fresh();
    const { trainer, finish } = await trainIn(run, ruined);
    const last = newestState(run);
    expect([last.state.step, last.state.best!.step]).toEqual([12, 3]);
    const { final, texts } = finish();
    const [text] = texts;
    expect(final).toMatchObject({ kind: 'final', step: 3, nll: trainer.evaluate('full').nll });
    const best = readCheckpoint(join(run, 'best'));
    for (const { name, value } of trainer.model.parameters) {
      expect(value.data, name).toEqual(best.tensors.get(name)!.data);
    }
    expect(records(run).slice(-2)).toMatchObject([
      { kind: 'final', step: 3 },
      { kind: 'sample', step: 3, text },
    ]);
  });

  it('draws its sample as npm run sample does by default', async () => {
    const { trainer, finish } = await trainIn(fresh());
    const [text] = finish().texts;
    const drawn = (topP: number) =>
      generateAll(trainer.model, [{ prompt: [0], stream: 12 }], {
        settings: samplingSettings({ temperature: 0.8, topP }),
        ...{ maxNewTokens: 300, seed: runSettings.seed, contextPolicy: 'shift' },
      }).map(({ tokens }) => CharTokenizer.train(story).decode(tokens))[0];
    expect(text).toBe(drawn(0.95));
    expect(text).not.toBe(drawn(1));
  });

  it('falls back to its last model, and says so, where the best has been damaged', async () => {
    const run = fresh();
    await trainIn(run, { ...ruined, stopAt: 10 });
    rmSync(join(run, 'best', 'config.json'));
    const { trainer, lines, finish } = await trainIn(run, ruined);
    expect(lines.filter((line) => line.includes('what follows is about the last model'))).toHaveLength(1);
    expect(finish().final.step).toBe(12);
    expect(trainer.step).toBe(12);
  });

  it('is closed once the final loss is on record, and open again with more steps', async () => {
    const run = fresh();
    const closed = () => {
      const folder = RunFolder.reopen(run, () => {});
      folder.release();
      return folder.isClosed();
    };
    const { finish } = await trainIn(run);
    expect(closed()).toBe(false);
    finish();
    expect(closed()).toBe(true);
    await trainIn(run, { settings: { steps: 13 } });
    expect(closed()).toBe(false);
    rmSync(join(run, 'metrics.jsonl'));
    expect(closed()).toBe(false);
  });
});

describe('the baselines that a run passes', () => {
  const announced = (lines: readonly string[]) => lines.filter((line) => line.startsWith('  passed'));

  it('are told when it gets ahead, never when it falls back', async () => {
    const run = fresh();
    await trainIn(run, ruined);
    const [first, ...later] = records(run).flatMap((r) => (r.kind === 'evaluation' ? [r.nll] : []));
    expect(Math.min(...later)).toBeGreaterThan(first!);
    const above = Math.max(...later) + 1;
    const baselines = [
      { order: 0, nll: above },
      { order: 1, nll: above - 0.5 },
      { order: 2, nll: first! + 0.001 },
    ];
    const again = await trainIn(fresh(), { ...ruined, baselines });
    expect(announced(again.lines)).toEqual([
      `  passed the 2-gram, the best of them (${(first! + 0.001).toFixed(3)} nats; this model ${first!.toFixed(3)})`,
    ]);
  });

  it('are remembered after a resume', async () => {
    const run = fresh();
    const baselines = [{ order: 0, nll: 100 }];
    expect(announced((await trainIn(run, { baselines, stopAt: 4 })).lines)).toHaveLength(1);
    expect(announced((await trainIn(run, { baselines })).lines)).toEqual([]);
  });
});

describe('the curve of losses', () => {
  it('begins where the run that is resumed began, without the steps that come again', async () => {
    const run = fresh();
    const remember = vi.spyOn(Terminal.prototype, 'remember');
    try {
      await trainIn(run, { checkpointEvery: 4, keep: 5, stopAt: 6 });
      rmSync(join(run, 'step-00000006'), { recursive: true });
      await trainIn(run);
      const losses = records(run).flatMap((record) => (record.kind === 'step' ? [record.loss] : []));
      expect(remember.mock.calls).toEqual([[[]], [losses.slice(0, 4)]]);
    } finally {
      remember.mockRestore();
    }
  });
});

describe('samples on the way', () => {
  it('have a heading and four spaces before each line', async () => {
    const run = fresh();
    const { lines } = await trainIn(run, { sampleEvery: 5 });
    const sample = records(run).find((record) => record.kind === 'sample');
    const at = lines.indexOf('a sample after step 5:');
    expect(at).toBeGreaterThan(0);
    expect(sample).toMatchObject({ step: 5 });
    for (const line of lines[at + 1]!.split('\n')) expect(line).toMatch(/^( {4}.*)?$/);
  });
});

describe('what stands in the way of a by-product', () => {
  it('comes after the checkpoint: what only tells of a step cannot cost it', async () => {
    const run = fresh();
    await trainIn(run, { stopAt: 2 });
    rmSync(join(run, 'report.html'));
    const order: string[] = [];
    const { saveStep, byProduct } = RunFolder.prototype;
    RunFolder.prototype.saveStep = function (...args) {
      order.push('checkpoint');
      return saveStep.apply(this, args);
    };
    RunFolder.prototype.byProduct = function (name, action) {
      if (name === 'report.html') order.push(name);
      return byProduct.call(this, name, action);
    };
    try {
      await trainIn(run, { stopAt: 4 });
    } finally {
      Object.assign(RunFolder.prototype, { saveStep, byProduct });
    }
    // After step 3, an evaluation, and after step 4, at the stop.
    expect(order).toEqual(['checkpoint', 'report.html', 'checkpoint', 'report.html']);
  });

  it('leaves whole lines behind when a write broke off in the middle', async () => {
    const run = fresh();
    await trainIn(run);
    const path = join(run, 'metrics.jsonl');
    const whole = readFileSync(path, 'utf8');
    const said: string[] = [];
    const folder = RunFolder.reopen(run, (message) => said.push(message));
    try {
      rmSync(path);
      mkdirSync(path);
      folder.record({ kind: 'resume', step: 1 });
      rmSync(path, { recursive: true });
      writeFileSync(path, `${whole}{"kind":"res`); // what a full disk took
      folder.record({ kind: 'resume', step: 2 });
    } finally {
      folder.release();
    }
    expect(readFileSync(path, 'utf8')).toBe(`${whole}{"kind":"resume","step":2}\n`);
    expect(said).toEqual([`cannot write ${path}: this is a folder; expected a file; going on without it`]);
  });
});
