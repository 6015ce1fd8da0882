/** Beam search as a tree: all that it considered, and what became of it; and drawn texts on the same tree. */
import { beamSteps, type Hypothesis, scoreOf } from '../../sample/beam.ts';
import { generate } from '../../sample/generate.ts';
import { Trace } from '../../sample/trace.ts';
import { exp } from '../../tensor/math.ts';
import type { Looked } from './looked.ts';
import { encodePrompt } from './sampling.ts';
import type { Tree, TreeNode, TreeRequest } from './tree-protocol.ts';

/** A node whose drawn texts are still being counted. */
type Growing = Omit<TreeNode, 'drawn'> & { readonly drawn: number[] };

export function treeOf(looked: Looked, request: TreeRequest): Tree {
  const { gpt, tokenizer, eosTokens } = looked;
  const { text, width, depth, lengthPenalty, stop, draws, temperature, seed } = request;
  const { ids, unknown } = encodePrompt(tokenizer, text);
  const prompt = Array.from(ids);
  const stops = { stop: stop === '' ? [] : [stop], includeStop: true, tokenizer };
  const options = { ...stops, maxNewTokens: depth, contextPolicy: 'shift' } as const;
  const nodes: Growing[] = [];
  const add = (
    parent: number,
    id: number,
    logProbability: number,
    { sum, rank, kept }: { readonly sum: number; readonly rank: number; readonly kept: boolean },
  ): number => {
    const { depth: above, logProbability: before } = nodes[parent] ?? { depth: 0, logProbability: 0 };
    const score = scoreOf({ sum, length: above + 1 }, lengthPenalty);
    const probability = exp(logProbability - before);
    return (
      nodes.push({
        ...{ parent, depth: above + 1, id, probability, logProbability, score, rank, kept, drawn: [] },
      }) - 1
    );
  };

  const search = beamSteps(gpt, prompt, { ...options, settings: { eosTokens }, width, lengthPenalty });
  const nodeOf = new Map<Hypothesis, number>();
  let standing: readonly number[] = [];
  let step = search.next();
  for (; !step.done; step = search.next()) {
    const { considered, kept } = step.value;
    standing = considered.map(({ parent, token, logProbability, sum }, i) => {
      const at = nodeOf.get(parent) ?? -1;
      if (token === undefined) return at; // it had ended before
      return add(at, token, logProbability, { sum, rank: i + 1, kept: i < kept.length });
    });
    for (const [i, hypothesis] of kept.entries()) nodeOf.set(hypothesis, standing[i]);
  }
  const found = step.value.map(({ text, logProbability, score }, i) => ({
    ...{ node: standing[i], text, logProbability, score },
  }));

  const drawn = Array.from({ length: draws }, () => ({ node: -1, text: '', logProbability: 0 }));
  const requests = drawn.map((_, stream) => ({ prompt, stream }));
  const trace = new Trace();
  if (draws > 0)
    for (const { row, token, text } of generate(gpt, requests, {
      ...options,
      settings: { eosTokens, temperature },
      seed,
      trace,
    })) {
      const path = drawn[row];
      path.text += text;
      if (token === undefined) continue;
      path.logProbability += trace.rawLogProbability;
      const { node, logProbability } = path;
      const known = nodes.findIndex(({ parent, id }) => parent === node && id === token);
      path.node =
        known >= 0 ? known : add(node, token, logProbability, { sum: logProbability, rank: 0, kept: false });
      nodes[path.node].drawn.push(row);
    }
  return { ids, unknown, nodes, found, drawn };
}
