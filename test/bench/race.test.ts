import { describe, expect, it } from 'vitest';
import { race } from '../../bench/race.ts';
import { inklings } from '../support/command.ts';

/** A clock and a trainer on it: 0.5 s before the first step, 0.1 s a step, 7 s an evaluation, losses as told. */
function start(steps: number, losses: readonly number[]) {
  let clock = 500;
  let evaluations = 0;
  const trainer = {
    step: 0,
    settings: { steps },
    train() {
      clock += 100;
      trainer.step += 1;
      return { step: trainer.step, loss: 0, learningRate: 0, gradNorm: 0 };
    },
    evaluate() {
      clock += 7000;
      const nll = losses[evaluations++]!;
      return { nll, tokensScored: 1, standardError: null, perplexity: Math.exp(nll), bitsPerChar: nll };
    },
  };
  const lines: string[] = [];
  const results = race(trainer, { now: () => clock, say: (line) => lines.push(line) });
  return { results, lines };
}

describe('the race', () => {
  it('notes the first time at or below each goal, evaluations not counted', () => {
    const { results, lines } = start(110, [2.5, 2.0, 1.8, 1.9, 1.75]);
    expect(results.timeTo['2.0']).toBeCloseTo(5.5, 10);
    expect(results.timeTo['1.886']).toBeCloseTo(8, 10);
    expect(results.timeTo['1.669']).toBeNull();
    expect(results.final).toBe(1.75);
    expect(results.seconds).toBeCloseTo(11.5, 10);
    expect(lines).toHaveLength(5);
  });

  it('prints its keys as promised, null where a goal was never reached', () => {
    const { results } = start(25, [1.6]);
    expect(JSON.stringify(results)).toBe(
      '{"timeTo":{"2.0":3,"1.886":3,"1.669":3,"1.55":null,"1.4697":null},"final":1.6,"seconds":3}',
    );
    expect(JSON.stringify(start(25, [3]).results)).toContain(
      '{"2.0":null,"1.886":null,"1.669":null,"1.55":null',
    );
  });

  it('refuses flags that do not go together in one line', async () => {
    const cases: [string[], RegExp][] = [
      [['--race'], /--race needs a text to learn/],
      [['--data', 'data/tales.txt'], /--data goes with --race only/],
      [['--seed', '1'], /--seed goes with --race only/],
      [['--race', '--data', 'data/tales.txt', '--seconds', '3'], /--seconds cannot go with --race/],
    ];
    const ended = await inklings(cases.map(([args]) => ['bench', ...args]));
    expect(ended).toMatchObject(
      cases.map(([, message]) => ({ code: 2, out: '', err: expect.stringMatching(message) })),
    );
  });
});
