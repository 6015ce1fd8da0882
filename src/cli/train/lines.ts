/** The lines that a training run prints at its beginning and end, for --plan, and about baselines and samples. */
import type { EnsembleScore } from '../../evaluate/ensemble.ts';
import { textTable } from '../../evaluate/table.ts';
import { countWords, wordsOf } from '../../evaluate/words.ts';
import type { ModelConfig } from '../../model/config.ts';
import { defaultSampling } from '../../sample/settings.ts';
import type { Split } from '../../train/dataset.ts';
import { type Corpus, countCharacters, type Document, textOf } from '../../train/documents.ts';
import { type Baseline, counted, duration, type EvaluationMetrics } from '../../train/metrics.ts';
import { partsOf } from '../../train/observe.ts';
import type { Preflight } from '../../train/preflight.ts';
import type { Preset } from '../../train/presets.ts';
import type { TrainingState } from '../../train/state.ts';
import { isOutOfPatience } from '../../train/train.ts';
import type { Trainer } from '../../train/trainer.ts';
import { oneLine, shellWord } from '../host/printable.ts';

const whole = (n: number): string => n.toLocaleString('en-US');
/** kB or MB. */
export const size = (bytes: number): string =>
  bytes < 99_950 ? `${Math.ceil(bytes / 1e3)} kB` : `${(bytes / 1e6).toFixed(1)} MB`;
const resumeCommand = (path: string): string => `npm run train -- --resume ${shellWord(path)}`;
export const initCommand = (path: string): string => `npm run train -- --init ${shellWord(path)}`;
const sampleCommand = (path: string): string => `npm run sample -- --run ${shellWord(path)}`;

const mostSkipped = 10;

/** Why files were left out. */
export function skippedLines(reasons: readonly string[]): string[] {
  const more = reasons.length - mostSkipped;
  return [
    ...reasons.slice(0, mostSkipped).map((reason) => `left out: ${reason}`),
    ...(more > 0 ? [`left out: ${counted(more, 'file')} more`] : []),
  ];
}

export function longPromptLine(count: number): string[] {
  if (count === 0) return [];
  return [`left out: the beginning of ${counted(count, 'prompt')}, for which the context has no room`];
}

/** Two lines: the text, and the model with the source of its weights. */
export function headLines(
  read: string,
  split: Split,
  config: ModelConfig,
  parameters: number,
  source: string | undefined,
): string[] {
  const { layers, heads, channels, contextLength, vocabSize } = config;
  return [
    `${read}; ${counted(split.train.length, 'token')} to learn from, ${whole(split.validation.length)} held out, vocabulary ${vocabSize}`,
    `model: ${counted(layers, 'layer')}, ${counted(heads, 'head')}, ${counted(channels, 'channel')}, context ${contextLength}: ${counted(parameters, 'parameter')}${source === undefined ? '' : `, starting from ${source}`}`,
  ];
}

/** What the teachers of a student know: each alone, and the mean of their probabilities, which is to be learned. */
export function teacherLines(
  teachers: readonly { readonly path: string }[],
  { alone, together }: EnsembleScore,
  { charactersPerToken = 1 }: Split,
): string[] {
  const nats = (nll: number) => (nll / charactersPerToken).toFixed(4);
  return [
    ...teachers.map(
      ({ path }, i) => `learning from ${path}: validation ${nats(alone[i]!)} nats per character`,
    ),
    ...(teachers.length > 1 ? [`together, as the mean of their probabilities: ${nats(together)}`] : []),
  ];
}

/** One line for the head of a run. */
export function costLine({ flopsPerStep, bytes, epochs, tokensPerStep }: Preflight): string {
  return `${counted(tokensPerStep, 'token')} and ${(flopsPerStep / 1e9).toFixed(2)} GFLOP a step, ${size(bytes)} planned, ${epochs.toFixed(1)} passes over the text`;
}

/** What each section of the memory is for. */
const purposes: Readonly<Record<string, string>> = {
  params: 'the weights',
  grads: 'their gradients',
  moments: 'what the optimizer keeps for each of them',
  saved: 'what forward keeps for backward',
  scratch: 'room for work, the same for all blocks',
  cache: 'keys and values, for samples',
  ids: 'the tokens of a batch, as numbers',
};

/** What --plan prints of a trainer: the parameters by part, the memory section by section, the disk.
 *
 * @param keep checkpoints that stay beside the best model */
export function planText({ model }: Trainer, p: Preflight, keep: number): string {
  const parts = [...partsOf(model.parameters)].map(([name, members]) => [
    name,
    whole(members.reduce((sum, m) => sum + m.value.size, 0)),
  ]);
  const plan = model.arena.plan().filter(({ bytes }) => bytes > 0);
  const sections = plan.map(({ section, tensors, elements, bytes }) => {
    return [section, String(tensors), whole(elements), size(bytes)];
  });
  const memory = [['section', 'tensors', 'elements', 'size'], ...sections, ['total', '', '', size(p.bytes)]];
  const notes = ['', ...plan.map(({ section }) => purposes[section] ?? ''), ''];
  return [
    'parameters by part',
    textTable([['part', 'elements'], ...parts, ['total', whole(p.parameters)]], { indent: '  ' }),
    '',
    'memory, one buffer',
    ...textTable(memory, { indent: '  ' })
      .split('\n')
      .map((line, i) => `${line}  ${notes[i]}`.trimEnd()),
    '',
    `disk: ${size(p.modelBytes + keep * p.checkpointBytes)}: the best model with ${size(p.modelBytes)}, and the newest ${counted(keep, 'checkpoint')} with ${size(p.checkpointBytes)} each`,
    `cost: ${costLine(p)}`,
  ].join('\n');
}

/** A note if the preset was made for another text; else nothing. */
export function otherTextLine({ text }: Preset, name: string, sha256: string): string[] {
  if (text === undefined || text.sha256 === sha256) return [];
  return [
    `note: the preset ${name} was made for ${text.name}, and this is another text; it is at ${text.address} (sha256 ${text.sha256})`,
  ];
}

/** The losses of the n-gram models that a run should get below. @param corpus if they were counted on a sample, that */
export function baselineLine(baselines: readonly Baseline[], perCharacter: boolean, corpus?: Corpus): string {
  const all = baselines.map(({ order, nll }) => `${baselineName(order)} ${nll.toFixed(3)}`).join(', ');
  const best = strongest(baselines);
  const which = best === undefined ? '' : `; the best of them is the ${baselineName(best.order)}`;
  const [learned, heldOut] =
    corpus === undefined ? [] : [corpus.documents, corpus.heldOut!].map(charactersIn);
  const on =
    corpus === undefined
      ? ''
      : ` (counted on a sample: the first ${learned}, and ${heldOut} that are held out)`;
  return `to beat${on}: ${all} nats${perCharacter ? ' per character' : ''}${which}`;
}

const charactersIn = (documents: readonly Document[]): string =>
  counted(countCharacters(textOf({ documents })), 'character');

/** Says that a run's loss is below that of an n-gram model. */
export function passedLine(
  { order, nll }: Baseline,
  baselines: readonly Baseline[],
  model: EvaluationMetrics,
): string {
  const among = order === strongest(baselines)?.order ? ', the best of them' : '';
  const nats = model.natsPerChar === undefined ? 'nats' : 'nats per character';
  const reached = (model.natsPerChar ?? model.nll).toFixed(3);
  return `  passed the ${baselineName(order)}${among} (${nll.toFixed(3)} ${nats}; this model ${reached})`;
}

export function stoppedLines(step: number, steps: number, path: string): string[] {
  return [
    `stopped after step ${step} of ${steps}; to go on: ${resumeCommand(path)}`,
    `what it has learned so far is in report.html there; to sample: ${sampleCommand(path)}`,
  ];
}

/** For --resume of a run that is complete. */
export function completeLines(state: TrainingState, path: string): string[] {
  const { step, settings } = state;
  const why = isOutOfPatience(settings, state)
    ? `it stopped early after step ${step} of ${settings.steps}; a new run can start from it: ${initCommand(path)}`
    : `${step} of ${counted(settings.steps, 'step')}; raise --steps to go on`;
  return [`this run is complete: ${why}`, `to sample: ${sampleCommand(path)}`];
}

/** The result of a finished run. All of it is about the best model.
 *
 * @param run.since the step at which it was resumed, if it was
 * @param run.step the last step */
export function closingLines(
  { final, texts }: { readonly final: EvaluationMetrics; readonly texts: readonly string[] },
  run: {
    readonly path: string;
    readonly corpus: Corpus;
    /** Whether that is only a sample. */
    readonly isSample?: boolean;
    readonly seconds: number;
    readonly since: number | undefined;
    readonly step: number;
  },
): string[] {
  const error = final.standardError === null ? '' : ` (standard error ${final.standardError.toFixed(4)})`;
  const perCharacter =
    final.natsPerChar === undefined ? '' : ` and ${final.natsPerChar.toFixed(4)} nats per character`;
  const { isSample = false } = run;
  const since = run.since === undefined ? '' : `, since the resume after step ${run.since}`;
  return [
    '',
    `trained in ${duration(run.seconds)}${since}`,
    `best: the model of step ${final.step}${final.step === run.step ? ', the last' : ` of ${run.step}`}; npm run sample and eval use that`,
    `validation ${final.nll.toFixed(4)} nats per token${error}${perCharacter}`,
    `perplexity ${final.perplexity.toFixed(3)}, ${final.bitsPerChar.toFixed(3)} bits per character, over ${isSample ? 'windows spread over what is held out, with' : 'all'} ${counted(final.tokensScored, 'held-out token')}`,
    '',
    `${texts.length === 1 ? 'a sample' : `${texts.length} samples`}, at temperature ${defaultSampling.temperature} and top-p ${defaultSampling.topP}:`,
    ...(texts.length === 1 ? [indented(texts[0]!)] : texts.map((text) => `    ${oneLine(text)}`)),
    '',
    texts.length === 1
      ? knownWordsLine(texts[0]!, textOf(run.corpus), isSample ? 'a sample of the corpus' : 'the corpus')
      : noveltyLine(texts, run.corpus, isSample ? 'a sample of the text' : 'the text'),
    `saved in ${run.path}, with report.html to look at; to go on from a prompt: ${sampleCommand(run.path)}`,
  ];
}

/** How many of a list's new lines are new. */
function noveltyLine(texts: readonly string[], { documents, heldOut = [] }: Corpus, name: string): string {
  const known = new Set([...documents, ...heldOut].map(({ text }) => text));
  const lines = texts.filter((text) => text !== '');
  const copies = lines.filter((text) => known.has(text)).length;
  const empty = texts.length - lines.length;
  const isAre = (count: number) => (count === 1 ? '1 is' : `${count} are`);
  return `of these, ${isAre(lines.length - copies)} new, and ${copies === 1 ? '1 is a copy' : `${copies} are copies`} of a line of ${name}${empty === 0 ? '' : `; ${isAre(empty)} empty`}`;
}

function knownWordsLine(sample: string, corpus: string, name: string): string {
  const { found, all } = countWords([{ prompt: '', text: sample }], wordsOf(corpus));
  return all === 0
    ? 'words: none in the sample'
    : `words: ${Math.round((100 * found) / all)} % of ${all} in ${name}`;
}

/** The baseline with the lowest loss. On a short text it need not be the one of the highest order. */
export function strongest(baselines: readonly Baseline[]): Baseline | undefined {
  return baselines.reduce<Baseline | undefined>(
    (a, b) => (a === undefined || b.nll < a.nll ? b : a),
    undefined,
  );
}

function baselineName(order: number): string {
  return order === 0 ? 'uniform guess' : order === 1 ? 'unigram' : `${order}-gram`;
}

/** A sample as it is shown between other lines: four spaces before each line, and without the part of a word or
 * character at its end that the token limit cut off. */
export function indented(text: string): string {
  const whole = text.replace(/\uFFFD+$/, '').replace(/(?<=\s)\S{1,40}$/, '');
  return whole.replaceAll(/^\n+|\s+$/g, '').replaceAll(/^(?=.)/gm, '    ');
}
