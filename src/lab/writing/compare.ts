/** Three ways to go on from one prompt, side by side, and how much each repeats itself. */
import { html } from '../../report/html.ts';
import { log } from '../../tensor/math.ts';
import { make, show } from '../dom.ts';
import type { Engine, Stream } from '../engine/client.ts';
import { beamWidth, type Repetition, type Streams, type Written } from '../engine/protocol.ts';
import { percent } from '../wording.ts';
import { TokenText } from './text.ts';

/** Characters, about four words: shorter runs come again in every text. */
export const run = 20;

interface Way {
  readonly title: string;
  readonly what: string;
  readonly stream: Stream<Written, unknown>;
}
/** A way and the work of showing it. */
export interface Shown {
  readonly stream: Stream<Written, unknown>;
  readonly work: Promise<void>;
}

export class Comparison {
  readonly element: HTMLElement;
  readonly #ways = make('div', { className: 'ways' });

  constructor() {
    const hint = `Underlined: runs of ${run} characters that the text has had before. The probabilities are a token's, on average. What was said makes itself more probable, so whoever always takes the likeliest token comes round again and again.`;
    this.element = make(
      'div',
      { hidden: true },
      make('h2', {}, 'Three ways to go on'),
      make('p', { className: 'hint' }, hint),
      this.#ways,
    );
  }

  /** Asks for all three, which the engine writes one after the other. @param names of the tokens, by id */
  begin(engine: Engine, request: Streams['generate'][0], names: readonly string[]): Shown[] {
    const greedy = { ...request, settings: { ...request.settings, temperature: 0 } };
    const ways: Way[] = [
      { title: 'Greedy', what: 'always the most probable token', stream: engine.stream('generate', greedy) },
      {
        title: 'Beam search',
        what: `likeliest text of a beam of ${beamWidth}`,
        stream: engine.stream('beam', request),
      },
      {
        title: 'Sampled',
        what: `drawn with seed ${request.seed}`,
        stream: engine.stream('generate', request),
      },
    ];
    const panes = ways.map((way) => pane(engine, way, request.text, names));
    this.element.hidden = false;
    this.#ways.replaceChildren(...panes.map(({ element }) => element));
    return panes.map(({ follow }, i) => ({ stream: ways[i]!.stream, work: follow() }));
  }
}

/** A text as it comes, and its numbers once it has ended. */
function pane(engine: Engine, { title, what, stream }: Way, given: string, names: readonly string[]) {
  const text = new TokenText(given, names);
  const facts = make('dl');
  const head = [make('h3', {}, title), make('p', { className: 'hint' }, what)];
  const element = make('section', { attributes: { 'aria-label': title } }, ...head, text.element, facts);
  const follow = async () => {
    for await (const token of stream) text.add(token);
    const { tokens } = text;
    const whole = tokens.map(({ text }) => text).join('');
    const { share, loop, repeated: runs } = await engine.call('repetition', { text: whole, n: run });
    const marks = marksOf(tokens, runs);
    const [fresh, repeated] = [false, true].map((is) => mean(tokens.filter((_, i) => marks[i] === is)));
    const logProbability = tokens.reduce((sum, { probability }) => sum + log(probability), 0);
    text.mark(marks);
    Object.assign(element.dataset, { share: String(share), logProbability: String(logProbability) });
    const rows = [
      ['Repeated', share === null ? 'too short to tell' : percent(share)],
      ['Ends in a loop', loop === null ? 'no' : `${loop.length} characters, ${loop.repeats} times`],
      ['Probability, new', fresh!],
      ['Probability, repeated', repeated!],
      ['Log P of the text', `${logProbability.toFixed(1)} nats`],
    ] as const;
    show(facts, html`${rows.map(([name, value]) => html`<div><dt>${name}</dt><dd>${value}</dd></div>`)}`);
  };
  return { element, follow };
}

/** Of each token, whether a character of it is repeated. */
function marksOf(tokens: readonly Written[], repeated: Repetition['repeated']): boolean[] {
  let end = 0;
  return tokens.map(({ text }) => {
    const { length } = [...text];
    end += length;
    return repeated.slice(end - length, end).includes(true);
  });
}

function mean(tokens: readonly Written[]): string {
  if (tokens.length === 0) return 'none';
  return percent(tokens.reduce((sum, { probability }) => sum + probability, 0) / tokens.length);
}
