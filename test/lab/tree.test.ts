/** The beam as a tree, as the lab's engine tells it, against the search itself and against the model's own distributions. */
import { beforeAll, describe, expect, it } from 'vitest';
import { nodeHost } from '../../src/cli/host/simd-host.ts';
import type { Tree, TreeRequest } from '../../src/lab/engine/tree-protocol.ts';
import { readModel } from '../../src/library/run-files.ts';
import { loadParameters } from '../../src/model/files/checkpoint.ts';
import { Gpt } from '../../src/model/gpt.ts';
import type { Tokenizer } from '../../src/model/text/tokenizer.ts';
import { beamSearch } from '../../src/sample/beam.ts';
import { logSumExp } from '../../src/sample/edits.ts';
import { generateAll } from '../../src/sample/generate.ts';
import { createSimdKernels } from '../../src/tensor/simd/index.ts';
import { NodeEngine, smallRun, smallText } from './support.ts';

const request: TreeRequest = {
  ...{ text: 'The c', width: 3, depth: 8, lengthPenalty: 0, stop: '' },
  ...{ draws: 4, temperature: 0.9, seed: 3 },
};

describe('the tree', () => {
  const engine = new NodeEngine();
  let model: Gpt;
  let tokenizer: Tokenizer;
  beforeAll(async () => {
    await engine.call('open', { threads: 1, math: 'portable' });
    await engine.stream('train', { text: smallText, ...smallRun });
    const checkpoint = await readModel(await engine.call('kept', { step: 30 }), 'run');
    const kernels = await createSimdKernels(nodeHost, { threads: 1, math: 'portable' });
    model = new Gpt(checkpoint.config, { kernels, batch: 0, slots: 4, gradients: false });
    model.arena.allocate(kernels.memory);
    loadParameters(model, checkpoint, 'run');
    tokenizer = checkpoint.tokenizer;
  });
  /** The tokens from the prompt to a node. */
  const path = ({ nodes }: Tree, node: number): number[] =>
    node < 0 ? [] : [...path({ nodes } as Tree, nodes[node].parent), nodes[node].id];

  it.each([
    { lengthPenalty: 0, stop: '' },
    { lengthPenalty: 0, stop: 'e' },
    { lengthPenalty: 2, stop: 'e' },
  ])('ends where the search ends, with its numbers: %o', async (more) => {
    const tree = await engine.call('tree', { ...request, ...more });
    const results = beamSearch(model, Array.from(tokenizer.encode(request.text)), {
      ...{ width: 3, lengthPenalty: more.lengthPenalty, settings: {}, maxNewTokens: 8 },
      ...{ contextPolicy: 'shift', tokenizer, includeStop: true, stop: more.stop === '' ? [] : [more.stop] },
    });
    expect(tree.found).toEqual(
      results.map(({ text, logProbability, score }, i) => ({
        ...{ node: tree.found[i].node, text, logProbability, score },
      })),
    );
    for (const [i, { node, logProbability, score }] of tree.found.entries()) {
      expect(path(tree, node)).toEqual(results[i].tokens);
      expect(tree.nodes[node]).toMatchObject({
        logProbability,
        score,
        kept: true,
        depth: results[i].tokens.length,
      });
    }
    const lengths = new Set(results.map(({ tokens }) => tokens.length));
    expect(lengths.size > 1 || more.lengthPenalty > 0 || more.stop === '').toBe(true);
  });

  it('holds all that was considered: the best continuations of each text that was kept', async () => {
    const tree = await engine.call('tree', { ...request, draws: 0 });
    expect(tree.nodes).toHaveLength(3 + 7 * 9);
    const parents = [-1, ...tree.nodes.keys()].filter(
      (node) => node < 0 || (tree.nodes[node].kept && tree.nodes[node].depth < 8),
    );
    for (const parent of parents) {
      const before = path(tree, parent);
      const { logits } = await engine.call('distribution', { text: request.text + tokenizer.decode(before) });
      const best = [...logits.keys()].sort((a, b) => logits[b] - logits[a] || a - b).slice(0, 3);
      const children = tree.nodes.filter((node) => node.parent === parent);
      expect(children.map(({ id }) => id).sort()).toEqual(best.sort());
      const above = tree.nodes[parent]?.logProbability ?? 0;
      const logSum = logSumExp(logits);
      for (const { id, logProbability, probability } of children) {
        expect(logProbability).toBe(above + (logits[id] - logSum));
        expect(probability).toBeCloseTo(Math.exp(logits[id] - logSum), 12);
      }
    }
    for (let depth = 1; depth <= 8; depth++) {
      const level = tree.nodes.filter((node) => node.depth === depth);
      expect(level.map(({ rank }) => rank)).toEqual(level.map((_, i) => i + 1));
      expect(level.map(({ score }) => score)).toEqual(level.map(({ score }) => score).sort((a, b) => b - a));
      expect(level.map(({ kept }) => kept)).toEqual(level.map((_, i) => i < 3));
    }
  });

  it('has drawn texts on it, those that sampling draws', async () => {
    const tree = await engine.call('tree', request);
    const prompt = Array.from(tokenizer.encode(request.text));
    const drawn = generateAll(
      model,
      [0, 1, 2, 3].map((stream) => ({ prompt, stream })),
      { settings: { temperature: 0.9 }, maxNewTokens: 8, seed: 3, contextPolicy: 'shift', tokenizer },
    );
    expect(tree.drawn.map(({ text }) => text)).toEqual(drawn.map(({ text }) => text));
    expect(tree.drawn.map(({ node }) => path(tree, node))).toEqual(drawn.map(({ tokens }) => tokens));
    const beside = tree.nodes.filter(({ rank }) => rank === 0);
    expect(beside.length).toBeGreaterThan(4);
    expect(beside.every(({ kept }) => !kept)).toBe(true);
    for (const [i, { node, logProbability }] of tree.drawn.entries()) {
      expect(tree.nodes[node].logProbability).toBe(logProbability);
      expect(tree.nodes.filter(({ drawn }) => drawn.includes(i))).toHaveLength(8);
    }
    // Where a drawn text goes along with the beam it is the same node.
    expect(tree.nodes.some(({ rank, drawn }) => rank > 0 && drawn.length > 0)).toBe(true);
    // Fewer drawn texts are the same ones.
    const fewer = await engine.call('tree', { ...request, draws: 2 });
    expect(fewer.drawn.map(({ text }) => text)).toEqual(drawn.slice(0, 2).map(({ text }) => text));
  });
});
