/** npm run train -- --tokenizer bpe, and every command that opens what it wrote. */
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import { findCheckpoint, readCheckpoint } from '../../src/cli/runs/folder.ts';
import { ngramBaselines } from '../../src/evaluate/ngram.ts';
import { trainBpe } from '../../src/model/text/bpe-train.ts';
import { CharTokenizer } from '../../src/model/text/tokenizer.ts';
import { encodeSplit } from '../../src/train/dataset.ts';
import { oneText, splitText } from '../../src/train/documents.ts';
import type { EvaluationMetrics } from '../../src/train/metrics.ts';
import { inkling, refuses } from '../support/command.ts';
import { type Exit, filesIn, records, trainCommand } from '../support/runs.ts';
import { suiteFolder } from '../support/scratch.ts';

const folder = suiteFolder();

/** The held-out part has letters and words that the rest never has, many times over. */
const text = `${'the cat sat on the mat. the dog sat on the log; a fox, too!\n'.repeat(18)}${'„Übermut“, sagte Zoë 🎉\n'.repeat(5)}`;
const data = join(folder, 'text.txt');
const run = join(folder, 'run');
const tiny = ['--layers', '1', '--channels', '8', '--heads', '2', '--context', '8', '--batch-size', '2'];
const bpe = ['--tokenizer', 'bpe', '--vocab-size', '272', '--seed', '3', '--data', data, ...tiny];

const evaluations = (path: string) =>
  records(path).filter((r): r is EvaluationMetrics => r.kind === 'evaluation' || r.kind === 'final');

let trained: Exit;
beforeAll(async () => {
  writeFileSync(data, text.replaceAll('\n', '\r\n'));
  trained = await trainCommand([...bpe, '--out', run, '--steps', '6', '--eval-every', '3', '--stop-at', '4']);
});

describe('npm run train -- --tokenizer bpe', () => {
  it('learns its merges from the training part alone', () => {
    expect(trained.code).toBe(0);
    const { tokenizer } = readCheckpoint(findCheckpoint(run));
    expect(tokenizer.toJSON()).toEqual(trainBpe(splitText(text).training, 272).toJSON());
    expect(tokenizer.toJSON()).not.toEqual(trainBpe(text, 272).toJSON());
  });

  it('goes on with --resume, and reports the loss per character beside that per token', async () => {
    const straight = join(folder, 'straight');
    const [resumed, whole] = await Promise.all([
      trainCommand(['--resume', run]),
      trainCommand([...bpe, '--out', straight, '--steps', '6', '--eval-every', '3']),
    ]);
    expect([resumed.code, whole.code]).toEqual([0, 0]);
    const last = (path: string) => filesIn(join(path, 'step-00000006'));
    expect(last(run)).toEqual(last(straight));

    const { tokenizer } = readCheckpoint(findCheckpoint(run));
    const { heldOut } = splitText(text);
    const tokens = tokenizer.encode(heldOut);
    const characters = [...heldOut].length - tokenizer.stream().push(tokens[0]!).length;
    const final = evaluations(run).at(-1)!;
    expect(final.tokensScored).toBe(tokens.length - 1);
    expect(final.natsPerChar! * characters).toBeCloseTo(final.nll * final.tokensScored, 6);
    expect(final.bitsPerChar * Math.LN2).toBeCloseTo(final.natsPerChar!, 12);
    expect(resumed.out).toContain(`${final.natsPerChar!.toFixed(4)} nats per character`);
    expect(whole.out).toContain(`${final.natsPerChar!.toFixed(4)} nats/char`);
    expect(whole.out).toMatch(
      /to beat: uniform guess [\d.]+, unigram .* nats per character; the best of them is the uniform guess\n/,
    );
  });

  it('has the n-gram baselines of a character run on the same text', () => {
    const characters = CharTokenizer.train(text);
    const { train, validation } = encodeSplit(oneText(text), characters);
    const { baselines } = JSON.parse(readFileSync(join(run, 'baselines.json'), 'utf8')) as {
      baselines: { nll: number }[];
    };
    expect(baselines.map(({ nll }) => nll)).toEqual(
      ngramBaselines(train, validation, { V: characters.vocabSize }),
    );
  });

  it('makes what --init starts from, with its tokenizer, on text of any characters', async () => {
    const other = join(folder, 'other.txt');
    const out = join(folder, 'init');
    writeFileSync(other, 'Ein anderer Text: ñ, 日本語, ∑. '.repeat(20));
    const result = await trainCommand([
      '--init',
      run,
      '--data',
      other,
      '--out',
      out,
      '--steps',
      '2',
      '--quiet',
    ]);
    expect(result).toMatchObject({ code: 0, err: '' });
    expect(readCheckpoint(findCheckpoint(out)).tokenizer.toJSON()).toEqual(
      readCheckpoint(findCheckpoint(run)).tokenizer.toJSON(),
    );
  });

  const bpeOf = (size: string) => ['--tokenizer', 'bpe', '--vocab-size', size];
  refuses([
    [
      'a size without a BPE',
      ['train', '--vocab-size', '300'],
      2,
      /--vocab-size goes with --tokenizer bpe only/,
    ],
    [
      'fewer tokens than bytes',
      ['train', ...bpeOf('255')],
      2,
      /must be a whole number of at least 256, one for each byte, got "255"/,
    ],
    [
      'characters after --resume',
      ['train', '--resume', run, '--tokenizer', 'char'],
      2,
      /--tokenizer char contradicts --resume/,
    ],
    [
      'another size after --init',
      ['train', '--init', run, '--data', data, ...bpeOf('300')],
      2,
      /--vocab-size 300 contradicts --init/,
    ],
  ]);
});

describe('a run with a BPE', () => {
  it('is evaluated on the held-out part that the run had', async () => {
    const result = JSON.parse((await inkling('eval', '--run', run, '--json')).out) as Record<string, number>;
    const { heldOut } = splitText(text);
    const best = evaluations(run).find(({ best }) => best)!;
    expect(result).toMatchObject({ tokensScored: best.tokensScored });
    const { tokenizer } = readCheckpoint(findCheckpoint(run));
    const first = tokenizer.stream().push(tokenizer.encode(heldOut)[0]!);
    expect(result['characters']).toBe([...heldOut].length - [...first].length);
    const nats = result['nll']! * result['tokensScored']!;
    expect(result['bitsPerChar']).toBeCloseTo(nats / Math.LN2 / result['characters']!, 9);
  });

  it('continues a prompt of characters it has never seen, and is measured on its texts', async () => {
    const [sample, generation] = await Promise.all([
      inkling('sample', '--run', run, '--prompt', 'zß\r\n日', '--tokens', '5', '--seed', '1', '--json'),
      inkling('eval', '--run', run, '--generate', '2', '--tokens', '4', '--json'),
    ]);
    expect(JSON.parse(sample.out)).toMatchObject({ prompt: 'zß\n日', finishReason: 'max-tokens' });
    expect(JSON.parse(generation.out).continuations).toHaveLength(2);
  });
});
