/** How well a model predicts a text, with all that the numbers depend on: how the text was cut into windows, and how many
 * tokens, characters and bytes were scored.
 *
 *     perplexity           e^(nats / tokens): compares models with the same tokenizer only
 *     bits per character   nats / (ln 2 * characters): compares any two models of the same text
 *     bits per byte        the same for UTF-8 bytes; in plain English each character is one byte
 *
 * Jelinek, Mercer, Bahl and Baker, "Perplexity: a measure of the difficulty of speech recognition tasks" (1977);
 * Shannon, "Prediction and entropy of printed English" (1951), for bits per letter. */
import { type Checkpoint, loadParameters } from '../model/files/checkpoint.ts';
import { Gpt } from '../model/gpt.ts';
import type { Tokenizer } from '../model/text/tokenizer.ts';
import type { Kernels } from '../tensor/kernels.ts';
import { windowStart } from '../train/dataset.ts';
import { charactersPerToken, countCharacters, scoredText } from '../train/documents.ts';
import { type Score, score, type Visit, type WindowBuffers } from '../train/score.ts';
import { chooseWindows, type WindowChoice, type WindowMode } from '../train/windows.ts';

/** A model with what it takes to score text. */
export interface Scorer {
  readonly model: Gpt;
  readonly tokenizer: Tokenizer;
  readonly buffers: WindowBuffers;
}

/** Windows in one pass; any number gives the same bits. */
const windowsAtOnce = 8;

/** A checkpoint's model, ready to score `batch` windows and to write `slots` texts at a time. */
export function scorerOf(
  checkpoint: Checkpoint,
  options: {
    readonly kernels: Kernels;
    readonly slots: number;
    readonly source: string;
    readonly batch?: number;
  },
): Scorer {
  const { kernels, slots, source, batch = windowsAtOnce } = options;
  const { config, tokenizer } = checkpoint;
  const model = new Gpt(config, { kernels, batch, slots, gradients: false });
  const rows = batch * config.contextLength;
  const buffers = { inputs: model.arena.ids('inputs', rows), targets: model.arena.ids('targets', rows) };
  model.arena.allocate(kernels.memory);
  loadParameters(model, checkpoint, source);
  return { model, tokenizer, buffers };
}

export interface TextScore extends Score {
  readonly bitsPerByte: number;
  readonly mode: WindowMode;
  readonly stride: number;
  readonly contextLength: number;
  /** Unicode code points and UTF-8 bytes of the scored text: all but its first token. */
  readonly characters: number;
  readonly bytes: number;
}

/** Scores every token but the first, each once. Fewer than two tokens are a RangeError. */
export function scoreText(
  { model, tokenizer, buffers }: Scorer,
  tokens: Int32Array,
  choice: WindowChoice,
  visit?: Visit,
): TextScore {
  if (tokens.length < 2) {
    throw new RangeError(`score: the text is too short; expected at least 2 tokens, got ${tokens.length}`);
  }
  const { contextLength } = model.config;
  const { windows, stride } = chooseWindows(tokens.length, contextLength, choice, (place) =>
    windowStart(tokens, place, contextLength, tokenizer.endOfText),
  );
  const scored = scoredText(tokenizer, tokens);
  const characters = countCharacters(scored);
  const bytes = new TextEncoder().encode(scored).length;
  const result = score(model, buffers, tokens, windows, {
    charactersPerToken: charactersPerToken(tokenizer, tokens),
    ...(visit === undefined ? {} : { visit }),
  });
  const { tokensScored, nll, perplexity, bitsPerChar, standardError } = result;
  const bitsPerByte = bitsPerChar * (characters / bytes);
  const { mode } = choice;
  return {
    ...{ tokensScored, nll, perplexity, bitsPerChar, bitsPerByte, standardError },
    ...{ mode, stride, contextLength, characters, bytes },
  };
}

/** The score in three lines of text. */
export function scoreLines(score: TextScore): string {
  const { tokensScored, characters, bytes, mode, stride, contextLength } = score;
  const count = (n: number) => n.toLocaleString('en-US');
  const windows =
    mode === 'blocks'
      ? `in blocks of ${contextLength}`
      : `in windows of ${contextLength}, the last ${stride} of each`;
  return [
    `${count(tokensScored)} tokens scored ${windows} (${count(characters)} characters, ${count(bytes)} bytes)`,
    `${score.nll.toFixed(4)} nats per token, perplexity ${score.perplexity.toPrecision(6)}`,
    `${score.bitsPerChar.toFixed(3)} bits per character, ${score.bitsPerByte.toFixed(3)} per byte`,
  ].join('\n');
}
