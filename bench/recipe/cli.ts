/** node --import tsx bench/recipe/cli.ts: what each ingredient of the preset `shakespeare` is worth, in nats and in time; and
 * what others would be worth (additions.ts, optimizers.ts).
 *
 * Each row is the recipe with one thing changed, all on the same number of tokens. The loss is over the whole held-out
 * part, and over 1,000 windows that begin at random places. It does not depend on the number of threads, so several rows may run at once; the time of a step does. */

import { type Command, rules, runCommand, UsageError, type Values } from '../../src/cli/command/command.ts';
import { readText } from '../../src/cli/host/files.ts';
import { kernelFlags } from '../../src/cli/host/kernels.ts';
import { CharTokenizer, normalizeText } from '../../src/model/text/tokenizer.ts';
import { splitTokens } from '../../src/train/check-split.ts';
import type { Trainer } from '../../src/train/trainer.ts';
import { median } from '../measure.ts';
import { open } from '../threads.ts';
import { type Row, rowNames, rows } from './rows.ts';
import { scoreRandomWindows, startTrainer, trainToEnd } from './run.ts';

const flags = {
  data: { kind: 'text', value: 'FILE', help: 'the text to learn' },
  rows: {
    kind: 'text',
    value: 'NAMES',
    help: `which rows, names with commas between them (default all): ${rowNames.join(', ')}`,
  },
  steps: { kind: 'integer', value: 'N', rule: rules.positive, help: 'updates of the recipe (default 300)' },
  seeds: { kind: 'integer', value: 'N', rule: rules.positive, help: 'seeds, from 1 on (default 3)' },
  ...kernelFlags,
} as const;

const command: Command<typeof flags> = {
  name: 'recipe',
  summary: 'What each ingredient of the recipe of preset shakespeare is worth. Takes two hours.',
  flags,
  start: 'node --import tsx bench/recipe/cli.ts',
  examples: ['node --import tsx bench/recipe/cli.ts --data shakespeare.txt --rows recipe,adamw'],
};

async function recipe(given: Values<typeof flags>): Promise<void> {
  const { data, steps = 300, seeds = 3, rows: chosen, ...kernelChoice } = given;
  if (data === undefined) throw new UsageError('expected a text to learn: --data FILE');
  const names = chosen?.split(',') ?? rowNames;
  for (const name of names) {
    if (rows[name] === undefined) {
      throw new UsageError(`--rows: expected some of ${rowNames.join(', ')}, got ${name}`);
    }
  }
  const text = normalizeText(readText(data));
  for (const name of names) {
    const losses: number[] = [];
    const randoms: number[] = [];
    let milliseconds = 0;
    for (let seed = 1; seed <= seeds; seed++) {
      const { kernels, close } = await open(kernelChoice); // their memory only grows
      const { loss, random, stepMs } = train(rows[name]!, text, { steps, seed, kernels });
      close();
      losses.push(loss);
      randoms.push(random);
      milliseconds = stepMs;
    }
    const all = losses.map((loss) => loss.toFixed(4)).join('  ');
    const windows = `random windows ${median(randoms).toFixed(4)}`;
    console.log(
      `${name.padEnd(20)}  median ${median(losses).toFixed(4)} nats  (${all})  ${windows}  ${milliseconds.toFixed(1)} ms a step`,
    );
  }
}

function train(
  row: Row,
  text: string,
  run: { steps: number; seed: number; kernels: Trainer['model']['kernels'] },
) {
  const tokenizer = CharTokenizer.train(text);
  const training = row(tokenizer.vocabSize, run.steps);
  const split = splitTokens(tokenizer.encode(text), training.config.contextLength);
  const { trainer, buffers } = startTrainer(training, run.seed, split, run.kernels);
  const times = trainToEnd(trainer, training);
  const random = scoreRandomWindows(trainer, buffers, split);
  return { loss: trainer.evaluate('full').nll, random, stepMs: median(times) };
}

await runCommand(command, recipe);
