/** Other software opens what is written here and computes the same; skipped where it is not installed. */
import { spawnSync } from 'node:child_process';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { encodeCheckpoint } from '../src/model/files/checkpoint.ts';
import { trainBpe } from '../src/model/text/bpe-train.ts';
import { CharTokenizer } from '../src/model/text/tokenizer.ts';
import { reference } from '../src/tensor/reference/index.ts';
import { ids } from '../src/tensor/tensor.ts';
import { randomModel, tinyConfig, tinyQwen3 } from './support/models.ts';
import { suiteFolder } from './support/scratch.ts';

const script = fileURLToPath(new URL('../bench/interchange/logits.py', import.meta.url));
const folder = suiteFolder();

const story = 'the cat sat on the mat. the dog sat on the log. a fox, too! ';
const text = 'the dog sat on the cat. a mat, too! ';
const noTorch = 77;

/** A model folder with the logits that Inkling computes for a text, times `scale`. */
function writeModel(
  name: string,
  config: typeof tinyConfig | typeof tinyQwen3,
  kind: string,
  scale = 1,
): string {
  const tokenizer = kind === 'bpe' ? trainBpe(story, 264) : CharTokenizer.train(story);
  const options = { kernels: reference, batch: 2, slots: 0, gradients: false } as const;
  const model = randomModel({ ...config, vocabSize: tokenizer.vocabSize }, options);
  const path = join(folder, name);
  mkdirSync(path);
  for (const [file, bytes] of encodeCheckpoint(model, tokenizer)) writeFileSync(join(path, file), bytes);
  const T = 8;
  const tokens = tokenizer.encode(text).subarray(0, 2 * T);
  const logits = model.forward(ids('ids', tokens), { batch: 2, time: T });
  const rows = Array.from({ length: 2 * T }, (_, n) => Array.from(logits.row(n).data, (x) => scale * x));
  const halves = <Row>(list: readonly Row[]) => [list.slice(0, T), list.slice(T)];
  const written = { ids: halves(Array.from(tokens)), logits: halves(rows) };
  writeFileSync(join(path, 'logits.json'), JSON.stringify(written));
  return path;
}

/** Whichever Python has PyTorch; Debian's python3-torch belongs to Debian's own. */
function logits(folders: readonly string[]) {
  const results = ['python3', '/usr/bin/python3'].map((python) => () => {
    return spawnSync(python, [script, ...folders], { encoding: 'utf8' });
  });
  for (const run of results) {
    const result = run();
    if (result.error === undefined && result.status !== noTorch) return result;
  }
  return undefined;
}

describe('PyTorch, reading a model folder by itself,', () => {
  it('computes the logits of both architectures with both tokenizers, and sees a wrong one', ({ skip }) => {
    const good = [
      writeModel('gpt2-char', tinyConfig, 'char'),
      writeModel('gpt2-bpe', tinyConfig, 'bpe'),
      writeModel('qwen3-char', tinyQwen3, 'char'),
      writeModel('qwen3-bpe', { ...tinyQwen3, tiedHead: true }, 'bpe'),
    ];
    const wrong = writeModel('wrong', tinyConfig, 'char', 1.001);
    const result = logits([...good, wrong]);
    if (result === undefined) return skip('no python3 with PyTorch here (Debian: python3-torch)');
    expect(result.stderr).toBe('');
    const verdicts = result.stdout
      .trim()
      .split('\n')
      .map((line) => line.split(',')[0]);
    expect(verdicts).toEqual([
      'gpt2-char: agrees',
      'gpt2-bpe: agrees',
      'qwen3-char: agrees',
      'qwen3-bpe: agrees',
      'wrong: DIFFERS',
    ]);
    expect(result.status).toBe(1);
  }, 180_000); // the first import of PyTorch after a start of the machine takes long
});
