/** What npm run sample does with a model and prompts: draw texts, search for the likeliest, or explain the first token. */
import { beamSearch } from '../../sample/beam.ts';
import { explain } from '../../sample/explain.ts';
import { generate, reread, sampleRequests } from '../../sample/generate.ts';
import { samplingSettings } from '../../sample/settings.ts';
import type { FinishReason } from '../../sample/stop.ts';
import { Trace } from '../../sample/trace.ts';
import { note, show, write } from '../host/output.ts';
import { paintOf } from '../host/paint.ts';
import { speed, unusualEnds } from './remarks.ts';
import { introduce, type Prompt, type Session } from './session.ts';
import { explainRecord, explainTable, TraceTable, traceRecord } from './tables.ts';

/** Draws all samples in one batch, and shows them one after the other: the first as its tokens come, each other when the one
 *  before it has ended. */
export async function draw(session: Session, prompts: readonly Prompt[]): Promise<void> {
  const { given, model, tokenizer, options } = session;
  const n = given.samples ?? 1;
  const requests = sampleRequests(
    prompts.map(({ ids }) => ids),
    n,
  );
  const trace = given.trace ? new Trace() : undefined;
  const tables = requests.map(() => new TraceTable(tokenizer, paintOf(process.stdout)));
  const waiting = requests.map(() => ''); // of each row, the text or trace to print when its turn comes
  const traced = requests.map(() => ''); // the text that follows a trace
  const ends: (FinishReason | undefined)[] = requests.map(() => undefined);
  const promptOf = (row: number) => prompts[Math.floor(row / n)]!.text;
  const put = trace === undefined ? show : write;
  const begin = async (row: number) => {
    await show(titleOf(row, prompts.length, n) + (trace === undefined ? promptOf(row) : ''));
    await put(waiting[row]!);
    waiting[row] = '';
  };
  const finish = async (row: number) => {
    if (trace !== undefined) await show(`\n${promptOf(row)}${traced[row]}`);
    await write('\n');
  };

  const began = performance.now();
  const events = generate(model, requests, { ...options, trace, forget: true });
  let next = events.next(); // throws for options that cannot work, before anything is printed
  introduce(session, prompts);
  await begin(0);
  let current = 0;
  let tokens = 0;
  for (; !next.done; next = events.next()) {
    const { row, token, text, finishReason } = next.value;
    const piece = trace === undefined ? text : tables[row]!.line(trace);
    if (trace !== undefined) traced[row] += text;
    if (token !== undefined) tokens += 1;
    ends[row] = finishReason;
    if (row !== current) {
      waiting[row] += piece;
      continue;
    }
    await put(piece);
    while (current < requests.length && ends[current] !== undefined) {
      await finish(current);
      current += 1;
      if (current < requests.length) await begin(current);
    }
  }
  note(speed(tokens, performance.now() - began) + unusualEnds(ends));
}

/** The same, as one line of JSON for each sample. */
export async function drawRecords(
  { given, model, tokenizer, options }: Session,
  prompts: readonly Prompt[],
): Promise<void> {
  const n = given.samples ?? 1;
  const requests = sampleRequests(
    prompts.map(({ ids }) => ids),
    n,
  );
  const trace = given.trace ? new Trace() : undefined;
  const records: object[][] = requests.map(() => []);
  const events = generate(model, requests, { ...options, trace });
  let next = events.next();
  for (; !next.done; next = events.next()) {
    const record = trace && traceRecord(trace, tokenizer);
    if (record !== undefined) records[next.value.row]!.push(record);
  }
  for (const [row, { text, tokens, finishReason, truncatedPromptTokens }] of next.value.entries()) {
    await print({
      prompt: prompts[Math.floor(row / n)]!.text,
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
export async function search(session: Session, prompts: readonly Prompt[], width: number): Promise<void> {
  const { given, model, options } = session;
  const n = given.samples ?? 1;
  const lengthPenalty = given['length-penalty'] ?? 0;
  for (const [p, { text: prompt, ids }] of prompts.entries()) {
    const found = beamSearch(model, ids, { ...options, width, lengthPenalty }).slice(0, n);
    if (p === 0 && !given.json) introduce(session, prompts);
    for (const [place, result] of found.entries()) {
      if (given.json) {
        await print({ prompt, ...result, place });
        continue;
      }
      await show(`${titleOf(p * n + place, prompts.length, n)}${prompt}${result.text}\n`);
      const mean = result.logProbability / Math.max(1, result.tokens.length);
      note(
        `log-probability ${result.logProbability.toFixed(3)}, ${mean.toFixed(3)} a token${unusualEnds([result.finishReason])}`,
      );
    }
  }
}

/** The table of --explain for each prompt. */
export async function explainFirst(session: Session, prompts: readonly Prompt[]): Promise<void> {
  const { given, model, tokenizer, options } = session;
  const { vocabSize: V, contextLength: T } = model.config;
  const settings = samplingSettings(options.settings, V);
  for (const [p, { text: prompt, ids }] of prompts.entries()) {
    if (ids.length === 0) throw new RangeError('explain: the prompt is empty; expected at least one token');
    const logits = reread(model, { slot: 0, ids: [...ids] }, T);
    const history = { ids, length: ids.length, promptLength: ids.length };
    const views = explain(settings, logits, history, [0.5, 0.8, 1, 1.5], [0.5, 0.8, 0.95]);
    if (p === 0 && !given.json) introduce(session, prompts);
    if (given.json) await print({ prompt, ...explainRecord(views, tokenizer) });
    else if (views.length === 0) await write('no token is allowed\n');
    else {
      await show(`after ${JSON.stringify(prompt)}, of ${V} tokens:\n\n`);
      await write(`${explainTable(views, tokenizer, paintOf(process.stdout))}\n`);
    }
  }
}

function titleOf(row: number, prompts: number, samples: number): string {
  const parts = [
    ...(prompts > 1 ? [`prompt ${Math.floor(row / samples) + 1} of ${prompts}`] : []),
    ...(samples > 1 ? [`sample ${(row % samples) + 1} of ${samples}`] : []),
  ];
  return parts.length === 0 ? '' : `--- ${parts.join(', ')}\n`;
}

function print(record: object): void | Promise<void> {
  return show(`${JSON.stringify(record)}\n`);
}
