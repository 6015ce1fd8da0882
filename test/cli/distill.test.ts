/** npm run distill as a user starts it: it learns, it can be resumed exactly, and what it cannot learn from it names. */
import { cpSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import { inkling, refuses } from '../support/command.ts';
import { filesIn, story, trainCommand } from '../support/runs.ts';
import { suiteFolder } from '../support/scratch.ts';

const scratch = suiteFolder();
const [text, other] = ['text.txt', 'other.txt'].map((name) => join(scratch, name)) as [string, string];
const [a, b, short, foreign] = ['a', 'b', 'short', 'foreign'].map((name) => join(scratch, name)) as [
  ...[string, string, string, string],
];
const tiny = ['--layers', '1', '--channels', '8', '--heads', '2', '--batch-size', '2', '--quiet'];
const train = (data: string, out: string, seed: number, context: number) =>
  trainCommand([
    ...['--data', data, '--out', out, '--seed', String(seed), '--steps', '6', '--context', String(context)],
    ...tiny,
  ]);
const distill = (out: string, ...more: string[]) =>
  inkling(
    ...['distill', '--from', a, b, '--out', join(scratch, out), '--seed', '3', '--context', '8'],
    ...[...tiny.slice(0, -1), '--dropout', '0.1', '--eval-every', '4', '--steps', '10', ...more],
  );
const last = (out: string) => filesIn(join(scratch, out, 'step-00000010'));

beforeAll(async () => {
  writeFileSync(text, story.repeat(12));
  writeFileSync(other, 'quite other words, with a Z. '.repeat(20));
  for (const [data, out, seed, context] of [
    ...([[text, a, 1, 8] as const, [text, b, 2, 16] as const, [text, short, 1, 4] as const] as const),
    [other, foreign, 1, 8] as const,
  ]) {
    expect((await train(data, out, seed, context)).code).toBe(0);
  }
});

describe('npm run distill', () => {
  it('says what the teachers know, learns their text, and ends elsewhere than the text alone does', async () => {
    const result = await distill('student');
    expect([result.code, result.err]).toEqual([0, '']);
    const nats = String.raw`validation (\d\.\d{4}) nats per character`;
    const lines = new RegExp(
      `\nlearning from ${a}: ${nats}\nlearning from ${b}: ${nats}\ntogether, as the mean of their probabilities: (\\d\\.\\d{4})\n`,
    ).exec(result.out)!;
    const [first, second, together] = lines.slice(1).map(Number) as [number, number, number];
    expect(together).toBeLessThan((first + second) / 2);
    const run = JSON.parse(readFileSync(join(scratch, 'student', 'run.json'), 'utf8'));
    expect(run.data).toBe(text);
    expect(run.teachers.map(({ path }: { path: string }) => path)).toEqual([a, b]);
    const alone = await trainCommand([
      ...['--data', text, '--out', join(scratch, 'alone'), '--seed', '3', '--context', '8'],
      ...[...tiny, '--dropout', '0.1', '--eval-every', '4', '--steps', '10'],
    ]);
    expect(alone.code).toBe(0);
    expect(last('alone')['model.safetensors']).not.toEqual(last('student')['model.safetensors']);
  });

  it('goes on exactly after a stop, as npm run train -- --resume', async () => {
    const stopped = await distill('pieces', '--stop-at', '3');
    expect([stopped.code, stopped.err]).toEqual([0, '']);
    const resumed = await trainCommand(['--resume', join(scratch, 'pieces'), '--quiet']);
    expect([resumed.code, resumed.err]).toEqual([0, '']);
    expect(Object.keys(last('pieces'))).toContain('optimizer.safetensors');
    expect(last('pieces')).toEqual(last('student'));
  });

  it('and not with teachers that have learned more since', async () => {
    const changing = join(scratch, 'changing');
    cpSync(a, changing, { recursive: true });
    const out = join(scratch, 'orphan');
    const begun = await inkling(
      ...['distill', '--from', changing, '--out', out, '--context', '8', ...tiny],
      ...['--steps', '4', '--stop-at', '2'],
    );
    expect([begun.code, begun.err]).toEqual([0, '']);
    expect((await trainCommand(['--resume', changing, '--steps', '8', '--quiet'])).code).toBe(0);
    const resumed = await trainCommand(['--resume', out]);
    expect(resumed.code).toBe(1);
    expect(resumed.err).toBe(
      `error: ${changing} has other weights than those that ${out} has learned from until now; restore them, or start a new run\n`,
    );
  });

  it('tells with --plan what it would do, and writes nothing', async () => {
    const { code, out } = await inkling('distill', '--from', a, '--plan', '--context', '8', ...tiny);
    expect(code).toBe(0);
    expect(out).toMatch(/^time: about /m);
  });
});

describe('what it refuses', () => {
  const from = (...more: string[]) => ['distill', '--from', a, ...more] as const;
  refuses([
    ['nobody to learn from', ['distill'], 2, /^error: distill needs a run to learn from: /],
    ['no such run', ['distill', '--from', `${a}-none`], 1, /a-none: no such folder/],
    ['other tokens', from(foreign), 1, /foreign has other tokens than .*a; all that one student/],
    [
      'a context that does not fit',
      ['distill', '--from', short, '--context', '6', '--out', join(scratch, 'none')],
      1,
      /short sees 4 tokens and the student 6; expected at most as many, or a multiple: choose another/,
    ],
    ['documents', from('--data', text, '--documents', 'lines'), 1, /a does not know where a document ends/],
    ['documents of the same text', from('--documents', 'file'), 1, /a does not know where a document ends/],
    [
      'a field where there is none',
      from('--field', 'story'),
      2,
      /--field is where JSON lines have their text/,
    ],
    ['a tokenizer', from('--tokenizer', 'bpe'), 2, /--tokenizer cannot go with --from; leave it out/],
    ['weights to start from', from('--init', a), 2, /--init cannot go with --from; leave it out/],
    ['its own folder', from('--out', a, '--overwrite'), 2, /--out would overwrite .*a, which is needed/],
    ['a resume', from('--resume', a), 2, /--from cannot go with --resume; leave it out/],
    ['several after one flag of train', ['train', '--from', a, b], 2, /takes one at a time: repeat it/],
  ]);
});
