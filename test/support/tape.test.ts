import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { expectClose, unit } from './compare.ts';
import { microGpt, type Parameters } from './tape.ts';

const golden = new URL('../golden/gpt2-tiny/', import.meta.url);

/** Tensors of a float32 safetensors file: an 8-byte length, a JSON header, then the data it points into. */
function safetensors(file: string): Parameters {
  const bytes = Uint8Array.from(readFileSync(new URL(file, golden)));
  const view = new DataView(bytes.buffer);
  const start = 8 + Number(view.getBigUint64(0, true));
  const header = JSON.parse(new TextDecoder().decode(bytes.subarray(8, start)));
  delete header.__metadata__;
  return new Map(
    Object.entries<{ shape: number[]; data_offsets: [number, number] }>(header).map(([name, entry]) => {
      const [from, to] = entry.data_offsets;
      return [
        name,
        { shape: entry.shape, data: new Float32Array(bytes.buffer.slice(start + from, start + to)) },
      ];
    }),
  );
}

describe('the scalar GPT-2 agrees with PyTorch in float64 up to the rounding of its stored values to float32', () => {
  const { inputs, targets, loss } = JSON.parse(readFileSync(new URL('expected.json', golden), 'utf8'));
  const parameters = safetensors('model.safetensors');
  const expected = safetensors('expected.safetensors');
  const actual = microGpt(parameters, { heads: 2 }, inputs, targets);

  it('in the loss', () => {
    expect(Math.abs(actual.loss / loss - 1)).toBeLessThan(1e-12);
  });

  it('in every logit', () => {
    expectClose(actual.logits, expected.get('logits')!.data, { relative: 1.01 * unit });
  });

  it('in the gradient of every parameter', () => {
    expect([...actual.gradients.keys()].map((name) => `grad.${name}`).sort()).toEqual(
      [...expected.keys()].filter((name) => name.startsWith('grad.')).sort(),
    );
    for (const [name, gradient] of actual.gradients) {
      expectClose(gradient, expected.get(`grad.${name}`)!.data, { relative: 1.01 * unit });
    }
  });
});
