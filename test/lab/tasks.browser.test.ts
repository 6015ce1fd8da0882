/** The page's own thread never stalls: while a model is trained and sliders move, no task takes 50 ms.
 *
 * What counts is the time that the thread itself computes, from Chromium's trace: what other programs take of the processor is
 * not the page's. */
import { describe, expect } from 'vitest';
import { stops } from '../../src/lab/path/stops.ts';
import { views } from '../../src/lab/views/list.ts';
import { inBrowser, labPage, smallState } from './open-lab.ts';

const { open, evaluate, until, press, status, expectPeace, send, next } = labPage();

interface TraceEvent {
  readonly name: string;
  readonly pid: number;
  readonly tid: number;
  readonly args: { readonly name?: string };
  /** Microseconds that the thread computed. */
  readonly tdur?: number;
}

/** Milliseconds of each task of the page's own thread while something is done. */
async function tasksDuring(action: () => Promise<unknown>): Promise<number[]> {
  const includedCategories = ['toplevel'];
  await send('Tracing.start', { traceConfig: { includedCategories }, transferMode: 'ReturnAsStream' });
  await action();
  await evaluate('new Promise((resolve) => setTimeout(resolve))'); // for an answer comes before its task is over
  const complete = next('Tracing.tracingComplete');
  await send('Tracing.end', {});
  const { stream } = await complete;
  let text = '';
  for (let eof = false; !eof; ) {
    const part = (await send('IO.read', { handle: stream })) as { data: string; eof: boolean };
    [text, eof] = [text + part.data, part.eof];
  }
  const { traceEvents: events } = JSON.parse(text) as { traceEvents: TraceEvent[] };
  const page = events.filter(({ name, args }) => name === 'thread_name' && args.name === 'CrRendererMain');
  const own = events.filter(({ pid, tid }) => page.some((each) => each.pid === pid && each.tid === tid));
  const tasks = own.filter(({ name }) => name === 'ThreadControllerImpl::RunTask');
  return tasks.flatMap(({ tdur }) => (tdur === undefined ? [] : [tdur / 1000]));
}

const move = (name: string, values: readonly number[]) =>
  evaluate(`(async () => {
    for (const value of ${JSON.stringify(values)}) {
      const slider = document.querySelector('[name=${name}]');
      slider.value = value;
      slider.dispatchEvent(new Event('input'));
      await new Promise((resolve) => requestAnimationFrame(resolve));
    }
  })()`);

/** Of the tasks that a number of moves made, the longest each, the one in the middle. */
const middle = (tasks: readonly number[], moves: number) => tasks.toSorted((a, b) => b - a)[moves / 2]!;

describe("the page's own thread", () => {
  const expectQuick = (tasks: readonly number[], most: number) => {
    expect(tasks.length).toBeGreaterThan(50);
    expect(tasks.filter((ms) => ms > most)).toEqual([]);
  };

  inBrowser(
    'has no task over 50 ms while the lab opens, a model is trained, and views are looked at',
    async () => {
      const state = `${smallState}&steps=20&tokenizer=bpe&vocabulary=512`;
      await open(`train?${state}`);
      const opening = await tasksDuring(async () => {
        const loaded = next('Page.loadEventFired');
        await send('Page.reload', {});
        await loaded;
        await until(`document.querySelector('#view button') !== null`);
      });
      expectQuick(opening, 50);
      const training = await tasksDuring(async () => {
        await press('Train');
        await status('finished, step 20 of 20');
        await until(`document.querySelector('#loss .level') !== null`);
        await move('sample', [0, 1, 2, 3, 4, 5, 6]);
      });
      expectQuick(training, 50);
      const looking = await tasksDuring(async () => {
        for (const { id } of views) {
          await evaluate(`location.hash = '#${id}'`);
          await until(`document.querySelector('nav [aria-current]').hash === '#${id}'`);
          await evaluate(
            'new Promise((resolve) => requestAnimationFrame(() => requestAnimationFrame(resolve)))',
          );
        }
        for (let at = 1; at <= stops.length; at++) {
          await evaluate(`location.hash = '#path?at=${at}'`);
          await until(`document.querySelectorAll('.stops button')[${at - 1}].ariaCurrent === 'step'`);
          await press('Show the answer');
          await until(`document.querySelector('[data-numbers], #view [role=alert]:not([hidden])') !== null`);
        }
      });
      expectQuick(looking, 50);
      expectPeace();
    },
  );

  inBrowser('has none while Inside is drawn anew during a training, nor when one picks there', async () => {
    const text = 'The cat saw a bird. '.repeat(20);
    await open(
      `train?preset=words&layers=3&heads=4&channels=64&batch=4&threads=1&steps=100000&text=${encodeURIComponent(text)}`,
    );
    await press('Train');
    await until(`!document.querySelectorAll('#view button')[1].disabled`);
    const tasks = await tasksDuring(async () => {
      await evaluate(`location.hash = location.hash.replace('train', 'inside')`);
      await until(`document.querySelectorAll('[data-loss]').length === 12`, 60);
      await until(`document.querySelector('.map [data-id]') !== null`);
      const first = await evaluate(`document.querySelector('.row [data-p]').dataset.p`);
      await until(`document.querySelector('.row [data-p]').dataset.p !== '${first}'`, 60);
      await move('token', [5, 60, 10, 50, 20, 40, 30, 63]);
      await move('head', [1, 2, 3, 0]);
    });
    expectQuick(tasks, 50);
    await evaluate(`location.hash = location.hash.replace('inside', 'train')`);
    await press('Pause');
    await status('paused after step');
    expectPeace();
  });

  inBrowser('would be found out', async () => {
    await open('train');
    // Work of a size, not of a time: on a busy machine the thread may not get much of a time. Several: of the first the trace
    // may have missed the beginning, and then it has no time.
    const tasks = await tasksDuring(() =>
      evaluate(`(async () => {
        let x = 0;
        for (let turn = 0; turn < 4; turn++) {
          for (let i = 0; i < 3e8; i++) x += i;
          await new Promise((resolve) => requestAnimationFrame(resolve));
        }
        return x;
      })()`),
    );
    expect(Math.max(...tasks)).toBeGreaterThan(50);
  });

  inBrowser('answers a slider within a frame', async () => {
    await open(`train?${smallState}&steps=2&tokenizer=bpe&vocabulary=512`);
    await press('Train');
    await status('finished, step 2 of 2');
    await evaluate(`location.hash = '#next-token?d=prompt'`);
    await until(`document.querySelectorAll('.bars tr[data-id]').length === 40`);
    const shares = [0.1, 0.9, 0.2, 0.8, 0.3, 0.7, 0.4, 0.6];
    const ofSampler = await tasksDuring(async () => {
      for (const name of ['t', 'p']) await move(name, shares);
      for (const name of ['k', 'r']) await move(name, [60, 1, 50, 2, 40, 3, 30, 0]);
    });
    expect(middle(ofSampler, 32)).toBeLessThan(16);
    await evaluate(`location.hash = '#tokens?from=small.txt'`);
    await until(`document.querySelector('.boxes') !== null`);
    const ofMerges = await tasksDuring(() =>
      move('merges', [0, 100, 700, 200, 600, 300, 500, 400, 3, 2, 1, 0]),
    );
    expect(middle(ofMerges, 12)).toBeLessThan(16);
    expectPeace();
  });
});
