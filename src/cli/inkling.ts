/** inkling COMMAND [flags]: finds the command and hands over the rest of the line; only what is asked for is loaded. */
import { existsSync } from 'node:fs';
import { printError, UsageError, version } from './command/command.ts';
import { suggestion } from './command/suggest.ts';

const commands: Readonly<Record<string, { readonly about: string; readonly run: () => Promise<unknown> }>> = {
  train: { about: 'learns a text file', run: () => import('./train.ts') },
  sample: { about: 'continues a prompt with a trained model', run: () => import('./sample.ts') },
  eval: {
    about: 'measures how well a model predicts a text, and what it writes',
    run: () => import('./eval.ts'),
  },
  judge: { about: 'lets you compare texts blindly', run: () => import('./judge.ts') },
  distill: {
    about: 'learns a text and what several trained models say about it',
    run: () => import('./distill.ts'),
  },
  compare: { about: 'draws several runs on one page', run: () => import('./compare.ts') },
  runs: { about: 'lists the runs so far', run: () => import('./runs.ts') },
  micro: {
    about: 'trains the GPT on one page and shows words that it makes up',
    run: () => import('./micro.ts'),
  },
  lab: { about: 'a page to train in and to look inside', run: () => import('./lab.ts') },
  export: { about: 'one page with a model in it, to hand on', run: () => import('./export.ts') },
  lessons: {
    about: 'claims of lecture notes, each checked by running it',
    run: () => import('./lessons.ts'),
  },
  gradcheck: {
    about: 'checks every gradient against finite differences',
    run: () => import('./gradcheck.ts'),
  },
  bench: { about: 'measures the speed of this machine', run: () => measure() },
};

/** Stands outside of src, and only in a checkout: the name in a variable keeps it out of the package's build. */
async function measure(): Promise<unknown> {
  const file: string = '../../bench/cli.ts';
  if (existsSync(new URL(file, import.meta.url))) return import(file);
  return printError(new UsageError('bench is in the repository only: clone it to measure this machine'));
}

const overview = (): string =>
  [
    'inkling COMMAND [flags]',
    '',
    `Inkling ${version()}: trains a tiny GPT on a text file and samples from it, on an`,
    'ordinary CPU. In this folder each command runs in two ways:',
    '',
    '  npx inkling COMMAND [flags]',
    '  npm run COMMAND -- [flags]      (without the --, npm takes the flags)',
    '',
    ...Object.entries(commands).map(([name, { about }]) => `  ${name.padEnd(11)}${about}`),
    '',
    'npx inkling COMMAND --help lists the flags of a command.',
  ].join('\n');

const [name = '--help'] = process.argv.splice(2, 1);
const command = Object.hasOwn(commands, name) ? commands[name] : undefined;
if (command !== undefined) await command.run();
else if (name === '--help' || name === '-h') console.log(overview());
else if (name === '--version') console.log(`inkling ${version()}`);
else {
  const meant = suggestion(name, Object.keys(commands));
  const hint = meant === undefined ? 'see inkling --help' : `did you mean ${meant}?`;
  printError(new UsageError(`unknown command ${JSON.stringify(name)}; ${hint}`));
}
