/** npm run sample: continue a prompt with a trained model. */
import { randomInt } from 'node:crypto';
import { type Checkpoint, loadParameters } from '../model/checkpoint.ts';
import { Gpt } from '../model/gpt.ts';
import { normalizeText, type Tokenizer } from '../model/tokenizer.ts';
import { runCommand } from '../node/command.ts';
import { converse } from '../node/conversation.ts';
import { explainRecord, explainTable } from '../node/explain-table.ts';
import { sampleAnswers } from '../node/field-names.ts';
import { readText } from '../node/files.ts';
import { openKernels } from '../node/kernels.ts';
import { paintOf } from '../node/paint.ts';
import { findCheckpoint, readCheckpoint } from '../node/run-folder.ts';
import { checkFlags, defaultTokens, type SampleFlags, sampleFlags } from '../node/sample-flags.ts';
import { chooseSettings, loopRule, stopStrings } from '../node/sample-settings.ts';
import { isPiped, readInput } from '../node/text-in.ts';
import { TraceTable, traceRecord } from '../node/trace-table.ts';
import { beamSearch } from './beam.ts';
import { Chain } from './chain.ts';
import { chainSettings } from './chain-settings.ts';
import { explain } from './explain.ts';
import {
  type FinishReason,
  type GenerateOptions,
  generate,
  reread,
  sampleRequests,
  type TokenEvent,
} from './generate.ts';
import { Trace } from './trace.ts';

const command = {
  name: 'sample',
  summary: 'Continues a prompt, drawing one token after the other from what the model gives.',
  flags: sampleFlags,
  answers: sampleAnswers,
  examples: [
    'npm run sample -- --prompt "Wren "',
    'npm run sample -- --prompt "Wren " --temperature 0.8 --samples 3 --seed 7',
    'npm run sample -- --prompt "Wren " --min-p 0.1 --stop "\\n" --trace',
    'npm run sample -- --prompt "Wren " --explain',
    'npm run sample -- --interactive --stop "\\n"',
    'npm run --silent sample -- --prompt "Wren " --json',
  ],
} as const;

await runCommand(command, main);

/** What one call works with. */
interface Session {
  readonly given: SampleFlags;
  readonly model: Gpt;
  readonly tokenizer: Tokenizer;
  readonly options: GenerateOptions;
}
interface Prompt {
  readonly text: string;
  readonly ids: Int32Array;
}

async function main(given: SampleFlags): Promise<void> {
  checkFlags(given);
  const source = findCheckpoint(given.run);
  const checkpoint = readCheckpoint(source);
  const { tokenizer } = checkpoint;
  const settings = chooseSettings(given, tokenizer);
  const stop = stopStrings(given);
  const prompts = given.interactive ? [] : (await choosePrompts(given, checkpoint)).map(encode);
  const rows = prompts.length * (given.samples ?? 1);
  const slots = given.interactive || given.explain ? 1 : (given.beam ?? rows);
  const { kernels } = await openKernels(given);
  const model = new Gpt(checkpoint.config, { kernels, batch: 0, slots, gradients: false });
  model.arena.allocate(model.kernels.memory);
  loadParameters(model, checkpoint, source);
  const session: Session = {
    given,
    model,
    tokenizer,
    options: {
      settings,
      maxNewTokens: given.tokens ?? defaultTokens,
      seed: given.seed ?? randomInt(2 ** 32),
      contextPolicy: given['context-policy'] ?? 'shift',
      tokenizer,
      stop,
      includeStop: given['include-stop'] ?? false,
      loop: given['stop-on-loop'] ? loopRule : undefined,
    },
  };
  if (given.interactive) await talk(session, defaultPrompt(checkpoint));
  else if (given.explain) explainFirst(session, prompts);
  else if (given.beam !== undefined) search(session, prompts, given.beam);
  else draw(session, prompts);

  function encode(text: string): Prompt {
    return { text, ids: tokenizer.encode(normalizeText(text), given.unknown ?? 'error') };
  }
}

/** Draws all samples in one batch; the first unfinished one is shown as it comes, the next as soon as that has ended. */
function draw({ given, model, tokenizer, options }: Session, prompts: readonly Prompt[]): void {
  const n = given.samples ?? 1;
  const requests = sampleRequests(
    prompts.map(({ ids }) => ids),
    n,
  );
  const trace = given.trace ? new Trace() : undefined;
  const tables = requests.map(() => new TraceTable(tokenizer, paintOf(process.stdout)));
  const records: object[][] = requests.map(() => []);
  const shown = requests.map(() => ''); // what is to be printed while a row comes: its text, or its trace
  const texts = requests.map(() => '');
  const ended: (FinishReason | undefined)[] = requests.map(() => undefined);
  const live = given.json !== true;
  const promptOf = (row: number) => prompts[Math.floor(row / n)]!;
  const begin = (row: number) => {
    write(titleOf(row, prompts.length, n) + (trace === undefined ? promptOf(row).text : '') + shown[row]);
  };
  const finish = (row: number) => {
    if (trace !== undefined) write(`\n${promptOf(row).text}${texts[row]}`);
    write('\n');
    if (ended[row] !== 'max-tokens') console.error(`ended: ${ended[row]}`);
  };

  const events = generate(model, requests, { ...options, trace });
  let next = events.next(); // refuses what cannot work before anything is printed
  let current = 0;
  if (live) {
    for (const { ids } of prompts) noteUnseen(ids, model.config.contextLength);
    if (given.seed === undefined && options.settings.temperature !== 0) console.error(`seed ${options.seed}`);
    begin(0);
  }
  for (; !next.done; next = events.next()) {
    const { row, text, finishReason }: TokenEvent = next.value;
    const piece = trace === undefined ? text : tables[row]!.line(trace);
    const record = trace && traceRecord(trace, tokenizer);
    if (record !== undefined) records[row]!.push(record);
    texts[row] += text;
    shown[row] += piece;
    ended[row] = finishReason;
    if (!live) continue;
    if (row === current) write(piece);
    while (current < requests.length && ended[current] !== undefined) {
      finish(current);
      current += 1;
      if (current < requests.length) begin(current);
    }
  }
  if (live) return;
  for (const [row, { text, tokens, finishReason, truncatedPromptTokens }] of next.value.entries()) {
    print({
      prompt: promptOf(row).text,
      text,
      tokens,
      finishReason,
      seed: options.seed,
      stream: requests[row]!.stream,
      truncatedPromptTokens,
      ...(trace === undefined ? {} : { trace: records[row] }),
    });
  }
}

/** The best texts that beam search finds after each prompt. */
function search({ given, model, options }: Session, prompts: readonly Prompt[], width: number): void {
  const n = given.samples ?? 1;
  const lengthPenalty = given['length-penalty'] ?? 0;
  for (const [p, { text: prompt, ids }] of prompts.entries()) {
    const found = beamSearch(model, ids, { ...options, width, lengthPenalty }).slice(0, n);
    if (!given.json) noteUnseen(ids, model.config.contextLength);
    for (const [place, result] of found.entries()) {
      if (given.json) {
        print({ prompt, ...result, place });
        continue;
      }
      write(`${titleOf(p * n + place, prompts.length, n)}${prompt}${result.text}\n`);
      const mean = result.logProbability / Math.max(1, result.tokens.length);
      const ended = result.finishReason === 'max-tokens' ? '' : `; ended: ${result.finishReason}`;
      console.error(
        `log-probability ${result.logProbability.toFixed(3)}, ${mean.toFixed(3)} a token${ended}`,
      );
    }
  }
}

/** The table of --explain for each prompt. */
function explainFirst({ given, model, tokenizer, options }: Session, prompts: readonly Prompt[]): void {
  const { vocabSize: V, contextLength: T } = model.config;
  const chain = new Chain(V, chainSettings(options.settings, V));
  const cuts = ['temperature', 'greedy', 'top-k', 'top-p', 'min-p', 'typical', 'mirostat'] as const;
  const asSet = cuts.some((flag) => given[flag] !== undefined);
  for (const { text: prompt, ids } of prompts) {
    if (ids.length === 0) throw new RangeError('explain: the prompt is empty; expected at least one token');
    const logits = reread(model, { slot: 0, ids: [...ids] }, T);
    const history = { ids, length: ids.length, promptLength: ids.length };
    const views = explain(chain, logits, history, [0.5, 0.8, 1, 1.5], [0.5, 0.8, 0.95]);
    if (given.json) print({ prompt, ...explainRecord(views, tokenizer) });
    else if (views.length === 0) write('no token is allowed\n');
    else {
      write(`after ${JSON.stringify(prompt)}, of ${V} tokens:\n\n`);
      write(`${explainTable(views, tokenizer, paintOf(process.stdout), { asSet })}\n`);
    }
  }
}

/** --interactive. Turn i draws with stream i. */
async function talk({ given, model, tokenizer, options }: Session, fallback: string): Promise<void> {
  if (given.seed === undefined && options.settings.temperature !== 0) console.error(`seed ${options.seed}`);
  const start = given.prompt?.[0] ?? '';
  await converse(start, function* respond(text, turn) {
    const prompt = tokenizer.encode(normalizeText(text === '' ? fallback : text), given.unknown ?? 'error');
    for (const event of generate(model, [{ prompt, stream: turn }], options)) yield event.text;
  });
}

async function choosePrompts(given: SampleFlags, checkpoint: Checkpoint): Promise<string[]> {
  const file = given['prompt-file'];
  if (file !== undefined) return [file === '-' ? await readSome() : readText(file)];
  if (given.prompt === undefined && isPiped()) return [(await readInput()) || defaultPrompt(checkpoint)];
  const prompts: string[] = [];
  for (const prompt of given.prompt ?? ['']) {
    prompts.push(prompt === '-' ? await readSome() : prompt || defaultPrompt(checkpoint));
  }
  return prompts;
}

async function readSome(): Promise<string> {
  const text = await readInput();
  if (text === '') throw new Error('standard input is empty; expected a prompt');
  return text;
}

/** A line break, or the first token of a vocabulary without one. */
function defaultPrompt({ tokenizer }: Checkpoint): string {
  return tokenizer.encode('\n', 'skip').length > 0 ? '\n' : tokenizer.decode([0]);
}

function titleOf(row: number, prompts: number, samples: number): string {
  const parts = [
    ...(prompts > 1 ? [`prompt ${Math.floor(row / samples) + 1} of ${prompts}`] : []),
    ...(samples > 1 ? [`sample ${(row % samples) + 1} of ${samples}`] : []),
  ];
  return parts.length === 0 ? '' : `--- ${parts.join(', ')}\n`;
}

function noteUnseen(ids: Int32Array, contextLength: number): void {
  const unseen = ids.length - contextLength;
  if (unseen <= 0) return;
  console.error(
    `note: the model sees ${contextLength} tokens; the first ${unseen} of the prompt's ${ids.length} are not seen`,
  );
}

function write(text: string): void {
  process.stdout.write(text);
}

function print(record: object): void {
  write(`${JSON.stringify(record)}\n`);
}
