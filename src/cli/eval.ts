/** npm run eval: how well a model predicts a text, and what its own texts are like. */
import { join } from 'node:path';
import { choiceTable, chooseAll } from '../evaluate/choices.ts';
import { describeSizes, generateReport, generationTables } from '../evaluate/generate-report.ts';
import { measureHelp } from '../evaluate/measure-help.ts';
import { prepareCorpus } from '../evaluate/measures.ts';
import { comparePairs, pairTables } from '../evaluate/pairs.ts';
import { readChoices } from '../evaluate/read-choices.ts';
import { surprise, surpriseLegend, surpriseTable, surpriseText } from '../evaluate/surprise.ts';
import { sweep, sweepTable } from '../evaluate/sweep.ts';
import { sweepChart } from '../evaluate/sweep-chart.ts';
import { scoreLines, scoreText } from '../evaluate/text-score.ts';
import { normalizeText } from '../model/text/tokenizer.ts';
import { runCommand } from './command/command.ts';
import { evalAnswers } from './command/field-names.ts';
import {
  chooseJob,
  chooseSweep,
  type EvalFlags,
  evalFlags,
  type Job,
  pairOptions,
  windowChoice,
} from './eval/flags.ts';
import { heldOutAndTraining, openScorer, openSource, pictureFolder, textToScore } from './eval/model.ts';
import { readText, writeFile } from './host/files.ts';
import { Terminal } from './host/terminal.ts';
import { noteAddedText } from './sample/remarks.ts';

const command = {
  name: 'eval',
  summary: `Without other flags: the perplexity of the text held out of the run's own.
--score shows the surprise of each character of a text.
--choices lets it choose the likeliest of several continuations.
--generate continues held-out prompts and measures what the model writes, beside what really came.
--sweep does so for a grid of temperatures and top-ps.
--hyp and --ref compare any two texts, line by line.`,
  flags: evalFlags,
  answers: evalAnswers,
  examples: [
    'npm run eval',
    'npm run eval -- --run runs/nano --data other.txt --mode stride',
    'npm run eval -- --score "Anna said that it was late."',
    'npm run eval -- --choices tasks.jsonl',
    'npm run eval -- --generate 100 --temperature 0.8 --top-p 0.95',
    'npm run eval -- --sweep --temperature 0.6,0.8,1 --top-p 0.9,1',
    'npm run eval -- --hyp mine.txt --ref theirs.txt --ref others.txt',
    'npm run --silent eval -- --json',
  ],
  notes: measureHelp(),
} as const;

const run: Readonly<Record<Job, (given: EvalFlags) => void | Promise<void>>> = {
  perplexity: evalPerplexity,
  surprise: evalSurprise,
  choices: evalChoices,
  generation: evalGeneration,
  sweep: evalSweep,
  pairs: evalPairs,
};

/** Sequences generated at a time; any number gives the same texts. */
const slots = 32;

await runCommand(command, (given) => run[chooseJob(given)](given));

async function evalPerplexity(given: EvalFlags): Promise<void> {
  const source = openSource(given);
  const { path, split, tokens } = await textToScore(source, given);
  const result = scoreText(await openScorer(source, given), tokens, windowChoice(given));
  if (given.json) console.log(JSON.stringify(result));
  else console.log(`${source.folder} on ${path} (${split})\n${scoreLines(result)}`);
}

async function evalSurprise(given: EvalFlags): Promise<void> {
  const text = given['score-file'] === undefined ? given.score! : readText(given['score-file']);
  const source = openSource(given);
  noteAddedText(text, 'the text', source.checkpoint.tokenizer);
  const tokens = source.checkpoint.tokenizer.encode(normalizeText(text), given.unknown ?? 'error');
  const result = surprise(await openScorer(source, given), tokens, windowChoice(given));
  if (given.json) console.log(JSON.stringify(result));
  else if (process.stdout.isTTY && !process.env['NO_COLOR']) {
    console.log(`${surpriseLegend()}\n\n${surpriseText(result)}\n\n${scoreLines(result)}`);
  } else console.log(`${surpriseTable(result)}\n\n${scoreLines(result)}`);
}

async function evalChoices(given: EvalFlags): Promise<void> {
  const path = given.choices!;
  const questions = readChoices(readText(path), path);
  const source = openSource(given);
  const report = chooseAll(await openScorer(source, given), questions);
  if (given.json) console.log(JSON.stringify(report));
  else console.log(`${source.folder} on ${path}\n${choiceTable(report)}`);
}

async function evalGeneration(given: EvalFlags): Promise<void> {
  const { source, settings, scorer, heldOut, corpus } = await openSampling(given);
  const [temperature, topP] = [settings.temperatures[0], settings.topPs[0]];
  const { count, promptTokens, newTokens, topK, seed } = settings;
  const report = generateReport(scorer, heldOut.tokens, corpus, {
    ...{ count, promptTokens, newTokens, temperature, topK, topP, seed },
  });
  if (given.json) console.log(JSON.stringify(report));
  else console.log(`${source.folder} on ${heldOut.path}\n${generationTables(report)}`);
}

async function evalSweep(given: EvalFlags): Promise<void> {
  const { source, settings, scorer, heldOut, corpus } = await openSampling(given);
  const terminal = new Terminal({ quiet: given.json === true });
  const result = sweep(scorer, heldOut.tokens, corpus, settings, (done, of) =>
    terminal.progress(`setting ${done + 1} of ${of}`),
  );
  const svg = given.svg ?? join(pictureFolder(source), 'sweep.svg');
  writeFile(svg, sweepChart(result));
  if (given.json) terminal.line(JSON.stringify({ ...result, svg }));
  else {
    terminal.line(`${source.folder} on ${heldOut.path}\n${describeSizes(settings)}\n`);
    terminal.line(`${sweepTable(result)}\n\ndrawn in ${svg}`);
  }
}

async function openSampling(given: EvalFlags) {
  const chosen = chooseSweep(given);
  const source = openSource(given);
  const { contextLength } = source.checkpoint.config;
  const settings = {
    ...chosen,
    promptTokens: given['prompt-tokens'] ?? Math.max(1, Math.floor(contextLength / 2)),
  };
  const heldOut = await heldOutAndTraining(source, given);
  const scorer = await openScorer(source, given, Math.min(slots, settings.count));
  return { source, settings, scorer, heldOut, corpus: prepareCorpus(heldOut.training) };
}

function evalPairs(given: EvalFlags): void {
  const options = pairOptions(given);
  const read = (name: string) => ({ name, text: readText(name) });
  const report = comparePairs(read(given.hyp!), given.ref!.map(read), options);
  console.log(given.json ? JSON.stringify(report) : pairTables(report));
}
