import { describe, expect, it } from 'vitest';
import { parse, UsageError } from '../../src/cli/command/command.ts';
import {
  chooseJob,
  chooseSweep,
  type EvalFlags,
  evalFlags,
  pairOptions,
  windowChoice,
} from '../../src/cli/eval/flags.ts';

const given = (line: string): EvalFlags => {
  const values = parse(
    { name: 'eval', summary: '', flags: evalFlags, examples: [] },
    line.split(' ').filter(Boolean),
  );
  if (values === 'help') throw new Error('help');
  return values;
};

describe('chooseJob', () => {
  it.each([
    ['', 'perplexity'],
    ['--data a --split val --mode stride --stride 3 --json', 'perplexity'],
    ['--score a --mode stride', 'surprise'],
    ['--score-file a --run b --threads 1', 'surprise'],
    ['--generate 3 --data a --temperature 0.5', 'generation'],
    ['--sweep --svg a --top-p 0.5,1', 'sweep'],
    ['--sweep --generate 3', 'sweep'],
    ['--hyp a --ref b --ref c --tokenize char --smooth floor --smooth-value 0.2', 'pairs'],
  ])('%j asks for %s', (line, job) => {
    expect(chooseJob(given(line))).toBe(job);
  });

  it.each([
    ['--hyp a', '--hyp is given without --ref; expected both'],
    ['--ref a', '--ref is given without --hyp; expected both'],
    ['--hyp a --ref b --run c', '--run does not go with --hyp; see --help'],
    ['--ref b --score c', '--score does not go with --ref; see --help'],
    ['--generate 3 --split val', '--split does not go with --generate; see --help'],
    ['--generate 3 --svg a', '--svg does not go with --generate; see --help'],
    ['--score a --generate 3', '--generate does not go with --score; see --help'],
    ['--tokenize char', '--tokenize goes with --hyp only; see --help'],
    ['--score a --score-file b', '--score and --score-file are both given; expected one of them'],
    ['--stride 3', '--stride needs --mode stride; in blocks, windows do not overlap'],
    ['--stride 3 --mode blocks', '--stride needs --mode stride; in blocks, windows do not overlap'],
  ])('%j is refused', (line, message) => {
    expect(() => chooseJob(given(line))).toThrow(new UsageError(message));
  });
});

describe('what the flags mean', () => {
  it('windows: blocks unless said', () => {
    expect(windowChoice(given(''))).toEqual({ mode: 'blocks' });
    expect(windowChoice(given('--mode stride --stride 3'))).toEqual({ mode: 'stride', stride: 3 });
  });

  it('BLEU: nothing but what was given, and no value for a smoothing that takes none', () => {
    expect(pairOptions(given(''))).toEqual({});
    expect(pairOptions(given('--delimiter \\n\\n'))).toEqual({ delimiter: '\n\n' });
    expect(() => pairOptions({ delimiter: '' })).toThrow(
      new UsageError('--delimiter is empty; expected a text between segments'),
    );
    expect(pairOptions(given('--tokenize none --smooth add-k --smooth-value 2'))).toEqual({
      ...{ tokenization: 'none', smoothing: 'add-k', smoothingValue: 2 },
    });
    for (const line of [
      '--smooth-value 1',
      '--smooth none --smooth-value 1',
      '--smooth floor --smooth-value 2',
    ]) {
      expect(() => pairOptions(given(line)), line).toThrow(UsageError);
    }
  });

  it('--generate: one temperature and one top-p', () => {
    expect(chooseSweep(given('--generate 5'))).toEqual({
      ...{ count: 5, newTokens: 200, temperatures: [1], topPs: [1], topK: 0, seed: 1 },
    });
    const message = '--temperature takes a list with --sweep only, got "1,2"';
    expect(() => chooseSweep(given('--generate 5 --temperature 1,2'))).toThrow(new UsageError(message));
  });

  it('--sweep: lists, each number once, in the order given', () => {
    expect(
      chooseSweep(given('--sweep --temperature=1,.5,1,2e-1 --top-p 1 --top-k 4 --tokens 9 --seed 7')),
    ).toEqual({
      ...{ count: 20, newTokens: 9, temperatures: [1, 0.5, 0.2], topPs: [1], topK: 4, seed: 7 },
    });
    expect(chooseSweep(given('--sweep')).temperatures.length).toBeGreaterThan(2);
  });

  it.each([
    ['--temperature 1,-1', '--temperature must be a number of at least 0, got "-1"'],
    ['--temperature 1,', '--temperature must be a number of at least 0; "" is not a number'],
    ['--temperature 1e999', '--temperature must be at most 1.7976931348623157e+308, got "1e999"'],
    ['--top-p 0.9,1.5', '--top-p must be a number from 0 to 1, got "1.5"'],
    ['--top-p NaN', '--top-p must be a number from 0 to 1; "NaN" is not a number'],
  ])('--sweep %s is refused', (line, message) => {
    expect(() => chooseSweep(given(`--sweep ${line}`))).toThrow(new UsageError(message));
  });
});
