/** npm run eval: how well a model predicts a text. */
import { join } from 'node:path';
import { loadParameters } from '../model/checkpoint.ts';
import { Gpt } from '../model/gpt.ts';
import { type Command, runCommand, type Values } from '../node/command.ts';
import { readText } from '../node/files.ts';
import { kernelFlags, openKernels } from '../node/kernels.ts';
import { findCheckpoint, readCheckpoint, runOf } from '../node/run-folder.ts';
import { allWindows, cutAt } from '../train/dataset.ts';
import { score } from './score.ts';

const flags = {
  run: {
    kind: 'text',
    value: 'DIR',
    help: 'a run (its best checkpoint) or model folder (default: the newest run)',
  },
  data: { kind: 'text', value: 'FILE', help: 'the text to score (default: the one the run was trained on)' },
  split: {
    kind: 'choice',
    choices: ['all', 'val', 'train'],
    value: 'all|val|train',
    help: 'which part: all of it, the last 10 % or the first 90 %\n(default: val for the text of the run, all for --data)',
  },
  unknown: {
    kind: 'choice',
    choices: ['error', 'skip'],
    value: 'error|skip',
    help: 'what to do about characters the model does not know',
  },
  ...kernelFlags,
  json: { kind: 'switch', help: 'one JSON object' },
} as const satisfies Command<Record<string, never>>['flags'] | Record<string, unknown>;

const command = {
  name: 'eval',
  summary: 'Scores every token of a text after the first, once, in disjoint windows of the context length.',
  flags,
  examples: [
    'npm run eval',
    'npm run eval -- --run runs/nano --data other.txt',
    'npm run --silent eval -- --json',
  ],
} as const;

const windowsAtOnce = 8;

await runCommand(command, main);

async function main(given: Values<typeof flags>): Promise<void> {
  const source = findCheckpoint(given.run);
  const checkpoint = readCheckpoint(source);
  const { config, tokenizer } = checkpoint;
  const path = given.data ?? trainedOn(source);
  const tokens = tokenizer.encode(readText(path), given.unknown ?? 'error');
  const split = given.split ?? (given.data === undefined ? 'val' : 'all');
  const cut = cutAt(tokens.length);
  const part = split === 'all' ? tokens : split === 'train' ? tokens.subarray(0, cut) : tokens.subarray(cut);
  if (part.length < 2) {
    throw new Error(
      `${path}: too short to score; expected at least 2 tokens in its ${split} part, got ${part.length}`,
    );
  }
  const { kernels } = await openKernels(given);
  const model = new Gpt(config, { kernels, batch: windowsAtOnce, slots: 0, gradients: false });
  const rows = windowsAtOnce * config.contextLength;
  const buffers = { inputs: model.arena.ids('inputs', rows), targets: model.arena.ids('targets', rows) };
  model.arena.allocate(model.kernels.memory);
  loadParameters(model, checkpoint, source);
  const result = score(model, buffers, part, allWindows(part.length, config.contextLength));
  if (given.json) {
    console.log(JSON.stringify(result));
    return;
  }
  console.log(
    `${source} on ${path} (${split}): ${result.tokensScored.toLocaleString('en-US')} tokens scored`,
  );
  console.log(
    `${result.nll.toFixed(4)} nats per token, perplexity ${result.perplexity.toPrecision(6)}, ${result.bitsPerChar.toFixed(3)} bits per character`,
  );
}

/** The text that the run of this checkpoint was trained on, as its run.json says. */
function trainedOn(source: string): string {
  const run = runOf(source);
  if (run !== undefined) {
    const { data } = JSON.parse(readText(join(run, 'run.json'))) as { data?: unknown };
    if (typeof data === 'string') return data;
  }
  throw new Error(`${source} does not say what it was trained on; say which text to score with --data FILE`);
}
