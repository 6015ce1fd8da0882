/** The model that lessons look at: one that was named, or a small one that is trained once and kept. */
import { renameSync, rmSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { type Subject, subjectOf } from '../../lessons/lesson.ts';
import type { Kernels } from '../../tensor/kernels.ts';
import { presets } from '../../train/presets.ts';
import { heldOutAndTraining, openSource } from '../eval/model.ts';
import { attempt, isFolder, makeFolder, readText, replacements } from '../host/files.ts';
import type { Terminal } from '../host/terminal.ts';
import { saveRun, train } from '../library.ts';
import { runsFolder } from '../runs/folder.ts';
import { shippedText } from '../train/settings.ts';

/** Not a run of runs/ itself: the newest of those is what `npm run sample` takes. */
const own = join(runsFolder, 'lessons', 'nano');

export interface Choice {
  readonly run?: string;
  readonly data?: string;
  readonly threads?: number;
}

export async function openSubject(choice: Choice, kernels: Kernels, terminal: Terminal): Promise<Subject> {
  if (choice.run === undefined && !isFolder(own)) await trainOwn(choice, terminal);
  const { data, ...rest } = choice;
  const given = { ...rest, run: choice.run ?? own, ...(data === undefined ? {} : { data: [data] }) };
  const source = openSource(given);
  const { tokens: heldOut, training } = await heldOutAndTraining(source, given);
  return subjectOf(source.checkpoint, kernels, { source: source.folder, heldOut, training });
}

/** The preset nano with seed 1 on the shipped stories. The folder appears when all of it is there. */
async function trainOwn({ threads }: Choice, terminal: Terminal): Promise<void> {
  terminal.detail(`training the small model that lessons look at, into ${own}: about a minute, once`);
  const data = shippedText();
  const options = { text: readText(data), data, preset: 'nano', seed: 1 } as const;
  for await (const event of train({ ...options, ...(threads === undefined ? {} : { threads }) })) {
    if (event.kind === 'step') terminal.status(event, presets.nano.train.steps);
    if (event.kind !== 'end') continue;
    event.model.close();
    const { fresh } = replacements(own);
    makeFolder(dirname(own));
    attempt('write', own, () => {
      rmSync(fresh, { recursive: true, force: true });
      saveRun(fresh, event.files);
      renameSync(fresh, own);
    });
  }
}
