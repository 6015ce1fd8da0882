/** npm run lessons: claims of lecture notes, each checked by running it. */
import { writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { textTable } from '../evaluate/table.ts';
import { claims } from '../lessons/claims/list.ts';
import type { Bench, Finding, Subject } from '../lessons/lesson.ts';
import { type Lesson, lessons } from '../lessons/lessons.ts';
import { pageText, terminalText } from '../lessons/print.ts';
import { normalizeText } from '../model/text/tokenizer.ts';
import { runCommand, UsageError, type Values } from './command/command.ts';
import { attempt, readText } from './host/files.ts';
import { kernelFlags, openKernels } from './host/kernels.ts';
import { Terminal } from './host/terminal.ts';
import { openSubject } from './lessons/model.ts';
import { shippedText } from './train/settings.ts';

const command = {
  name: 'lessons',
  summary: `${claims.length} claims that lecture notes on language models make, each checked by running: what was claimed, what came out, and the verdict. Some are wrong. Without a number it lists them.
Lessons about a trained model look at --run DIR, or at a small one that is trained first, in about a minute, and kept in runs/lessons.`,
  positionals: '[N ...]',
  flags: {
    all: { kind: 'switch', help: 'runs all of them, one after the other' },
    answer: { kind: 'switch', help: 'shows the answer to the question of each lesson, too' },
    run: { kind: 'text', value: 'DIR', help: 'the run or model to look at' },
    data: {
      kind: 'text',
      value: 'FILE',
      help: 'the text that it learned from, where it does not say so itself',
    },
    json: { kind: 'switch', help: 'as JSON, a line for each lesson, with its numbers' },
    write: { kind: 'switch', help: 'runs all and writes docs/lessons.md' },
    threads: kernelFlags.threads,
  },
  examples: [
    'npm run lessons',
    'npm run lessons -- 17',
    'npm run lessons -- 20 --run runs/nano',
    'npm run lessons -- 3 --answer',
    'npm run --silent lessons -- 12 --json',
  ],
} as const;

const page = fileURLToPath(new URL('../../docs/lessons.md', import.meta.url));

await runCommand(command, async (given, numbers) => {
  const chosen = chooseLessons(given, numbers);
  if (chosen.length === 0) return console.log(given.json ? JSON.stringify(claims, null, 2) : overview());
  const terminal = new Terminal({ quiet: given.json ?? false });
  const bench = await openBench(given, terminal);
  const findings: Finding[] = [];
  for (const lesson of chosen) {
    const finding = await lesson.run(bench);
    findings.push(finding);
    const { run: _, ...claim } = lesson;
    await terminal.line(
      given.json
        ? JSON.stringify({ ...claim, ...finding })
        : given.write
          ? `${String(lesson.number).padStart(2)}  ${lesson.title}: ${lesson.verdict}`
          : `${terminalText(lesson, finding, { answer: given.answer ?? false })}\n`,
    );
  }
  if (!given.write) return;
  attempt('write', page, () => writeFileSync(page, pageText(chosen, findings)));
  terminal.line(`written: ${page}`);
});

function chooseLessons(given: Values<typeof command.flags>, numbers: readonly string[]): readonly Lesson[] {
  if (given.write && (numbers.length > 0 || given.run !== undefined || given.json)) {
    throw new UsageError('--write takes no lesson, --run or --json: the page has all, on their own model');
  }
  if ((given.all || given.write) && numbers.length === 0) return lessons;
  if (given.all) throw new UsageError(`--all runs every lesson; leave out ${numbers.join(' ')}`);
  if (numbers.length === 0 && given.answer)
    throw new UsageError('--answer goes with a lesson: lessons 3 --answer');
  return numbers.map((text) => {
    const lesson = lessons.find(({ number }) => String(number) === text);
    if (lesson !== undefined) return lesson;
    throw new UsageError(`no lesson ${JSON.stringify(text)}; expected a number from 1 to ${lessons.length}`);
  });
}

function overview(): string {
  const needs = { nothing: '', clock: 'takes times', model: 'looks at a model', training: 'trains' } as const;
  const rows = claims.map((claim) => [String(claim.number).padStart(2), claim.title, needs[claim.needs]]);
  return `${textTable(rows, { left: 3 })}\n\nnpm run lessons -- N runs one, --all runs all of them`;
}

async function openBench(given: Values<typeof command.flags>, terminal: Terminal): Promise<Bench> {
  const { run, data, threads } = given;
  const choice = {
    ...(run === undefined ? {} : { run }),
    ...(data === undefined ? {} : { data }),
    ...(threads === undefined ? {} : { threads }),
  };
  const { kernels } = await openKernels(choice);
  let subject: Promise<Subject> | undefined;
  return {
    kernels,
    now: () => performance.now(),
    say: (line) => terminal.progress(line),
    text: normalizeText(readText(shippedText())),
    subject: () => (subject ??= openSubject(choice, kernels, terminal)),
  };
}
