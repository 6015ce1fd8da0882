/** What goes on in the model while it reads a text: one full pass, and what its layers have left in memory. */

import { mostProbable, softmax } from '../../library/stages.ts';
import type { Tensor } from '../../tensor/tensor.ts';
import type { Looked } from './looked.ts';
import type { Attention, Lens, Tokens } from './protocol.ts';
import { encodePrompt } from './sampling.ts';

/** The ids of a text; of a long one the newest part, at most `most` and what the context holds. */
export function newest({ tokenizer, inputs }: Looked, text: string, most = inputs.size): Tokens {
  const { ids, unknown } = encodePrompt(tokenizer, text);
  return { ids: ids.slice(-Math.min(most, inputs.size)), unknown };
}

function read(looked: Looked, text: string, most?: number): Tokens & { readonly saved: readonly Tensor[] } {
  const { gpt, inputs } = looked;
  const tokens = newest(looked, text, most);
  const { length } = tokens.ids;
  inputs.data.set(tokens.ids);
  gpt.forward(inputs.rows(length), { batch: 1, time: length });
  return { ...tokens, saved: gpt.arena.savedTensors };
}

export function attentionOf(looked: Looked, text: string, most?: number): Attention {
  const { ids, unknown, saved } = read(looked, text, most);
  const { heads } = looked.gpt.config;
  const layers = saved
    .filter(({ name }) => name.endsWith('.probs'))
    .map((probs) => Float32Array.from(probs.view(1, heads, ids.length, ids.length).data));
  return { ids, unknown, layers, heads };
}

/** The residual stream after each layer, read off as if it were the last (nostalgebraist, "interpreting GPT: the logit
 * lens", 2020). @param best how many tokens of each */
export function lensOf(looked: Looked, text: string, best = 5, most?: number): Lens {
  const { ids, unknown, saved } = read(looked, text, most);
  const streams = saved.filter(({ name }) => name === 'embedded' || name.endsWith('.x2'));
  const layers = streams.map((stream) => {
    const logits = looked.gpt.readOff(stream.rows(ids.length));
    return Array.from(ids, (_, t) => {
      const probabilities = softmax(logits.row(t).data);
      const truth = ids[t + 1];
      return {
        best: mostProbable(probabilities, best).map((id) => ({ id, probability: probabilities[id]! })),
        rank:
          truth === undefined
            ? 0
            : 1 + probabilities.reduce((n, p) => n + Number(p > probabilities[truth]!), 0),
        probability: truth === undefined ? Number.NaN : probabilities[truth]!,
      };
    });
  });
  return { ids, unknown, layers };
}
