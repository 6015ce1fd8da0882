/** npm run sample: continue a prompt with a trained model. */
import { randomInt } from 'node:crypto';
import { type Checkpoint, loadParameters } from '../model/checkpoint.ts';
import { Gpt } from '../model/gpt.ts';
import { normalizeText } from '../model/tokenizer.ts';
import { type Command, rules, runCommand, UsageError, type Values } from '../node/command.ts';
import { readText } from '../node/files.ts';
import { kernelFlags, openKernels } from '../node/kernels.ts';
import { findCheckpoint, readCheckpoint } from '../node/run-folder.ts';
import { contextPolicies, generate, type Request } from './generate.ts';
import { samplingSettings } from './settings.ts';

const flags = {
  run: {
    kind: 'text',
    value: 'DIR',
    help: 'a run (its best checkpoint) or model folder (default: the newest run)',
  },
  prompt: { kind: 'text', value: 'TEXT', help: 'what to continue (default: a line break)' },
  'prompt-file': { kind: 'text', value: 'FILE', help: 'the same, from a file' },
  unknown: {
    kind: 'choice',
    choices: ['error', 'skip'],
    value: 'error|skip',
    help: 'what to do about characters the model does not know',
  },
  tokens: { kind: 'integer', value: 'N', rule: rules.positive, help: 'tokens to draw (default 300)' },
  temperature: {
    kind: 'number',
    value: 'X',
    rule: rules.notNegative,
    help: 'below 1 safer, above 1 wilder, 0 greedy (default 1)',
  },
  'top-k': {
    kind: 'integer',
    value: 'N',
    rule: rules.notNegative,
    help: 'keep only the N likeliest tokens (default 0: all)',
  },
  'top-p': {
    kind: 'number',
    value: 'X',
    rule: rules.unit,
    help: 'keep only the smallest set holding this share of the\nprobability (default 1: all)',
  },
  greedy: { kind: 'switch', help: 'always the likeliest token; the same as --temperature 0' },
  samples: { kind: 'integer', value: 'N', rule: rules.positive, help: 'continuations to draw (default 1)' },
  seed: {
    kind: 'integer',
    value: 'N',
    rule: rules.seed,
    help: 'same seed, prompt and settings: same text (default: picked and printed)',
  },
  'context-policy': {
    kind: 'choice',
    choices: contextPolicies,
    value: 'P',
    help: 'when the context is full: shift (re-read the newer half, go on),\nslide (re-read before every token), roll (drop the oldest, with\nrotary positions) or stop (default shift)',
  },
  ...kernelFlags,
  json: { kind: 'switch', help: 'one JSON object a line for each sample' },
} as const satisfies Command<Record<string, never>>['flags'] | Record<string, unknown>;

const command = {
  name: 'sample',
  summary: 'Continues a prompt: temperature, then top-k, then top-p, then one draw a token.',
  flags,
  examples: [
    'npm run sample -- --prompt "Wren "',
    'npm run sample -- --prompt "Wren " --temperature 0.8 --top-p 0.95 --samples 3 --seed 7',
    'npm run --silent sample -- --prompt "Wren " --json',
  ],
} as const;

await runCommand(command, main);

async function main(given: Values<typeof flags>): Promise<void> {
  const settings = chooseSettings(given);
  const count = given.samples ?? 1;
  if (count > 1 && settings.temperature === 0) {
    throw new UsageError(
      `--samples ${count} with greedy decoding would print one text ${count} times; leave one out`,
    );
  }
  const source = findCheckpoint(given.run);
  const checkpoint = readCheckpoint(source);
  const { tokenizer } = checkpoint;
  const prompt = choosePrompt(given, checkpoint);
  const ids = tokenizer.encode(normalizeText(prompt), given.unknown ?? 'error');
  if (ids.length === 0)
    throw new Error('the prompt is empty once unknown characters are skipped; expected at least one');

  const { kernels } = await openKernels(given);
  const model = new Gpt(checkpoint.config, { kernels, batch: 0, slots: count, gradients: false });
  model.arena.allocate(model.kernels.memory);
  loadParameters(model, checkpoint, source);
  const seed = given.seed ?? randomInt(2 ** 32);
  const requests = Array.from({ length: count }, (_, stream): Request => ({ prompt: ids, stream }));
  const streams = requests.map(() => tokenizer.stream());
  const texts = requests.map(() => '');
  const write = (text: string) => process.stdout.write(text);
  const header = (row: number) =>
    count > 1 ? write(`--- sample ${row + 1} of ${count}\n${prompt}`) : write(prompt);
  const live = given.json !== true;
  const events = generate(model, requests, {
    settings,
    maxNewTokens: given.tokens ?? 300,
    seed,
    contextPolicy: given['context-policy'] ?? 'shift',
  });
  let next = events.next(); // refuses what cannot work before anything is printed
  if (live) {
    const unseen = ids.length - checkpoint.config.contextLength;
    if (unseen > 0) {
      console.error(
        `note: the model sees ${checkpoint.config.contextLength} tokens; the first ${unseen} of the prompt's ${ids.length} are not seen`,
      );
    }
    if (given.seed === undefined && settings.temperature > 0) console.error(`seed ${seed}`);
    header(0);
  }
  for (; !next.done; next = events.next()) {
    const { row, token } = next.value;
    if (token === undefined) continue;
    const text = streams[row]!.push(token);
    texts[row] += text;
    if (live && row === 0) write(text); // the first sample as it is drawn, the others once it is done
  }
  for (const [row, generation] of next.value.entries()) {
    const tail = streams[row]!.end();
    texts[row] += tail;
    if (live) {
      if (row > 0) header(row);
      write(`${row === 0 ? tail : texts[row]}\n`);
      if (generation.finishReason !== 'max-tokens') console.error(`ended: ${generation.finishReason}`);
    } else {
      const { tokens, finishReason, truncatedPromptTokens } = generation;
      console.log(
        JSON.stringify({
          prompt,
          text: texts[row],
          tokens,
          finishReason,
          seed,
          stream: row,
          truncatedPromptTokens,
        }),
      );
    }
  }
}

function choosePrompt(given: Values<typeof flags>, { tokenizer }: Checkpoint): string {
  if (given.prompt !== undefined && given['prompt-file'] !== undefined) {
    throw new UsageError('--prompt and --prompt-file are both given; expected one of them');
  }
  const prompt = given['prompt-file'] === undefined ? (given.prompt ?? '') : readText(given['prompt-file']);
  if (prompt !== '') return prompt;
  return tokenizer.encode('\n', 'skip').length > 0 ? '\n' : tokenizer.decode([0]);
}

function chooseSettings(given: Values<typeof flags>) {
  if (given.greedy && given.temperature !== undefined) {
    throw new UsageError('--greedy and --temperature are both given; --greedy means --temperature 0');
  }
  return samplingSettings({
    ...(given.greedy
      ? { temperature: 0 }
      : given.temperature !== undefined
        ? { temperature: given.temperature }
        : {}),
    ...(given['top-k'] !== undefined ? { topK: given['top-k'] } : {}),
    ...(given['top-p'] !== undefined ? { topP: given['top-p'] } : {}),
  });
}
