/** npm run eval: how well a model predicts a text, and what its own texts are like. */
import { runCommand } from '../node/command.ts';
import {
  bleuOptions,
  chooseJob,
  type EvalFlags,
  evalFlags,
  type Job,
  windowChoice,
} from '../node/eval-flags.ts';
import { openScorer, openSource, textToScore } from '../node/eval-model.ts';
import { readText } from '../node/files.ts';
import { comparePairs, pairTables } from './pairs.ts';
import { surprise, surpriseLegend, surpriseTable, surpriseText } from './surprise.ts';
import { scoreLines, scoreText } from './text-score.ts';

const command = {
  name: 'eval',
  summary: `Without other flags: the perplexity of the text held out of the run's own.
--score shows the surprise of each character of a text.
--hyp and --ref compare any two texts, line by line.`,
  flags: evalFlags,
  examples: [
    'npm run eval',
    'npm run eval -- --run runs/nano --data other.txt --mode stride',
    'npm run eval -- --score "Wren said that the tide was late."',
    'npm run eval -- --hyp mine.txt --ref theirs.txt --ref others.txt',
    'npm run --silent eval -- --json',
  ],
} as const;

const run: Readonly<Record<Job, (given: EvalFlags) => void | Promise<void>>> = {
  perplexity: evalPerplexity,
  surprise: evalSurprise,
  pairs: evalPairs,
};

await runCommand(command, (given) => run[chooseJob(given)](given));

async function evalPerplexity(given: EvalFlags): Promise<void> {
  const source = openSource(given);
  const { path, split, tokens } = textToScore(source, given);
  const result = scoreText(await openScorer(source, given), tokens, windowChoice(given));
  if (given.json) console.log(JSON.stringify(result));
  else console.log(`${source.folder} on ${path} (${split})\n${scoreLines(result)}`);
}

async function evalSurprise(given: EvalFlags): Promise<void> {
  const text = given['score-file'] === undefined ? given.score! : readText(given['score-file']);
  const source = openSource(given);
  const tokens = source.checkpoint.tokenizer.encode(text, given.unknown ?? 'error');
  const result = surprise(await openScorer(source, given), tokens, windowChoice(given));
  if (given.json) console.log(JSON.stringify(result));
  else if (process.stdout.isTTY && !('NO_COLOR' in process.env)) {
    console.log(`${surpriseLegend()}\n\n${surpriseText(result)}\n\n${scoreLines(result)}`);
  } else console.log(`${surpriseTable(result)}\n\n${scoreLines(result)}`);
}

function evalPairs(given: EvalFlags): void {
  const [hypotheses, ...references] = [given.hyp!, ...given.ref!].map((name) => ({
    name,
    text: readText(name),
  }));
  const report = comparePairs(hypotheses, references, bleuOptions(given));
  console.log(given.json ? JSON.stringify(report) : pairTables(report));
}
