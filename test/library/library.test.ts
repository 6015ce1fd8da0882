/** The library computes what the commands do: same files, same text, same numbers. */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import {
  generate,
  loadModel,
  type Model,
  nextToken,
  saveRun,
  score,
  tokenizer,
  train,
} from '../../src/cli/library.ts';
import type { Files, TrainOptions } from '../../src/library/index.ts';
import { checksums, NodeEngine, smallRun, smallText } from '../lab/support.ts';
import { suiteFolder } from '../support/scratch.ts';

const scratch = suiteFolder();

const options: TrainOptions = { text: smallText, data: 'small.txt', ...smallRun.sizes, ...smallRun.settings };

async function trained(
  more: Partial<TrainOptions> = {},
): Promise<{ files: Files; model: Model; kinds: string[]; outcome: string }> {
  const kinds: string[] = [];
  for await (const event of train({ ...options, threads: 1, ...more })) {
    kinds.push(event.kind);
    if (event.kind === 'end') return { ...event, kinds };
  }
  throw new Error('expected an end');
}
const textOf = async (model: Model, more: object = {}): Promise<string> => {
  let written = '';
  for await (const { text } of generate(model, { prompt: 'The ', seed: 7, maxNewTokens: 100, ...more }))
    written += text;
  return written;
};

describe('train', () => {
  it('yields the records of the run, then its files and the best model', async () => {
    const { files, kinds, outcome, model } = await trained();
    expect(outcome).toBe('finished');
    expect(kinds.filter((kind) => kind === 'step')).toHaveLength(30);
    expect(kinds.filter((kind) => kind === 'evaluation')).toHaveLength(3);
    expect(kinds.slice(-3)).toEqual(['final', 'sample', 'end']);
    expect(model.config).toMatchObject({ layers: 2, channels: 32 });
    const engine = new NodeEngine();
    await engine.call('open', { threads: 1 });
    await engine.stream('train', { text: smallText, ...smallRun });
    expect(checksums(files)).toEqual(checksums(await engine.call('files', {})));
  });

  it('has the same bytes on two threads, and paused and taken up again after any step', async () => {
    const { files } = await trained({ threads: 2 });
    const controller = new AbortController();
    let half: Files | undefined;
    for await (const event of train({ ...options, signal: controller.signal })) {
      if (event.kind === 'step' && event.step === 13) controller.abort();
      if (event.kind === 'end') {
        expect(event.outcome).toBe('paused');
        half = event.files;
      }
    }
    expect(half!.has('step-00000013/state.json')).toBe(true);
    const whole = await trained({ resume: half! });
    expect(checksums(whole.files)).toEqual(checksums(files));
  });

  it('refuses what it does not know, in one line', async () => {
    await expect(trained({ layer: 2 } as object)).rejects.toThrow(
      /^train has no setting "layer"; expected arch, /,
    );
    await expect(trained({ preset: 'huge' as 'nano' })).rejects.toThrow(
      /^preset does not fit; expected nano, .*, got "huge"$/,
    );
    await expect(trained({ text: 'short' })).rejects.toThrow(RangeError);
  });
});

describe('a model', async () => {
  const { files, model } = await trained();

  it('writes the same text for the same seed, loaded from files or from the folder', async () => {
    const text = await textOf(model);
    expect(text).toHaveLength(100);
    expect(await textOf(model)).toBe(text);
    expect(await textOf(await loadModel(files))).toBe(text);
    const folder = join(scratch, 'run');
    saveRun(folder, files);
    expect(await textOf(await loadModel(folder, { threads: 2 }))).toBe(text);
    expect(await textOf(model, { seed: 8 })).not.toBe(text);
    expect(() => saveRun(folder, files)).toThrow(`${folder} is not empty`);
  });

  it('may be stopped early, and writes one text at a time', async () => {
    for await (const { text } of generate(model, { prompt: 'The ' })) {
      expect(text).toHaveLength(1);
      await expect(textOf(model)).rejects.toThrow('this model is writing a text');
      break;
    }
    expect(await textOf(model, { stop: ['e'] })).toMatch(/^[^e]*$/);
  });

  it('tells the distribution that generate draws from', async () => {
    const { ids, logits, probabilities, candidates } = nextToken(model, 'The ');
    expect(ids).toHaveLength(4);
    expect(logits).toHaveLength(model.tokenizer.vocabSize);
    expect(probabilities.reduce((sum, p) => sum + p, 0)).toBeCloseTo(1, 12);
    expect(candidates[0]!.probability).toBe(Math.max(...probabilities));
    expect(await textOf(model, { temperature: 0, maxNewTokens: 1 })).toBe(candidates[0]!.text);
    const kept = nextToken(model, 'The ', { topK: 3 }).candidates;
    expect(kept.map(({ id }) => id)).toEqual(candidates.slice(0, 3).map(({ id }) => id));
  });

  it('scores a text: the mean of what each token costs, which is what nextToken says of it', () => {
    const text = 'The cat sat.';
    const { ids, nlls, nll, perplexity, tokensScored } = score(model, text);
    expect(tokensScored).toBe(text.length - 1);
    expect(nlls[0]).toBeNaN();
    expect(nlls.slice(1).reduce((sum, x) => sum + x, 0) / tokensScored).toBeCloseTo(nll, 12);
    expect(perplexity).toBe(Math.exp(nll));
    const last = nextToken(model, text.slice(0, -1)).probabilities[ids.at(-1)!]!;
    expect(-Math.log(last)).toBeCloseTo(nlls.at(-1)!, 6);
  });

  it('says in one line what it cannot read', async () => {
    await expect(textOf(model, { prompt: '' })).rejects.toThrow(
      'prompt is empty; expected at least one character',
    );
    await expect(textOf(model, { prompt: 'Ω' })).rejects.toThrow(RangeError);
    await expect(textOf(model, { temperature: -1 })).rejects.toThrow(
      'temperature must be finite and at least 0, got -1',
    );
    expect(() => score(model, 'T')).toThrow('expected at least 2 tokens, got 1');
    await expect(loadModel(new Map())).rejects.toThrow('model holds no model: expected config.json');
    await expect(loadModel(join(scratch, 'nowhere'))).rejects.toThrow('no such folder');
    writeFileSync(join(scratch, 'run/best/config.json'), '{}');
    await expect(loadModel(join(scratch, 'run'))).rejects.toThrow('is damaged: its checksum is not the one');
  });
});

describe('tokenizer', () => {
  it('learns characters or byte pairs, and gives back what it has encoded', () => {
    const characters = tokenizer('a cat');
    expect(characters.vocabSize).toBe(4);
    expect([...characters.encode('cat')]).toEqual([2, 1, 3]);
    const pairs = tokenizer(smallText, { kind: 'bpe', vocabSize: 300 });
    expect(pairs.vocabSize).toBe(300);
    const ids = pairs.encode('The cat ☂');
    expect(ids.length).toBeLessThan(11);
    expect(pairs.decode(ids)).toBe('The cat ☂');
    expect(() => tokenizer('')).toThrow('the training text is empty');
  });
});
