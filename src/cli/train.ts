/** npm run train: trains a model on a text file and writes a run. */
import { runCommand } from './command/command.ts';
import { trainAnswers } from './command/field-names.ts';
import { trainFlags } from './train/flags.ts';
import { startTraining } from './train/main.ts';
import { presetTable } from './train/settings.ts';

const command = {
  name: 'train',
  summary: 'Trains a GPT on a text file: 90 % to learn from, the last 10 % to check what it learned.',
  flags: trainFlags,
  answers: trainAnswers,
  notes: presetTable(),
  examples: [
    'npm run train',
    'npm run train -- --data my-text.txt --out runs/mine --steps 1000',
    'npm run train -- --resume runs/mine --steps 2000',
    'npm run train -- --preset nanogpt-cpu --seed 1',
    'npm run train -- --tokenizer bpe --vocab-size 512',
    'npm run train -- --data names.txt --documents lines',
    'npm run train -- --init runs/nano --data pairs.jsonl',
  ],
} as const;

await runCommand(command, startTraining);
