/** How surprised a model is by each token of a text: -ln p of the token in nats (0.7 is a coin toss, 2.3 one chance in ten), and
 * its rank, which is 1 if the model thought it the likeliest.
 *
 * Shown as a table, or on a terminal as the text itself, on backgrounds from yellow to red where it surprises more. After
 * Gehrmann, Strobelt and Rush, "GLTR: statistical detection and visualization of generated text", ACL 2019. */
import { showCharacter } from '../model/text/characters.ts';
import type { Floats } from '../tensor/tensor.ts';
import type { WindowChoice } from '../train/windows.ts';
import { decimals, textTable } from './table.ts';
import { type Scorer, scoreText, type TextScore } from './text-score.ts';

export interface TokenSurprise {
  readonly text: string;
  /** null for the first token, which has no context. */
  readonly nll: number | null;
  readonly bits: number | null;
  /** 1 for the likeliest token; of equal ones the lower id goes first. */
  readonly rank: number | null;
}
export interface Surprise extends TextScore {
  /** Their texts joined are the text that was scored. */
  readonly tokens: readonly TokenSurprise[];
}

export function surprise(scorer: Scorer, tokens: Int32Array, choice: WindowChoice): Surprise {
  const V = scorer.model.config.vocabSize;
  const stream = scorer.tokenizer.stream();
  const texts = Array.from(tokens, (id) => stream.push(id));
  texts[texts.length - 1] += stream.end(); // bytes of an unfinished character
  const measured: TokenSurprise[] = texts.map((text) => ({ text, nll: null, bits: null, rank: null }));
  const totals = scoreText(scorer, tokens, choice, (nll, index, logits, at) => {
    const rank = rankOf(logits.subarray(at, at + V), tokens[index]);
    measured[index] = { text: texts[index], nll, bits: nll / Math.LN2, rank };
  });
  return { ...totals, tokens: measured };
}

/** The place of `token` in the ranking of the logits: 1 is the best. */
export function rankOf(logits: Floats, token: number): number {
  const own = logits[token];
  let rank = 1;
  for (let id = 0; id < logits.length; id++) {
    if (logits[id] > own || (logits[id] === own && id < token)) rank++;
  }
  return rank;
}

export function surpriseTable({ tokens }: Surprise): string {
  const head = ['token', 'nats', 'bits', 'rank'];
  return textTable([
    head,
    ...tokens.map(({ text, nll, bits, rank }) =>
      nll === null
        ? [visible(text), '-', '-', 'unscored']
        : [visible(text), decimals(nll, 3), decimals(bits, 3), String(rank)],
    ),
  ]);
}

/** Backgrounds of xterm's 256 colours with black or white letters, each for surprises from so many nats upwards. */
const levels = [
  { from: 0, style: '' },
  { from: 0.5, style: '48;5;230;38;5;16' },
  { from: 1, style: '48;5;222;38;5;16' },
  { from: 2, style: '48;5;215;38;5;16' },
  { from: 3, style: '48;5;203;38;5;16' },
  { from: 4.5, style: '48;5;124;38;5;231' },
] as const;
const unscored = '4';

/** The text with ANSI colours. Control characters are spelled out; before a line break stands an arrow. */
export function surpriseText({ tokens }: Surprise): string {
  let styled = '';
  let before = '';
  const turn = (style: string) => {
    if (style !== before) styled += `${before === '' ? '' : reset}${style === '' ? '' : `\x1b[${style}m`}`;
    before = style;
  };
  for (const { text, nll } of tokens) {
    turn(nll === null ? unscored : levels.findLast(({ from }) => nll >= from)!.style);
    styled += visible(text);
    if (!text.includes('\n')) continue;
    turn(''); // a background must not run on to the edge of the screen
    styled += '\n';
  }
  turn('');
  return styled;
}

export function surpriseLegend(): string {
  const bands = levels.map(({ from, style }, i) => {
    const to = levels[i + 1]?.from;
    const band = to === undefined ? ` from ${from} ` : ` ${from} to ${to} `;
    return style === '' ? band : `\x1b[${style}m${band}${reset}`;
  });
  return `surprise in nats: ${bands.join(' ')} \x1b[${unscored}mfirst token: unscored${reset}`;
}

const reset = '\x1b[0m';

/** No control character reaches the terminal. */
function visible(text: string): string {
  return Array.from(text, (c) => (c === ' ' ? c : c === '\n' ? '↵' : showCharacter(c))).join('');
}
