/** One product and the cross-entropy, as the lab's engine tells them, against a model of its own that reads the same text. */
import { beforeAll, describe, expect, it, vi } from 'vitest';
import { nodeHost } from '../../src/cli/host/simd-host.ts';
import type { Product } from '../../src/lab/engine/product-protocol.ts';
import type { Files } from '../../src/library/run-files.ts';
import { readModel } from '../../src/library/run-files.ts';
import { loadParameters } from '../../src/model/files/checkpoint.ts';
import { Gpt } from '../../src/model/gpt.ts';
import { exp } from '../../src/tensor/math.ts';
import { createSimdKernels } from '../../src/tensor/simd/index.ts';
import type { Tensor } from '../../src/tensor/tensor.ts';
import { NodeEngine, smallRun, smallText } from './support.ts';

const text = 'The cat sat on the mat.';
const N = text.length - 1;
const scale = Math.fround(1 / N);

/** What a matrix is called in each architecture's files: the product's weight, and what its result is saved as. */
const names = {
  nano: {
    q: ['model.layers.1.self_attn.q_proj.weight', 'model.layers.1.self_attn.q_proj.y', 0],
    k: ['model.layers.1.self_attn.k_proj.weight', 'model.layers.1.self_attn.q_proj.y', 1],
    v: ['model.layers.1.self_attn.v_proj.weight', 'model.layers.1.self_attn.q_proj.y', 2],
    output: ['model.layers.1.self_attn.o_proj.weight', 'model.layers.1.self_attn.o_proj.y', 0],
    gate: ['model.layers.1.mlp.gate_proj.weight', 'model.layers.1.mlp.gate_proj.y', 0],
    up: ['model.layers.1.mlp.up_proj.weight', 'model.layers.1.mlp.gate_proj.y', 1],
    down: ['model.layers.1.mlp.down_proj.weight', 'model.layers.1.mlp.down_proj.y', 0],
    head: ['model.embed_tokens.weight', 'logits', 0],
  },
  'nanogpt-cpu': {
    q: ['transformer.h.1.attn.c_attn.weight', 'transformer.h.1.attn.c_attn.y', 0],
    k: ['transformer.h.1.attn.c_attn.weight', 'transformer.h.1.attn.c_attn.y', 1],
    v: ['transformer.h.1.attn.c_attn.weight', 'transformer.h.1.attn.c_attn.y', 2],
    output: ['transformer.h.1.attn.c_proj.weight', 'transformer.h.1.attn.c_proj.y', 0],
    up: ['transformer.h.1.mlp.c_fc.weight', 'transformer.h.1.mlp.c_fc.y', 0],
    down: ['transformer.h.1.mlp.c_proj.weight', 'transformer.h.1.mlp.c_proj.y', 0],
    head: ['transformer.wte.weight', 'logits', 0],
  },
} as const;

type Preset = keyof typeof names;

/** Logits, losses, gradients and saved tensors of the text, by a model that nobody watches. */
async function plainly(files: Files, math: 'auto' | 'portable') {
  const checkpoint = await readModel(files, 'run');
  const { config, tokenizer } = checkpoint;
  const kernels = await createSimdKernels(nodeHost, { threads: 1, math });
  const gpt = new Gpt(config, { kernels, batch: 1, slots: 0, gradients: true });
  const [inputs, targets] = [gpt.arena.ids('inputs', N), gpt.arena.ids('targets', N)];
  const losses = gpt.arena.scratch('losses', [N]);
  gpt.arena.allocate(kernels.memory);
  loadParameters(gpt, checkpoint, 'run');
  const ids = tokenizer.encode(text);
  inputs.data.set(ids.subarray(0, N));
  targets.data.set(ids.subarray(1));
  const logits = gpt.forward(inputs, { batch: 1, time: N });
  kernels.crossEntropy(losses, logits, targets);
  gpt.backward(targets, scale);
  const tensor = (name: string): Tensor => gpt.arena.savedTensors.find((saved) => saved.name === name)!;
  const gradient = (name: string) => gpt.parameters.find((parameter) => parameter.name === name)!.grad;
  return { config, ids, logits, losses, tensor, gradient };
}

describe.each([
  ['nano', 'portable'],
  ['nano', 'auto'],
  ['nanogpt-cpu', 'portable'],
  ['nanogpt-cpu', 'auto'],
] as const)('of %s, math %s', (preset: Preset, math) => {
  const engine = new NodeEngine();
  let plain: Awaited<ReturnType<typeof plainly>>;
  beforeAll(async () => {
    await engine.call('open', { threads: 1, math });
    await engine.stream('train', {
      text: smallText,
      ...smallRun,
      preset,
      settings: { ...smallRun.settings, steps: 20 },
    });
    plain = await plainly(await engine.call('kept', { step: 20 }), math);
  });
  const ask = (matrix: string, row: number, column: number, input: number, layer = 1): Promise<Product> =>
    engine.call('product', { text, layer, matrix, row, column, input });

  it.each(Object.entries(names[preset]))(
    '%s: sums end at the bits that the model has',
    async (matrix, [weight, saved, part]) => {
      const { tensor, gradient, config } = plain;
      const whole = matrix === 'head' ? plain.logits : tensor(saved);
      for (const [row, column, input] of [
        [0, 0, 0],
        [7, 11, 30],
        [N - 1, 31, 5],
      ] as const) {
        const found = await ask(matrix, row, column, input);
        const { y, dx, dw, outputs, inputs } = found;
        expect(found).toMatchObject({ matrix, row, column, input, layer: 1 });
        expect([y.a.length, dx.a.length, dw.a.length]).toEqual([inputs, whole.shape[1], N]);
        for (const chain of [y, dx, dw]) expect(Object.is(chain.sums.at(-1), chain.result)).toBe(true);
        const rotated = preset === 'nano' && (matrix === 'q' || matrix === 'k'); // in place, after the product
        const norm = tensor('model.layers.1.self_attn.qk_norm.y');
        if (!rotated || norm !== undefined)
          expect(y.result).toBe(whole.data[row * whole.shape[1] + part * outputs + column]);
        // The gradient of w: (K N) in gpt2, but for the head; else (N K). The embedding adds its own part to the head's.
        const grad = gradient(weight);
        const [rows, columns] =
          preset === 'nano' || matrix === 'head' ? [column, input] : [input, part * outputs + column];
        if (matrix !== 'head' || !plain.ids.includes(column))
          expect(dw.result).toBe(grad.data[rows * grad.shape[1] + columns]);
        // The same numbers stand in all three.
        expect(y.a[input]).toBe(dw.a[row]);
        expect(y.b[input]).toBe(dx.b[matrix === 'head' ? column : part * outputs + column]);
        expect(dw.b[row]).toBe(dx.a[matrix === 'head' ? column : part * outputs + column]);
        expect(config.channels).toBe(32);
      }
    },
  );

  it('starts from the bias where there is one', async () => {
    const { y, dx, dw } = await ask('up', 3, 4, 5);
    expect([dx.start, dw.start]).toEqual([0, 0]);
    if (preset === 'nano') expect(y.start).toBe(0);
    else expect(y.start).not.toBe(0);
  });

  it('measures the gradients: quotients of differences in float64 agree with them', async () => {
    for (const { matrix, row, column, input, layer } of [
      { matrix: 'q', row: 3, column: 1, input: 2, layer: 0 },
      { matrix: 'v', row: 5, column: 9, input: 20, layer: 1 },
      { matrix: 'down', row: N - 1, column: 3, input: 40, layer: 0 },
      { matrix: 'head', row: 2, column: plain.ids[3], input: 7, layer: 0 },
    ]) {
      const place = { text, matrix, row, column, input, layer };
      const { dx, dw } = await engine.call('product', place);
      const measured = await engine.call('differences', place);
      expect(measured.step).toBe(2 ** -17);
      for (const [gradient, { quotient, relative }] of [
        [dx.result, measured.dx],
        [dw.result, measured.dw],
      ] as const) {
        expect(Math.abs(quotient)).toBeGreaterThan(1e-7);
        expect(relative, `${matrix} ${gradient} ${quotient}`).toBeLessThan(1e-3);
        expect(relative).toBe(
          Math.abs(gradient - quotient) / Math.max(Math.abs(gradient), Math.abs(quotient)),
        );
      }
    }
  });

  it('goes from logits to their gradient with the bits of the model', async () => {
    for (const row of [0, 8, N - 1]) {
      const head = await ask('head', row, 6, 0);
      const found = head.entropy;
      const { logits, max, exponentials, sum, probabilities, target, gradient } = found;
      expect(logits).toEqual(plain.logits.row(row).data);
      expect([target, found.loss, max]).toEqual([
        plain.ids[row + 1],
        plain.losses.data[row],
        Math.max(...logits),
      ]);
      expect(found.mean).toBeCloseTo(
        Array.from(plain.losses.data).reduce((total, loss) => total + loss) / N,
        6,
      );
      expect(Math.abs(sum / Array.from(exponentials).reduce((total, e) => total + e) - 1)).toBeLessThan(1e-6);
      for (const [id, z] of logits.entries()) {
        const exact = exp(Math.fround(z - max));
        expect(Math.abs(exponentials[id] - exact)).toBeLessThanOrEqual(2 ** -23 * exact);
        const difference = Math.fround(probabilities[id] - (id === target ? 1 : 0));
        expect(gradient[id], String(id)).toBe(Math.fround(difference * scale));
      }
      expect(head.dx.a).toEqual(gradient);
      expect(head.y.result).toBe(logits[6]);
    }
  });
});

describe('where there is no SIMD', () => {
  it('sums end at the bits of the reference, which rounds once', async () => {
    const validate = vi.spyOn(WebAssembly, 'validate').mockReturnValue(false);
    const engine = new NodeEngine();
    expect((await engine.call('open', {})).arithmetic).toBe('reference');
    const preset = 'nanogpt-cpu'; // it has biases to start from
    await engine.stream('train', {
      text: smallText,
      ...smallRun,
      preset,
      settings: { batchSize: 2, steps: 2, seed: 1 },
    });
    for (const matrix of ['q', 'down', 'head']) {
      const { y, dx, dw, entropy } = await engine.call('product', {
        text,
        layer: 1,
        matrix,
        column: 3,
        input: 4,
      });
      for (const { sums, result } of [y, dx, dw]) expect(sums.at(-1)).toBe(result);
      const exact = y.a.reduce((sum, value, k) => sum + value * y.b[k], 0);
      expect(y.result).toBe(Math.fround(y.start + exact));
      const { probabilities, gradient, target } = entropy;
      for (const [id, p] of probabilities.entries())
        expect(gradient[id]).toBe(Math.fround((p - (id === target ? 1 : 0)) * (1 / N)));
    }
    validate.mockRestore();
  });
});
