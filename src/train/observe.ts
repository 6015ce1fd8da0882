/** Measures what one step does to each part of the model: the size of its gradient, of its weights, and of their
 * change, all as root mean squares over the part's elements.
 *
 * The ratio of change to weight is the number to watch: about 1e-3 is healthy (1e-2 with Muon), much more is too fast,
 * and a part with much less hardly learns. */
import type { Parameter } from '../tensor/arena.ts';
import type { LayerMetrics } from './metrics.ts';
import type { Trainer } from './trainer.ts';

/** transformer.h.0.attn.c_attn.weight -> h.0.attn, model.layers.0.mlp.up_proj.weight -> layers.0.mlp; a norm
 * belongs to the branch that it feeds. */
function partOf(name: string): string {
  const [, first, index, layer] = name.split('.');
  if (first !== 'h' && first !== 'layers') return name.startsWith('lm_head') ? 'lm_head' : first!;
  const attention = ['ln_1', 'attn', 'input_layernorm', 'self_attn'].includes(layer!);
  return `${first}.${index}.${attention ? 'attn' : 'mlp'}`;
}

/** Parameters grouped by part, in the order of the model. */
export function partsOf(parameters: readonly Parameter[]): Map<string, Parameter[]> {
  const parts = new Map<string, Parameter[]>();
  for (const parameter of parameters) {
    const part = partOf(parameter.name);
    parts.set(part, [...(parts.get(part) ?? []), parameter]);
  }
  return parts;
}

/** Called before a step; the function that it returns, called after that step, measures what the step did. Costs a copy
 * of the weights, so not for every step. */
export function observe(trainer: Trainer): () => LayerMetrics['layers'] {
  const { parameters, arena } = trainer.model;
  const before = trainer.weights.data.slice();
  return () => {
    const after = trainer.weights.data;
    return [...partsOf(parameters)].map(([name, members]) => {
      let [gradient, weight, update, elements] = [0, 0, 0, 0];
      for (const member of members) {
        const { value, grad } = member;
        const first = arena.offsetOf(member);
        for (let i = 0; i < value.size; i++) {
          const old = before[first + i]!;
          gradient += grad.data[i]! * grad.data[i]!;
          weight += old * old;
          update += (after[first + i]! - old) * (after[first + i]! - old);
        }
        elements += value.size;
      }
      const rms = (sum: number) => Math.sqrt(sum / elements);
      return { name, gradient: rms(gradient), weight: rms(weight), update: rms(update) };
    });
  };
}
