/** npm run micro: trains the GPT on one page, src/model/micro.ts, and shows words that it makes up. */
import { randomInt } from 'node:crypto';
import { normalizeText } from '../model/text/tokenizer.ts';
import { rules, runCommand } from './command/command.ts';
import { readText } from './host/files.ts';
import { oneLine } from './host/printable.ts';
import { Terminal } from './host/terminal.ts';
import { longest, runMicro, wordsOf } from './micro/run.ts';
import { shippedText } from './train/settings.ts';

const command = {
  name: 'micro',
  summary:
    'Trains the GPT that src/model/micro.ts explains on one page, one number at a time, on a list of words, and lets it make up new ones. It takes about a minute and saves nothing.',
  flags: {
    data: {
      kind: 'text',
      value: 'FILE',
      help: `a list with one entry a line, or a text, whose words are the list (default data/stories.txt); entries of more than ${longest} characters are left out`,
    },
    steps: {
      kind: 'integer',
      value: 'N',
      rule: rules.positive,
      help: 'updates of the parameters (default 1500)',
    },
    seed: {
      kind: 'integer',
      value: 'N',
      rule: rules.seed,
      help: 'the same seed gives the same words (default: a random one)',
    },
  },
  examples: ['npm run micro', 'npm run micro -- --data names.txt --steps 4000 --seed 7'],
} as const;

await runCommand(command, async (given) => {
  const { data = shippedText(), steps = 1500, seed = randomInt(2 ** 32) } = given;
  const words = wordsOf(normalizeText(readText(data)));
  if (words.length === 0) {
    throw new Error(`${data} holds no word of 3 to ${longest} letters; expected a list or a text`);
  }
  const terminal = new Terminal();
  terminal.line(`src/model/micro.ts learns ${oneLine(data)}`);
  await runMicro(words, { steps, seed }, terminal);
});
