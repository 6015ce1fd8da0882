/** The view Tree in a real browser: its nodes have Node's numbers, and one goes through them by keyboard. */
import { beforeAll, describe, expect } from 'vitest';
import type { Tree, TreeRequest } from '../../src/lab/engine/tree-protocol.ts';
import { inBrowser, labPage, smallTraining } from './open-lab.ts';
import { NodeEngine } from './support.ts';

const { evaluate, until, press, trained, enter, expectFits, expectPeace, send } = labPage();
const request: TreeRequest = {
  ...{ text: 'The ', width: 3, depth: 7, lengthPenalty: 0, stop: '' },
  ...{ draws: 2, temperature: 1, seed: 1 },
};

/** The model of `trained`, in Node. */
const here = new NodeEngine();
beforeAll(async () => {
  await here.call('open', { threads: 1, math: 'portable' });
  await here.stream('train', smallTraining);
});
const shown = `JSON.stringify([...document.querySelectorAll('[data-node]')].map(({ dataset }) => [dataset.id, dataset.p, dataset.log].map(Number)))`;
/** Waits until the page has the nodes and texts of Node. */
async function expectShown(given: TreeRequest): Promise<Tree> {
  const tree = await here.call('tree', given);
  const nodes = tree.nodes.map(({ id, probability, logProbability }) => [id, probability, logProbability]);
  await until(`${shown} === '${JSON.stringify(nodes)}'`);
  const numbers = (kind: string) =>
    `[...document.querySelectorAll('[data-${kind}]')].map(({ dataset }) => dataset.${kind}).join()`;
  for (const kind of ['found', 'drawn'] as const)
    await until(`${numbers(kind)} === '${tree[kind].map(({ logProbability }) => logProbability).join()}'`);
  return tree;
}
const key = async (name: string, code: number) => {
  for (const type of ['keyDown', 'keyUp'])
    await send('Input.dispatchKeyEvent', { type, key: name, code: name, windowsVirtualKeyCode: code });
};

describe('Tree', () => {
  inBrowser("shows Node's tree, with what was dropped, and draws others on it", async () => {
    await trained('Tree');
    const tree = await expectShown(request);
    const fates = await evaluate<string[]>(
      `[...document.querySelectorAll('[data-node]')].map((node) => [...node.classList].at(-1))`,
    );
    expect(tree.nodes.map(({ kept, rank }) => (kept ? 'on' : rank > 0 ? 'dropped' : 'drawn'))).toEqual(
      fates.map((fate) => (['best', 'found', 'kept'].includes(fate) ? 'on' : fate)),
    );
    const best: number[] = [];
    for (let at = tree.found[0].node; at >= 0; at = tree.nodes[at].parent) best.unshift(at);
    expect(fates.flatMap((fate, at) => (fate === 'best' ? [at] : []))).toEqual(best);
    expect(best).toHaveLength(7);
    await enter('beams', 2);
    await enter('depth', 5);
    await enter('stop', 'e');
    await enter('penalty', 1.5);
    const changed = { ...request, width: 2, depth: 5, stop: 'e', lengthPenalty: 1.5 };
    await expectShown(changed);
    await press('Draw others');
    await expectShown({ ...changed, seed: 2 });
    await enter('draws', 4);
    await enter('t', 0.7);
    await enter('prompt', 'A cat');
    await expectShown({ ...changed, seed: 2, draws: 4, temperature: 0.7, text: 'A cat' });
    await until(
      `/beams=2&.*depth=5&draws=4&.*penalty=1.5&prompt=A\\+cat&seed=2&.*stop=e&t=0.7/.test(location.hash)`,
    );
    await enter('draws', 0);
    await expectShown({ ...changed, seed: 2, draws: 0, temperature: 0.7, text: 'A cat' });
    expect(await evaluate(`document.querySelectorAll('svg.tree path.draw').length`)).toBe(0);
    expectPeace();
  });

  inBrowser('is gone through by arrow keys; each node tells its token, probability and log P', async () => {
    await trained('Tree');
    const { nodes, found } = await expectShown(request);
    const at = () => evaluate<number>(`Number(document.activeElement.dataset.node ?? -1)`);
    const told = () => evaluate<string>(`document.querySelector('.told').textContent`);
    const end = found[0].node;
    await evaluate(`document.querySelector('[data-node][tabindex="0"]').focus()`);
    expect(await at()).toBe(end);
    await key('ArrowLeft', 37);
    expect(await at()).toBe(nodes[end].parent);
    expect(await told()).toContain(
      `log P = ${String(nodes[nodes[end].parent].logProbability).replace('-', '−')}`,
    );
    await key('ArrowRight', 39);
    const right = nodes[await at()];
    expect([right.parent, right.depth]).toEqual([nodes[end].parent, nodes[end].depth]);
    const column = nodes.flatMap(({ depth, rank }, i) => (depth === 7 && rank > 0 ? [i] : []));
    for (let i = nodes[await at()].rank; i < column.length; i++) {
      await key('ArrowDown', 40);
      expect(await at()).toBe(column[i]);
    }
    expect(await told()).toMatch(/place 9: dropped/);
    await key('ArrowUp', 38);
    expect(await at()).toBe(column.at(-2));
    expect(await evaluate(`document.querySelectorAll('[data-node][tabindex="0"]').length`)).toBe(1);
    const label = await evaluate<string>(`document.activeElement.getAttribute('aria-label')`);
    expect(label).toMatch(/^“.+”, probability [\d.]+%, log P −[\d.]+, place 8: dropped$/);
    await evaluate(
      `document.querySelector('[data-node="0"]').dispatchEvent(new MouseEvent('click', { bubbles: true }))`,
    );
    expect(await at()).toBe(0);
    expectPeace();
  });

  inBrowser(
    'fits, can be read in both schemes, and brings an address that asks too much within its limits',
    async () => {
      await trained('Tree', 'beams=99&depth=24&draws=4');
      await expectShown({ ...request, width: 4, depth: 24, draws: 4 });
      await expectFits();
      expect(await evaluate(`document.querySelector('[role=alert]').hidden`)).toBe(true);
      expectPeace();
    },
  );
});
