/** Which model a command has loaded, in a line: runs/nano/best, step 620, 1.228 nats per token. */
import { basename, join } from 'node:path';
import { decodeState } from '../../train/state.ts';
import type { Progress } from '../../train/train.ts';
import { listFolder, readBytes } from '../host/files.ts';
import { runOf } from '../runs/folder.ts';
import { isLocked } from '../runs/lock.ts';

/** @param folder the checkpoint's; one that belongs to no run is told by its size */
export function modelLine(folder: string, parameters: number): string {
  const run = runOf(folder);
  if (run === undefined) return `${folder}, ${parameters.toLocaleString('en-US')} parameters`;
  const step = /^step-(\d+)$/.exec(basename(folder))?.[1];
  const best = step === undefined ? bestOf(run) : null;
  return [
    folder,
    ...(step === undefined ? [] : [`step ${Number(step)}`]),
    ...(best === null ? [] : [`step ${best.step}`, `${best.nll.toFixed(3)} nats per token`]),
    ...(isLocked(run) ? ['of a run that is training now'] : []),
  ].join(', ');
}

/** Step and held-out loss of a run's best, as its newest checkpoint remembers them; null where none does. */
function bestOf(run: string): Progress['best'] {
  try {
    const newest = listFolder(run).findLast((name) => name.startsWith('step-'));
    if (newest === undefined) return null;
    const path = join(run, newest, 'state.json');
    return decodeState(readBytes(path), path).best;
  } catch {
    return null; // only a remark, which must not keep anybody from sampling
  }
}
