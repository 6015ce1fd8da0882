/** The engine in a real browser computes Node's bits: contracts hold across engines. */
import { describe, expect } from 'vitest';
import { inBrowser, labPage } from './open-lab.ts';
import { checksums, NodeEngine, smallDraw, smallRun, smallText } from './support.ts';

const { open, evaluate, expectPeace } = labPage();

describe('the engine in Chromium', () => {
  inBrowser.each([
    ['auto', 1],
    ['auto', 2],
    ['portable', 1],
    ['portable', 3],
  ] as const)(
    'has the bits of Node after 30 steps and 500 tokens: math %s, threads %i',
    async (math, threads) => {
      if (math === 'auto' && threads === 1) await open('train');
      const there = await evaluate<{
        machine: { arithmetic: string; threads: number };
        sums: Record<string, string>;
        ids: number[];
      }>(`(async () => {
      const { Engine } = await import('/src/lab/engine/client.ts');
      const engine = new Engine();
      const machine = await engine.call('open', { threads: ${threads}, math: '${math}' });
      for await (const event of engine.stream('train', ${JSON.stringify({ text: smallText, ...smallRun })}));
      const files = await engine.call('files', {});
      const { ids } = await engine.stream('generate', ${JSON.stringify(smallDraw)}).end;
      engine.close();
      const sums = [...files].filter(([path]) => path.endsWith('checksums.txt'));
      return { machine, ids, sums: Object.fromEntries(sums.map(([path, bytes]) => [path, new TextDecoder().decode(bytes)])) };
    })()`);
      const here = new NodeEngine();
      const { arithmetic } = await here.call('open', { threads: 1, math });
      expect(there.machine.threads).toBe(threads);
      if (arithmetic !== there.machine.arithmetic) return; // one of them cannot fuse: there is nothing to compare
      await here.stream('train', { text: smallText, ...smallRun });
      const files = await here.call('files', {});
      expect(there.sums).toEqual(checksums(files));
      expect(Object.keys(there.sums)).toEqual(['best/checksums.txt', 'step-00000030/checksums.txt']);
      const { ids } = await here.stream('generate', smallDraw);
      expect(there.ids).toEqual(ids);
      expect(ids).toHaveLength(500);
      expectPeace();
    },
  );
});
