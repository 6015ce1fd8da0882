/** What PyTorch computed in float64 with the models of test/golden; stored as float32, hence the tolerance of 1e-5. */
import { describe, expect, it } from 'vitest';
import { loadParameters } from '../../src/model/files/checkpoint.ts';
import { Gpt } from '../../src/model/gpt.ts';
import { generateAll } from '../../src/sample/generate.ts';
import { samplingSettings } from '../../src/sample/settings.ts';
import type { Precision } from '../../src/tensor/arena.ts';
import { ids } from '../../src/tensor/tensor.ts';
import { AdamW } from '../../src/train/adamw.ts';
import { score, scoreTokens } from '../../src/train/score.ts';
import { allWindows } from '../../src/train/windows.ts';
import { backends } from '../support/backends.ts';
import { expectClose } from '../support/compare.ts';
import { golden } from '../support/models.ts';

const relative = 1e-5;
const mean = (x: ArrayLike<number>) => Array.from(x).reduce((sum, value) => sum + value, 0) / x.length;

const cases = (await backends()).flatMap(({ name, kernels }) =>
  (['gpt2-tiny', 'qwen3-tiny'] as const).map((folder) => ({ name, kernels, folder })),
);

describe.each(cases)('$name kernels agree with PyTorch on $folder in', ({ kernels, folder }) => {
  const { checkpoint, values, tensors, text } = golden(folder);
  const { inputs, targets, adamw } = values;
  const [batch, time] = [inputs.length, inputs[0]!.length];
  const rows = batch * time;

  function open(precision: Precision = 'float32') {
    const model = new Gpt(checkpoint.config, { kernels, batch, slots: 1, gradients: true, precision });
    const { lr: learningRate, beta1, beta2, weight_decay: weightDecay, clip_norm: clip } = adamw;
    const optimizer = new AdamW(model.arena, kernels, { beta1, beta2, weightDecay, clip });
    const buffers = {
      inputs: model.arena.ids('inputs', batch * checkpoint.config.contextLength),
      targets: model.arena.ids('targets', batch * checkpoint.config.contextLength),
    };
    const losses = model.arena.saved('losses', [rows]);
    model.arena.allocate(kernels.memory);
    loadParameters(model, checkpoint, 'golden');
    const [x, y] = [buffers.inputs.rows(rows), buffers.targets.rows(rows)];
    x.data.set(inputs.flat());
    y.data.set(targets.flat());
    /** Forward and backward; the loss. */
    const pass = (): number => {
      model.arena.grads.data.fill(0);
      kernels.crossEntropy(losses, model.forward(x, { batch, time }), y);
      model.backward(y, 1 / rows);
      return mean(losses.data);
    };
    return {
      model,
      buffers,
      pass,
      forward: () => model.forward(x, { batch, time }),
      step: (t: number) => {
        const norm = optimizer.norm();
        optimizer.update(learningRate, norm, t);
        return norm;
      },
    };
  }

  it('every logit', () => {
    expectClose(open().forward(), tensors.get('logits')!.data, { relative });
  });

  it('the loss and the gradient of every parameter', () => {
    const { model, pass } = open();
    expect(Math.abs(pass() / values.loss - 1)).toBeLessThan(1e-6);
    expect(model.parameters.map(({ name }) => `grad.${name}`).sort()).toEqual(
      [...tensors.keys()].filter((name) => name.startsWith('grad.')).sort(),
    );
    for (const { name, grad } of model.parameters) {
      expectClose(grad, tensors.get(`grad.${name}`)!.data, { relative });
    }
  });

  it.each(['float64', 'float32'] as const)(
    'three clipped AdamW steps in %s: gradient norm, losses, and every parameter after them',
    (precision) => {
      const { model, pass, step } = open(precision);
      const losses = [1, 2, 3].map((t) => {
        const loss = pass();
        const norm = step(t);
        if (t === 1) expect(Math.abs(norm / values.grad_norm - 1)).toBeLessThan(relative);
        return loss;
      });
      losses.push(pass());
      expectClose(losses, values.losses_before_each_step_then_after, { relative });
      for (const { name, value } of model.parameters) {
        const [actual, expected] = [value.data.slice(), tensors.get(`after3.${name}`)!.data.slice()];
        if (precision === 'float32' && name.endsWith('c_attn.bias')) {
          // A bias of the keys moves all scores of a row alike, which softmax does not see: its gradient is 0, and in
          // float32 rounding noise about as large as AdamW's epsilon, which the division then turns into a step.
          const C = checkpoint.config.channels;
          for (const a of [actual, expected]) a.fill(0, C, 2 * C);
        }
        expectClose(actual, expected, { relative });
      }
    },
  );

  it('the perplexity of a text, every token after the first scored once in disjoint windows', () => {
    const { model, buffers } = open();
    const tokens = checkpoint.tokenizer.encode(text);
    const windows = allWindows(tokens.length, checkpoint.config.contextLength);
    const nlls: number[] = [];
    scoreTokens(model, buffers, tokens, windows, (nll, index) => {
      expect(index).toBe(nlls.length + 1);
      nlls.push(nll);
    });
    const result = score(model, buffers, tokens, windows);
    // Windows are clusters of tokens; the last one is shorter.
    const sums = windows.map(({ start, length }) => length * mean(nlls.slice(start, start + length)));
    const squares = sums.map((sum, i) => (sum - windows[i]!.length * mean(nlls)) ** 2);
    const k = windows.length;
    expect(windows.at(-1)!.length).toBeLessThan(checkpoint.config.contextLength);
    expect(result.standardError).toBeCloseTo(Math.sqrt((k * k * mean(squares)) / (k - 1)) / nlls.length, 12);
    expectClose(nlls.slice(0, 8), values.text.first_nll, { relative });
    expect(result.tokensScored).toBe(values.text.tokens_scored);
    expectClose(
      [result.nll, result.perplexity, result.bitsPerChar],
      [values.text.mean_nll, values.text.perplexity, values.text.bits_per_char],
      { relative: 1e-6, scale: 0 },
    );
  });

  it('the greedy continuation up to the context length', () => {
    const { model } = open();
    const [generation] = generateAll(
      model,
      [{ prompt: ids('prompt', values.greedy.prompt_ids).data, stream: 0 }],
      {
        settings: samplingSettings({ temperature: 0 }),
        maxNewTokens: 100,
        seed: 0,
        contextPolicy: 'stop',
      },
    );
    expect(generation!.tokens).toEqual(values.greedy.ids);
    expect(generation!.finishReason).toBe('context-full');
    expect(checkpoint.tokenizer.decode(generation!.tokens)).toBe(values.greedy.text);
  });
});
