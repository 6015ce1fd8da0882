/** A run folder as files in memory: what the command writes, byte for byte, and how it is read back. */
import {
  type Checkpoint,
  type CheckpointFile,
  checkpointFiles,
  decodeCheckpoint,
} from '../model/files/checkpoint.ts';
import { decodeState, type StateFile, type TrainingState } from '../train/state.ts';

/** Files by their paths in a run folder: 'best/config.json'. */
export type Files = ReadonlyMap<string, Uint8Array>;

/** The file with the checksums of the other files in its folder, in the format of the sha256sum command. */
export const checksumFile = 'checksums.txt';
/** Checkpoints from which training can be resumed; their names sort as their steps do. */
export const stepFolder = /^step-\d{8}$/;
export const stepName = (step: number): string => `step-${String(step).padStart(8, '0')}`;

export async function sha256(content: string | Uint8Array): Promise<string> {
  const bytes = typeof content === 'string' ? new TextEncoder().encode(content) : content;
  const hash = await crypto.subtle.digest('SHA-256', Uint8Array.from(bytes)); // it takes no shared memory
  return Array.from(new Uint8Array(hash), (byte) => byte.toString(16).padStart(2, '0')).join('');
}

/** A folder of a run with its checksums, as the command leaves it. */
export async function withChecksums(
  folder: string,
  files: ReadonlyMap<StateFile | CheckpointFile, Uint8Array>,
): Promise<[path: string, bytes: Uint8Array][]> {
  const sums = await Promise.all(
    [...files].map(async ([name, bytes]) => `${await sha256(bytes)}  ${name}\n`),
  );
  return [...files, [checksumFile, new TextEncoder().encode(sums.join(''))] as const].map(([name, bytes]) => [
    `${folder}/${name}`,
    bytes,
  ]);
}

/** The model in a run's files: its best, else its newest; or of a folder that is a model itself. */
export async function readModel(
  files: Files,
  name: string,
): Promise<Checkpoint & { readonly step: number | undefined }> {
  const folder = ['best', newestStep(files), ''].find(
    (folder) => folder !== undefined && files.has(pathIn(folder, 'config.json')),
  );
  if (folder === undefined) {
    throw new Error(
      `${name} holds no model: expected ${checkpointFiles.join(', ')} in it, in best/ or in step-.../`,
    );
  }
  return { ...(await readFolder(files, folder, name)), step: undefined };
}

/** The newest checkpoint that training can go on from. */
export async function readState(
  files: Files,
  name: string,
): Promise<{
  readonly checkpoint: Checkpoint;
  readonly state: TrainingState;
  readonly optimizer: Uint8Array;
}> {
  const folder = newestStep(files);
  const [state, optimizer] = ['state.json', 'optimizer.safetensors'].map((file) =>
    files.get(pathIn(folder ?? '', file)),
  );
  if (folder === undefined || state === undefined || optimizer === undefined) {
    throw new Error(`${name} holds nothing to go on from: expected a folder step-... with state.json in it`);
  }
  const source = `${name}/${folder}`;
  return {
    checkpoint: await readFolder(files, folder, name),
    state: decodeState(state, `${source}/state.json`),
    optimizer,
  };
}

function newestStep(files: Files): string | undefined {
  const folders = [...files.keys()]
    .map((path) => path.split('/')[0]!)
    .filter((folder) => stepFolder.test(folder));
  return folders.sort().at(-1);
}

const pathIn = (folder: string, file: string): string => (folder === '' ? file : `${folder}/${file}`);

async function readFolder(files: Files, folder: string, name: string): Promise<Checkpoint> {
  const source = pathIn(name, folder);
  const sums = files.get(pathIn(folder, checksumFile));
  if (sums !== undefined) {
    for (const line of new TextDecoder().decode(sums).trimEnd().split('\n')) {
      const [expected, file] = line.split('  ');
      const bytes = files.get(pathIn(folder, file ?? ''));
      if (bytes === undefined || (await sha256(bytes)) !== expected) {
        throw new Error(
          `${source}/${file} is damaged or missing: its checksum is not the one in ${checksumFile}`,
        );
      }
    }
  }
  return decodeCheckpoint((file) => files.get(pathIn(folder, file)), source);
}
