import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { parse, UsageError } from '../../src/cli/command/command.ts';
import { type SampleFlags, sampleFlags } from '../../src/cli/sample/flags.ts';
import { checkFlags, chooseSettings, stopStrings, unescapeFlag } from '../../src/cli/sample/settings.ts';
import { BpeTokenizer } from '../../src/model/text/bpe.ts';
import { CharTokenizer, type Tokenizer } from '../../src/model/text/tokenizer.ts';
import { samplingSettings } from '../../src/sample/settings.ts';
import { gpt2Layout, stringMerges } from '../model/files/gpt2-layout.ts';

const tokenizer = CharTokenizer.train('\n #=abcdeh-t');
const id = (character: string) => tokenizer.encode(character)[0]!;
const given = (...args: string[]): SampleFlags => {
  const values = parse({ name: 'sample', summary: '', flags: sampleFlags, examples: [] }, args);
  if (values === 'help') throw new Error('help');
  checkFlags(values);
  return values;
};
const settings = (...args: string[]) => chooseSettings(given(...args), tokenizer);

describe('chooseSettings', () => {
  it('holds what was given, and of temperature and nucleus what stands without a flag', () => {
    const none = { bannedTokens: [], bannedSequences: [] };
    expect(settings()).toEqual({ ...none, temperature: 0.8, topP: 0.95 });
    expect(settings('--temperature', '1', '--top-p', '1')).toEqual({ ...none, temperature: 1, topP: 1 });
    expect(settings('--top-k', '40')).toEqual({ ...none, temperature: 0.8, topK: 40, topP: 0.95 });
    expect(settings('--mirostat', '2')).toEqual({ ...none, temperature: 0.8, mirostatTarget: 2 });
    expect(
      settings('--temperature', '0.5', '--min-p', '.1', '--penalty-last', '-1', '--repetition-penalty', '2'),
    ).toEqual({
      temperature: 0.5,
      topP: 0.95,
      minP: 0.1,
      penaltyLastN: -1,
      repetitionPenalty: 2,
      bannedTokens: [],
      bannedSequences: [],
    });
    expect(settings('--greedy').temperature).toBe(0);
  });

  it('has a setting for every flag about what may come next', () => {
    const all = settings(
      ...['--temperature', '0.5', '--top-k', '3', '--top-p', '0.4', '--min-p', '0.1', '--typical', '0.9'],
      ...['--repetition-penalty', '1.2', '--repetition-mode', 'logprobs', '--penalty-last', '8'],
      ...['--frequency-penalty', '-0.5', '--presence-penalty', '0.25', '--no-repeat-ngram', '4'],
      ...['--min-tokens', '2', '--on-exhausted', 'relax', '--allow', 'abc', '--ban', 'a', '--ban', 'the'],
      ...['--stop-token', '\\n', '--logit-bias', 'a=-2', '--logit-bias', '#3=1.5'],
    );
    const checked = samplingSettings(all, tokenizer.vocabSize);
    expect(checked).toMatchObject({
      temperature: 0.5,
      topK: 3,
      topP: 0.4,
      minP: 0.1,
      typicalP: 0.9,
      repetitionPenalty: 1.2,
      penaltyMode: 'logprobs',
      penaltyLastN: 8,
      frequencyPenalty: -0.5,
      presencePenalty: 0.25,
      noRepeatNgram: 4,
      minNewTokens: 2,
      onExhausted: 'relax',
      allowedTokens: [id('a'), id('b'), id('c')],
      bannedTokens: [id('a')],
      bannedSequences: [[id('t'), id('h'), id('e')]],
      stopTokens: [id('\n')],
      logitBias: [
        [id('a'), -2],
        [3, 1.5],
      ],
    });
    const mirostat = settings('--mirostat', '2', '--mirostat-rate', '0.5');
    expect(mirostat).toMatchObject({ mirostatTarget: 2, mirostatRate: 0.5 });
  });

  it('allows tokens of several characters if all of these are allowed', () => {
    const texts = ['a', 'ab', 'abc', 'c', '', 'b'];
    const words = {
      ...tokenizer,
      vocabSize: texts.length,
      decode: (ids: ArrayLike<number>) => texts[ids[0]!]!,
    } as unknown as Tokenizer;
    expect(chooseSettings(given('--allow', 'ab'), words).allowedTokens).toEqual([0, 1, 5]);
  });

  it('knows an added token by its whole text, and only by that', () => {
    const bpe = BpeTokenizer.fromJSON(gpt2Layout(stringMerges));
    const end = '<|endoftext|>';
    const named = (...args: string[]) => chooseSettings(given(...args), bpe);
    expect(named('--stop-token', end).stopTokens).toEqual([258]);
    expect(named('--logit-bias', `${end}=-2`).logitBias).toEqual([[258, -2]]);
    expect(named('--ban', end)).toMatchObject({ bannedTokens: [258], bannedSequences: [] });
    expect(named('--ban', `${end}.`)).toMatchObject({
      bannedTokens: [],
      bannedSequences: [[...bpe.encode(`${end}.`)]],
    });
    expect(named('--allow', end).allowedTokens).toEqual([258]);
    expect(named('--allow', 'b', '--allow', end, '--allow', 'a').allowedTokens).toEqual([65, 258, 64]);
  });

  it('takes the last = of a bias as the sign, so that = and # are tokens too', () => {
    expect(settings('--logit-bias', '==1', '--logit-bias', '#=2').logitBias).toEqual([
      [id('='), 1],
      [id('#'), 2],
    ]);
  });

  it('takes exponents in a bias', () => {
    expect(settings('--logit-bias', 'a=-1e9', '--logit-bias', '#3=+2.5E-1').logitBias).toEqual([
      [id('a'), -1e9],
      [3, 0.25],
    ]);
  });

  it.each([
    [['--ban', 'xyz'], '--ban "xyz": the model has no such token'],
    [['--ban', ''], '--ban is empty; expected a text'],
    [['--ban', '#13'], '--ban #13: expected a token from #0 to #11'],
    [['--allow', 'xyz'], '--allow "xyz": the model has no token of these characters only'],
    [['--stop-token', 'ab'], '--stop-token "ab": expected one token, got 2: #5 #6'],
    [['--logit-bias', 'a'], '--logit-bias must be TOKEN=X with a number X, got "a"'],
    [['--logit-bias', '=1'], '--logit-bias must be TOKEN=X with a number X, got "=1"'],
    [['--logit-bias', 'a=1e999'], '--logit-bias must be TOKEN=X with a number X, got "a=1e999"'],
    [['--logit-bias', 'a=Infinity'], '--logit-bias must be TOKEN=X with a number X, got "a=Infinity"'],
    [
      ['--mirostat', '2', '--top-p', '0.5'],
      '--mirostat and --top-p are both given; mirostat makes its own cut',
    ],
    [
      ['--beam', '2', '--temperature', '1'],
      '--beam and --temperature are both given; beam search draws nothing',
    ],
    [
      ['--beam', '2', '--samples', '3'],
      '--samples 3 of --beam 2: expected at most as many as the beam holds',
    ],
    [['--interactive', '--json'], '--interactive and --json are both given; a conversation has one text'],
    [
      ['--interactive', '--prompt', 'a', '--prompt', 'b'],
      '--interactive goes on with one --prompt, got several',
    ],
    [['--explain', '--trace'], '--explain and --trace are both given; --explain draws nothing'],
    [['--length-penalty', '1'], '--length-penalty is given without --beam, which it belongs to'],
    [['--mirostat-rate', '1'], '--mirostat-rate is given without --mirostat, which it belongs to'],
    [['--min-tokens', '301'], '--min-tokens 301 is more than --tokens 300'],
    [['--typical', '0'], '--typical must be a number above 0 and at most 1, got "0"'],
    [
      ['--penalty-last', '-2', '--repetition-penalty', '2'],
      '--penalty-last must be a whole number of at least -1, got "-2"',
    ],
  ])('refuses %j', (args, message) => {
    expect(() => settings(...args)).toThrow(new UsageError(message));
  });

  it('whatever number a flag is given, it is refused as usage or accepted by the sampler', () => {
    const numeric = Object.entries(sampleFlags)
      .filter(([, { kind }]) => kind === 'number' || kind === 'integer')
      .map(([name]) => name);
    const owners = ['--mirostat', '1', '--beam', '2', '--repetition-penalty', '1.5'];
    const odd = fc.constantFrom(
      'NaN',
      '-Infinity',
      '1e309',
      '-1',
      '1.5',
      '',
      '0',
      '-0',
      '1e-320',
      '1',
      'true',
      '0x1',
      '2',
    );
    let accepted = 0;
    fc.assert(
      fc.property(fc.constantFrom(...numeric), odd, fc.constantFrom(...numeric), odd, (a, x, b, y) => {
        const args = [`--${a}=${x}`, ...(a === b ? [] : [`--${b}=${y}`])];
        for (const [i, owner] of owners.entries()) {
          const dependent = {
            '--mirostat': 'mirostat-rate',
            '--beam': 'length-penalty',
            '--repetition-penalty': 'penalty-last',
          }[owner];
          if ((a === dependent || b === dependent) && !args.some((arg) => arg.startsWith(`${owner}=`))) {
            args.push(`${owner}=${owners[i + 1]}`);
          }
        }
        let chosen: ReturnType<typeof settings>;
        try {
          chosen = settings(...args);
        } catch (error) {
          expect(error).toBeInstanceOf(UsageError);
          return;
        }
        accepted += 1;
        samplingSettings(chosen, tokenizer.vocabSize);
      }),
      { seed: 41, numRuns: 2000 },
    );
    expect(accepted).toBeGreaterThan(200);
  });
});

describe('stopStrings', () => {
  it('understands escapes and keeps the order', () => {
    expect(stopStrings(given('--stop', '\\n', '--stop', 'a\\\\n', '--stop', '.'))).toEqual([
      '\n',
      'a\\n',
      '.',
    ]);
    expect(stopStrings(given())).toEqual([]);
    expect(() => stopStrings(given('--stop', ''))).toThrow('--stop is empty; expected a text to stop at');
  });

  it.each([
    ['\\d', '--stop: \\d means nothing; expected \\n, \\t, \\r or \\\\ for a backslash'],
    ['a\\', '--stop: \\ means nothing; expected \\n, \\t, \\r or \\\\ for a backslash'],
  ])('refuses the escape in %s', (text, message) => {
    expect(() => unescapeFlag('stop', text)).toThrow(new UsageError(message));
  });
});
