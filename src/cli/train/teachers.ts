/** The teachers of npm run distill: other runs, opened beside the student. */
import { type Scorer, scorerOf } from '../../evaluate/text-score.ts';
import type { ModelConfig } from '../../model/config.ts';
import type { Checkpoint } from '../../model/files/checkpoint.ts';
import type { Gpt } from '../../model/gpt.ts';
import type { Kernels } from '../../tensor/kernels.ts';
import type { TeacherIdentity } from '../../train/state.ts';
import type { TrainSettings } from '../../train/trainer.ts';
import { sha256 } from '../host/files.ts';
import { findCheckpoint, readCheckpoint } from '../runs/folder.ts';

export interface Teacher extends TeacherIdentity {
  readonly checkpoint: Checkpoint;
  /** Its folder. */
  readonly source: string;
}

/** Reads runs or model folders, all of which must have the same tokens. */
export function readTeachers(paths: readonly string[]): Teacher[] {
  const teachers = paths.map((path) => {
    const source = findCheckpoint(path);
    const checkpoint = readCheckpoint(source);
    const weights = [...checkpoint.tensors.values()].map(({ data: { buffer, byteOffset, byteLength } }) =>
      sha256(new Uint8Array(buffer, byteOffset, byteLength)),
    );
    return { path, source, checkpoint, sha256: sha256(weights.join()) };
  });
  const tokens = ({ checkpoint }: Teacher) => JSON.stringify(checkpoint.tokenizer.toJSON());
  const other = teachers.find((teacher) => tokens(teacher) !== tokens(teachers[0]!));
  if (other !== undefined) {
    throw new Error(
      `${other.path} has other tokens than ${teachers[0]!.path}; all that one student learns from need the same`,
    );
  }
  return teachers;
}

/** The teachers of a run that is resumed; throws if one has changed, since the run would not go on exactly. */
export function sameTeachers(known: readonly TeacherIdentity[], run: string): Teacher[] {
  const teachers = readTeachers(known.map(({ path }) => path));
  const changed = teachers.find((teacher, i) => teacher.sha256 !== known[i]!.sha256);
  if (changed === undefined) return teachers;
  throw new Error(
    `${changed.path} has other weights than those that ${run} has learned from until now; restore them, or start a new run`,
  );
}

/** Models that can read the student's batches. */
export function openTeachers(
  teachers: readonly Teacher[],
  { batchSize }: Pick<TrainSettings, 'batchSize'>,
  { contextLength: T }: Pick<ModelConfig, 'contextLength'>,
  kernels: Kernels,
): Scorer[] {
  return teachers.map(({ path, source, checkpoint }) => {
    const { contextLength } = checkpoint.config;
    if (T % Math.min(T, contextLength) !== 0) {
      throw new Error(
        `${path} sees ${contextLength} tokens and the student ${T}; expected at most as many, or a multiple: choose another --context`,
      );
    }
    const batch = Math.ceil((batchSize * T) / contextLength);
    return scorerOf(checkpoint, { kernels, slots: 0, source, batch });
  });
}

export const modelsOf = (scorers: readonly Scorer[]): Gpt[] => scorers.map(({ model }) => model);
