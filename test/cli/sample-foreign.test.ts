/** npm run sample on a folder as other software leaves it: an end token, and an added token above the vocabulary. */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, expect, it } from 'vitest';
import { encodeCheckpoint } from '../../src/model/files/checkpoint.ts';
import { CharTokenizer } from '../../src/model/text/tokenizer.ts';
import { generateAll } from '../../src/sample/generate.ts';
import { defaultSampling } from '../../src/sample/settings.ts';
import { reference } from '../../src/tensor/reference/index.ts';
import { inkling } from '../support/command.ts';
import { randomModel, tinyConfig } from '../support/models.ts';
import { suiteFolder } from '../support/scratch.ts';

const folder = suiteFolder();
const plain = JSON.parse(JSON.stringify(CharTokenizer.train('abcdefghij')));
const tokenizer = CharTokenizer.fromJSON({ ...plain, added_tokens: [{ id: 10, content: 'abc' }] });
const model = randomModel(tinyConfig, { kernels: reference, batch: 0, slots: 1, gradients: false }, 4);
const options = { maxNewTokens: 30, seed: 1, contextPolicy: 'shift', tokenizer } as const;
const requests = [{ prompt: tokenizer.encode('abcd'), stream: 0 }];
const [free] = generateAll(model, requests, { ...options, settings: defaultSampling });
const eos = free!.tokens[12]!;
const [ended] = generateAll(model, requests, {
  ...options,
  settings: { ...defaultSampling, eosTokens: [eos] },
});

beforeAll(() => {
  for (const [name, bytes] of encodeCheckpoint(model, tokenizer)) writeFileSync(join(folder, name), bytes);
  writeFileSync(join(folder, 'generation_config.json'), `{"eos_token_id":[${eos},50256]}`);
});

async function sample(...args: string[]) {
  const own = [
    '--run',
    folder,
    '--prompt',
    'abcd',
    '--tokens',
    '30',
    '--seed',
    '1',
    '--backend',
    'reference',
  ];
  const { out, err } = await inkling('sample', ...own, '--json', ...args);
  return { ...JSON.parse(out), err };
}

it('a text ends at the end token of the folder, unless --ignore-eos; an added token in a prompt is noted', async () => {
  const note =
    /^note: the prompt holds "abc", in Python a token of its own; here it is read as plain text\n$/;
  const [first, second] = await Promise.all([sample(), sample('--ignore-eos')]);
  expect(ended!.tokens.length).toBeLessThan(30);
  expect(first).toMatchObject({ ...ended, finishReason: 'eos', err: expect.stringMatching(note) });
  expect(second).toMatchObject({ ...free, finishReason: 'max-tokens' });
});
