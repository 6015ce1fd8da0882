/** The text that a run learns, where it is not simply named. */
import type { Checkpoint } from '../../model/files/checkpoint.ts';
import type { CorpusChoice } from '../../train/corpus-choice.ts';
import type { Preset } from '../../train/presets.ts';
import type { TrainingState } from '../../train/state.ts';
import { choiceOf, nameOf } from '../data/corpus.ts';
import { type Encoded, encodeText, keptTokens, readText, tokensFolder } from '../data/large.ts';
import { ownText } from '../runs/own-text.ts';
import type { TrainFlags } from './flags.ts';
import { initCommand } from './lines.ts';
import { chooseCorpus } from './settings.ts';

/** What the flags name; where they name no text a student learns that of its first teacher, read as the flags say.
 * @param teacher its checkpoint folder */
export function corpusOf(
  given: TrainFlags,
  preset: Preset,
  teacher: string | undefined,
): [choice: CorpusChoice, plain: boolean] {
  const own = teacher === undefined || given.data !== undefined ? undefined : ownText(teacher);
  if (own === undefined) return [chooseCorpus(given, preset), false];
  const { 'val-data': valData, documents, field, loss } = given;
  const said = Object.entries({ valData, documents, field, loss }).filter(([, value]) => value !== undefined);
  const [choice, plain] = choiceOf(own, Object.fromEntries(said));
  return [choice, plain && said.length === 0];
}

/** The text of a run that is resumed: from the tokens that were kept, else read again. Throws if it is not the same. */
export async function textOfRun(
  { data, 'val-data': valData }: TrainFlags,
  state: TrainingState,
  { config, tokenizer }: Pick<Checkpoint, 'config' | 'tokenizer'>,
  path: string,
): Promise<Encoded> {
  const context = config.contextLength;
  const encoding = { sha256: state.corpusSha256, loss: state.corpus?.loss, context };
  const folder = tokensFolder(path);
  const kept = keptTokens(folder, encoding, tokenizer, [...(data ?? []), ...(valData ?? [])]);
  if (kept !== undefined) return kept;
  const read = await readText(...choiceOf(state, { ...(data && { data }), ...(valData && { valData }) }));
  if (read.sha256 !== state.corpusSha256) {
    const name = data === undefined ? state.data : nameOf({ data });
    throw new Error(
      `${name} is not the text that ${path} was trained on: its sha256 is ${read.sha256.slice(0, 12)}..., expected ${state.corpusSha256.slice(0, 12)}...; restore it, or start a new run: ${initCommand(path)}`,
    );
  }
  // It is the same text, so if it has unknown characters, the run began with --unknown skip.
  return encodeText(read, tokenizer, { unknown: 'skip', context }, folder);
}
