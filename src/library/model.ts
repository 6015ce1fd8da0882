/** A model in memory, for other programs: it writes, predicts the next token, and scores texts.
 *
 *     generate     tokens as they are drawn, the same for the same seed
 *     nextToken    the distribution of the token after a prompt
 *     score        how well it predicts a text */
import { type Scorer, scorerOf, scoreText, type TextScore } from '../evaluate/text-score.ts';
import type { ModelConfig } from '../model/config.ts';
import type { Checkpoint } from '../model/files/checkpoint.ts';
import { freeze as freezeWeights } from '../model/freeze.ts';
import type { Gpt } from '../model/gpt.ts';
import type { Tokenizer } from '../model/text/tokenizer.ts';
import { type ContextPolicy, generate as draw } from '../sample/generate.ts';
import { promptTokens } from '../sample/prompt.ts';
import { defaultSampling, type SamplingSettings } from '../sample/settings.ts';
import type { FinishReason } from '../sample/stop.ts';
import type { WindowChoice } from '../train/windows.ts';
import { breathe } from './browser-host.ts';
import type { Machine } from './machine.ts';
import { drawInStages } from './stages.ts';

/** Slot 0 of the cache writes, slot 1 is for a single look. */
const slots = 2;
/** Tokens after which other work of the program gets its turn. */
const turn = 16;

export interface Model {
  readonly config: ModelConfig;
  /** encode(text) gives ids, decode(ids) the text. */
  readonly tokenizer: Tokenizer;
  /** Tokens that end a text. */
  readonly eosTokens: readonly number[];
  /** The transformer itself, with its parameters by name; see src/model/gpt.ts. */
  readonly gpt: Gpt;
  /** What score computes with. */
  readonly scorer: Scorer;
  /** Ends its threads; it computes nothing afterwards. */
  close(): void;
}

export function modelOf(checkpoint: Checkpoint, machine: Machine, source: string): Model {
  const { config, tokenizer, eosTokens } = checkpoint;
  const scorer = scorerOf(checkpoint, { kernels: machine.kernels, slots, source });
  return { config, tokenizer, eosTokens, gpt: scorer.model, scorer, close: () => machine.close() };
}

/** Says that the weights are final, so that texts are drawn up to three times as fast; it takes as much memory again. After
 * writing into `gpt.parameters` it has to be said again: until then matrices may still be what they were. */
export function freeze({ gpt }: Model): void {
  freezeWeights(gpt);
}

/** Temperature, top-k and the others of src/sample/settings.ts, with what a text needs. */
export interface GenerateSettings extends Partial<SamplingSettings> {
  /** What the text begins with; if absent it begins where a document does, or else after a line break. */
  readonly prompt?: string;
  readonly maxNewTokens?: number;
  readonly seed?: number;
  /** Strings that end the text. */
  readonly stop?: readonly string[];
  /** What happens when the context is full: 'shift' if absent. */
  readonly contextPolicy?: ContextPolicy;
}
export interface GeneratedToken {
  readonly id: number;
  /** What can now be shown: the texts of all tokens, joined, are the text. */
  readonly text: string;
  /** Of the last token: why the text ended. */
  readonly finishReason: FinishReason | undefined;
}

/** The models that are writing: each has one slot for it. */
const writing = new WeakSet<Model>();

/** Draws tokens one by one; stop the iteration to end early. Temperature 0.8 and top-p 0.95 unless said otherwise, as in
 * `inkling sample`, and the same tokens for the same seed. RangeError for a setting that does not fit, or a character of
 * the prompt that the model does not know; Error while the model writes another text. */
export async function* generate(
  model: Model,
  options: GenerateSettings = {},
): AsyncGenerator<GeneratedToken, void> {
  const { prompt, maxNewTokens = 200, seed = 1, stop = [], contextPolicy = 'shift', ...given } = options;
  if (writing.has(model)) {
    throw new Error('this model is writing a text: wait for its end, or load the model once more');
  }
  const { tokenizer, eosTokens } = model;
  const request = { prompt: promptIds(model, prompt), stream: 0 };
  const settings = { ...defaultSampling, eosTokens, ...given };
  writing.add(model);
  try {
    let drawn = 0;
    for (const { token, text, finishReason } of draw(model.gpt, [request], {
      ...{ settings, maxNewTokens, seed, stop, contextPolicy, tokenizer },
    })) {
      if (token !== undefined) yield { id: token, text, finishReason };
      drawn += 1;
      if (drawn % turn === 0) await breathe();
    }
  } finally {
    writing.delete(model);
  }
}

export interface NextToken {
  /** The prompt's tokens. */
  readonly ids: Int32Array;
  /** The model's scores of the V tokens. */
  readonly logits: Float32Array;
  /** After all settings; they sum to 1. */
  readonly probabilities: Float64Array;
  /** The tokens that can come, the likeliest first. */
  readonly candidates: readonly {
    readonly id: number;
    readonly text: string;
    readonly probability: number;
  }[];
}

/** The distribution of the token after a prompt; without settings the model's own. Errors as in `generate`. */
export function nextToken(model: Model, prompt: string, settings: Partial<SamplingSettings> = {}): NextToken {
  const { gpt, tokenizer } = model;
  const ids = promptIds(model, prompt);
  gpt.cache.truncate(1, 0);
  const logits = Float32Array.from(gpt.prefill(1, ids.slice(-gpt.config.contextLength)).data);
  const { probabilities } = drawInStages(logits, settings, ids, { seed: 1 }).stages.at(-1)!;
  const candidates = Array.from(probabilities, (probability, id) => ({
    ...{ id, text: tokenizer.tokenText(id), probability },
  }))
    .filter(({ probability }) => probability > 0)
    .sort((a, b) => b.probability - a.probability || a.id - b.id);
  return { ids, logits, probabilities, candidates };
}

export interface ScoredText extends TextScore {
  readonly ids: Int32Array;
  /** -ln p of each token, in nats; NaN for the first, which has nothing before it. */
  readonly nlls: Float64Array;
}

/** Scores every token of a text but the first: mean nats, perplexity, bits per character and byte. RangeError for fewer
 * than two tokens, or characters that the model does not know. */
export function score(model: Model, text: string, windows: WindowChoice = { mode: 'blocks' }): ScoredText {
  const ids = model.tokenizer.encode(text);
  const nlls = new Float64Array(ids.length).fill(Number.NaN);
  const result = scoreText(model.scorer, ids, windows, (nll, index) => {
    nlls[index] = nll;
  });
  return { ...result, ids, nlls };
}

function promptIds({ tokenizer }: Model, prompt: string | undefined): Int32Array {
  const ids = promptTokens(tokenizer, prompt ?? '');
  if (prompt !== '' || tokenizer.endOfText !== undefined) return ids;
  throw new RangeError('prompt is empty; expected at least one character');
}
