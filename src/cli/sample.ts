/** npm run sample: continue a prompt with a trained model. */
import { randomInt } from 'node:crypto';
import { loadParameters } from '../model/files/checkpoint.ts';
import { freeze } from '../model/freeze.ts';
import { Gpt } from '../model/gpt.ts';
import { normalizeText } from '../model/text/tokenizer.ts';
import { promptTokens } from '../sample/prompt.ts';
import { defaultSampling } from '../sample/settings.ts';
import { runCommand } from './command/command.ts';
import { sampleAnswers } from './command/field-names.ts';
import { readText } from './host/files.ts';
import { openKernels } from './host/kernels.ts';
import { isPiped, readInput } from './host/text-in.ts';
import { findCheckpoint, readCheckpoint } from './runs/folder.ts';
import { type SampleFlags, sampleFlags } from './sample/flags.ts';
import { draw, drawRecords, explainFirst, search } from './sample/jobs.ts';
import { noteAddedText } from './sample/remarks.ts';
import { optionsOf, type Prompt, type Session } from './sample/session.ts';
import { checkFlags } from './sample/settings.ts';
import { talk } from './sample/talk.ts';

const command = {
  name: 'sample',
  summary: 'Continues a prompt, drawing one token after the other from what the model gives.',
  flags: sampleFlags,
  answers: sampleAnswers,
  examples: [
    'npm run sample -- --prompt "Anna "',
    'npm run sample -- --prompt "Anna " --samples 3 --seed 7',
    'npm run sample -- --prompt "Anna " --temperature 1 --top-p 1',
    'npm run sample -- --prompt "Anna " --min-p 0.1 --stop "\\n" --trace',
    'npm run sample -- --prompt "Anna " --explain',
    'npm run sample -- --interactive',
    'npm run --silent sample -- --prompt "Anna " --json',
  ],
  notes: `Every default stands unless its own flag is given: --top-k 40 alone still draws at temperature
${defaultSampling.temperature} from the nucleus of ${defaultSampling.topP}. --temperature 1 --top-p 1 draws from the model's own distribution.
Standard output gets the texts, standard error the remarks: which model, the seed, the speed.`,
} as const;

await runCommand(command, main);

async function main(given: SampleFlags): Promise<void> {
  checkFlags(given);
  const source = findCheckpoint(given.run);
  const checkpoint = readCheckpoint(source);
  const { tokenizer, eosTokens } = checkpoint;
  const options = optionsOf(given, checkpoint, given.seed ?? randomInt(2 ** 32));
  const prompts = given.interactive ? [] : (await choosePrompts(given)).map(encode);
  const rows = prompts.length * (given.samples ?? 1);
  const slots = given.interactive || given.explain ? 1 : (given.beam ?? rows);
  const { kernels } = await openKernels(given);
  const model = new Gpt(checkpoint.config, { kernels, batch: 0, slots, gradients: false });
  model.arena.allocate(model.kernels.memory);
  loadParameters(model, checkpoint, source);
  if (!given.explain) freeze(model); // that reads each prompt once
  const session: Session = { given, source, model, tokenizer, eosTokens, options };
  if (given.interactive) await talk(session);
  else if (given.explain) await explainFirst(session, prompts);
  else if (given.beam !== undefined) await search(session, prompts, given.beam);
  else if (given.json) await drawRecords(session, prompts);
  else await draw(session, prompts);

  function encode(raw: string): Prompt {
    const text = normalizeText(raw);
    noteAddedText(text, 'the prompt', tokenizer);
    const ids = promptTokens(tokenizer, text, given.unknown);
    return { text: text === '' && tokenizer.endOfText === undefined ? tokenizer.decode(ids) : text, ids };
  }
}

/** An empty one means that there is none. */
async function choosePrompts(given: SampleFlags): Promise<string[]> {
  const file = given['prompt-file'];
  if (file !== undefined) return [file === '-' ? await readSome() : readText(file)];
  if (given.prompt === undefined && isPiped()) return [await readInput()];
  const prompts: string[] = [];
  for (const prompt of given.prompt ?? ['']) {
    prompts.push(prompt === '-' ? await readSome() : prompt);
  }
  return prompts;
}

async function readSome(): Promise<string> {
  const text = await readInput();
  if (text === '') throw new Error('standard input is empty; expected a prompt');
  return text;
}
