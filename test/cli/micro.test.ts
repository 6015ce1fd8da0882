import { describe, expect, it } from 'vitest';
import { longest, runMicro, wordsOf } from '../../src/cli/micro/run.ts';

/** The lines of a run, and what the rewritten line showed in between. */
async function runOf(words: readonly string[], steps: number, seed: number) {
  const [lines, progress]: string[][] = [[], []];
  await runMicro(
    words,
    { steps, seed },
    { line: (text) => void lines.push(text), progress: (text) => void progress.push(text) },
  );
  return { lines, progress };
}

describe('the words', () => {
  it('of a list are its lines, each once, as they are', () => {
    expect(wordsOf('Anna\n\n  de Vries \nAnna\nÅsa\n')).toEqual(['Anna', 'de Vries', 'Åsa']);
  });

  it('of a text are its words, in lower case, from three letters on', () => {
    const text =
      'The cat sat on the mat, and the Cat purred.\nNo!\nIt was a very long way down from there.\n';
    const words = 'the cat sat mat and purred was very long way down from there';
    expect(wordsOf(text)).toEqual(words.split(' '));
  });

  it('are left out where they do not fit into the context', () => {
    expect(wordsOf(`${'a'.repeat(longest)}\n${'b'.repeat(longest + 1)}\nc`)).toEqual([
      'a'.repeat(longest),
      'c',
    ]);
    expect(wordsOf('🦊'.repeat(longest))).toEqual(['🦊'.repeat(longest)]);
  });

  it('are none in a file without any', () => {
    expect([wordsOf('\n \n'), wordsOf(`1 2 3 4 5 6 7 8 9 10 11 12`)]).toEqual([[], []]);
  });
});

describe('a micro run', () => {
  const words = ['anna', 'moss', 'ben'];

  it('gives the same lines for the same seed, and others for another', async () => {
    const [first, again, other] = [
      await runOf(words, 1, 5),
      await runOf(words, 1, 5),
      await runOf(words, 1, 6),
    ];
    expect(again).toEqual(first);
    const madeUp = ({ lines }: typeof first) => lines.filter((line) => line.startsWith('  '));
    expect(madeUp(first)).toHaveLength(20);
    expect(madeUp(other)).not.toEqual(madeUp(first));
  });

  it('learns: the loss falls from a blind guess, and what it writes is counted', async () => {
    const { lines, progress } = await runOf(words, 30, 1);
    const losses = lines.flatMap((line) => /^step +\d+\/30 {2}loss (.*)/.exec(line)?.[1] ?? []).map(Number);
    expect([losses.length, progress.length]).toEqual([10, 20]);
    expect(losses[0]).toBeLessThan(Math.log(8)); // seven letters and the boundary
    expect(losses.at(-1)).toBeLessThan(0.8);
    const written = lines.filter((line) => line.startsWith('  ')).map((line) => line.slice(2));
    const known = written.filter((word) => words.includes(word)).length;
    expect(known).toBeGreaterThan(0);
    expect(lines.at(-1)).toBe(`\n${20 - known} of them are new, ${known} in the list`);
  });
});
