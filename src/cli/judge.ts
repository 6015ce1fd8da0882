/** npm run judge: a person compares texts without knowing whose they are. */
import { availableParallelism } from 'node:os';
import { basename, resolve } from 'node:path';
import {
  beginningOf,
  modelLabel,
  type PairSizes,
  pairSizes,
  pairsOf,
  questions,
  realText,
  tokensFor,
  verdictOf,
  type Writer,
} from '../evaluate/judge.ts';
import { wrappedLines } from '../evaluate/table.ts';
import { readVerdicts } from '../evaluate/verdict-file.ts';
import { comparisons, isOf, judge, judgementLines, judgementRecord, revealed } from '../evaluate/verdicts.ts';
import { runCommand, UsageError } from './command/command.ts';
import { heldOutTexts, learnedText } from './eval/model.ts';
import { readText } from './host/files.ts';
import { note, show, write } from './host/output.ts';
import { forStream, oneLine } from './host/printable.ts';
import { openAnswers } from './judge/answers.ts';
import { VerdictFile } from './judge/file.ts';
import {
  checkMerge,
  type JudgeFlags,
  judgeFlags,
  type SideFlags,
  sidesOf,
  usualFile,
  usualPairs,
} from './judge/flags.ts';
import { mergedTable, pairText, widthOf } from './judge/screen.ts';
import { freeze, generate, loadModel, type Model } from './library.ts';
import { findCheckpoint, runOf } from './runs/folder.ts';
import { modelLine } from './sample/remarks.ts';

const command = {
  name: 'judge',
  summary: `Shows two texts after one prompt, without telling whose they are; you say which is better.
One is the model's, the other real; with a --b- flag both are models', of two settings or two runs.
1 or left, 2 or right: the better one. 0 or space: the same. q: end. From a pipe, one a line.`,
  positionals: '[--merge FILE ...]',
  flags: judgeFlags,
  examples: [
    'npm run judge',
    'npm run judge -- --temperature 0.7 --b-temperature 1.1 --pairs 30',
    'npm run judge -- --run runs/nano --b-run runs/words --out anna.csv --seed 2',
    'npm run judge -- --merge anna.csv max.csv',
  ],
  notes: [
    "After each verdict: how often A was preferred, Wilson's 95 % interval, and how many pairs it still takes.",
    'The interval is right for a number of pairs that was settled beforehand. Who stops at the first pair that',
    'tells finds a difference between equals in 31 % of 50 pairs, not in 5 %. More in docs/measures.md.',
  ].join(' '),
} as const;

await runCommand(command, async (given, files) => {
  checkMerge(given, files);
  if (given.merge) merge(files, given.json === true);
  else await ask(given);
});

async function ask(given: JudgeFlags): Promise<void> {
  const screen = given.json ? process.stderr : process.stdout;
  const say = (text: string) => show(`${wrappedLines(forStream(text, screen), widthOf(screen))}\n`, screen);
  const { writers, texts, learned, sizes } = await openSides(given);
  const [a, b] = [writers.a.label, writers.b.label];
  const planned = questions(texts, sizes, given.seed ?? 1).slice(0, given.pairs ?? usualPairs);
  if (planned.length < (given.pairs ?? usualPairs)) note(`the text has room for ${planned.length} pairs`);
  const known = planned.filter(({ prompt }) => learned.includes(prompt)).length;
  if (known > 0) {
    note(
      `B has an advantage: it has learned ${known} of these ${planned.length} texts; its held-out part is another`,
    );
  }
  const file = new VerdictFile(given.out ?? usualFile);
  const done = file.verdicts.filter(isOf({ a, b }));
  const seen = new Set(done.map(({ pair }) => pair));
  const open = planned.filter(({ id }) => !seen.has(id));

  await say(`A: ${a}\nB: ${b}`);
  if (done.length > 0) await say(judgementLines(judge(done), open.length));
  if (open.length === 0) await say('All pairs of this seed are judged; --pairs has more, or another --seed.');
  else {
    const answers = openAnswers(screen);
    try {
      let number = planned.length - open.length;
      for await (const pair of pairsOf(open, writers, sizes)) {
        number += 1;
        await write(pairText(pair, { number, of: planned.length }, screen), screen);
        const answer = await answers.next();
        if (answer === 'end') break;
        const verdict = verdictOf(pair, answer, { a, b });
        file.add(verdict);
        done.push(verdict);
        await say(`\n${revealed(verdict)}\n${judgementLines(judge(done), planned.length - number)}`);
      }
    } finally {
      answers.close();
    }
  }
  await say(`\n${done.length} ${done.length === 1 ? 'verdict' : 'verdicts'} in ${oneLine(file.path)}`);
  if (given.json) console.log(JSON.stringify({ ...judgementRecord({ a, b }, judge(done)), file: file.path }));
}

/** The two writers, the texts that prompts are taken from, and what B has learned. */
async function openSides(given: JudgeFlags) {
  const sides = sidesOf(given);
  const sizes = pairSizes(given.length, given['prompt-length']);
  const folders = [sides.a, ...(sides.b === undefined ? [] : [sides.b])].map(({ run }) =>
    findCheckpoint(run),
  );
  const names = folders.map(nameOf);
  const alike = names[0] === names[1] && resolve(folders[0]!) !== resolve(folders[1]!);
  const threads = given.threads ?? Math.min(availableParallelism(), 8);
  const models = new Map<string, Model>();
  const writerOf = async ({ settings }: SideFlags, side: number): Promise<Writer> => {
    const folder = folders[side]!;
    const model = models.get(folder) ?? (await loadModel(folder, { threads, math: given.math }));
    if (!models.has(folder)) {
      models.set(folder, model);
      freeze(model);
      note(
        modelLine(
          folder,
          model.gpt.parameters.reduce((sum, { value }) => sum + value.size, 0),
        ),
      );
    }
    return modelWriter(model, modelLabel(alike ? oneLine(folder) : names[side]!, settings), settings, sizes);
  };
  const a = await writerOf(sides.a, 0);
  const b = sides.b === undefined ? realText : await writerOf(sides.b, 1);
  if (a.label === b.label) {
    throw new UsageError(`A and B are both ${a.label}; give B another --b-run or --b-temperature`);
  }
  const texts = await heldOutTexts(folders[0]!, given.data);
  const [own, other = own] = folders;
  const learned = other === own ? '' : await learnedText(other!);
  return { writers: { a, b }, texts, learned, sizes };
}

/** nano for its best model, nano step 300 for another. */
function nameOf(folder: string): string {
  const step = /^step-(\d+)$/.exec(basename(folder))?.[1];
  const name = oneLine(basename(resolve(runOf(folder) ?? folder)));
  return step === undefined ? name : `${name} step ${Number(step)}`;
}

function modelWriter(
  model: Model,
  label: string,
  settings: SideFlags['settings'],
  { length }: PairSizes,
): Writer {
  const { tokenizer } = model;
  return {
    label,
    write(question, seed) {
      const prompt = tokenizer.decode(tokenizer.encode(question.prompt, 'skip')); // B may know fewer characters
      return beginningOf(generate(model, { ...settings, ...tokensFor(length), prompt, seed }), length);
    },
  };
}

function merge(paths: readonly string[], json: boolean): void {
  const twice = paths.find((path, i) => paths.findIndex((other) => resolve(other) === resolve(path)) < i);
  if (twice !== undefined) throw new UsageError(`${twice} is given twice`);
  const files = paths.map((path) => ({ path, verdicts: readVerdicts(readText(path), path) }));
  const groups = comparisons(files.flatMap(({ verdicts }) => verdicts));
  if (groups.length === 0) throw new Error(`there is no verdict yet in ${paths.join(', ')}`);
  const tables = groups.map((group) => mergedTable(group, files));
  if (json) console.log(JSON.stringify(groups.map((group) => judgementRecord(group[0]!, judge(group)))));
  else void show(`${tables.join('\n\n')}\n`);
}
