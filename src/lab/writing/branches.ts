/** A text and its branches: each begins as another one does, has an alternative in one token's place, and goes on from there. */
import { counted } from '../../train/metrics.ts';
import { make } from '../dom.ts';
import type { ModelInfo, Streams, Tokens } from '../engine/protocol.ts';
import type { Lab } from '../lab.ts';
import { seen } from '../token-text.ts';
import { leftOut, modelNow } from '../wording.ts';
import { Alternatives, type Place } from './alternatives.ts';
import { type TextToken, TokenText } from './text.ts';

interface Branch {
  readonly label: string;
  readonly text: TokenText;
}
/** What branches use of the view that they stand in. */
export interface Desk {
  readonly lab: Lab;
  /** What is to be written, as it is set now. */
  request(): Omit<Streams['generate'][0], 'ids'>;
  /** Lets a stream be stopped as long as some work with it takes. */
  during(stream: { cancel(): void }, work: Promise<void>): Promise<void>;
  /** Stops all streams. */
  stop(): void;
  /** Says how far the text is. */
  tell(sentence: string): void;
  /** Does what may go wrong. */
  attempt(action: () => Promise<void>): void;
}

export class Branches {
  readonly element: HTMLElement;
  /** What can be known of the token that is looked at. */
  readonly alternatives: Alternatives;
  readonly #desk: Desk;
  readonly #buttons = make('div', { className: 'buttons branches', hidden: true });
  readonly #place = make('div');
  #model: ModelInfo | undefined;
  #prompt: Promise<Tokens> | undefined;
  #given = '';
  #branches: Branch[] = [];
  #shown: Branch | undefined;

  constructor(desk: Desk) {
    this.#desk = desk;
    this.alternatives = new Alternatives(
      (by) => this.#shown?.text.move(by),
      (place, index) => desk.attempt(() => this.#branch(place, index)),
    );
    this.#place.addEventListener('keydown', (event) => {
      if (event.key !== 'Enter') return;
      event.preventDefault();
      this.alternatives.focus();
    });
    this.element = make('div', {}, this.#buttons, this.#place);
  }

  /** Begins anew, from the prompt. */
  async begin(): Promise<void> {
    const { engine, session } = this.#desk.lab;
    const request = this.#desk.request();
    this.#model = session.model;
    this.#given = request.text;
    this.#prompt = engine.call('tokenize', request);
    this.#branches = [];
    await this.#write('1: as drawn', [], request);
  }

  /** Puts an alternative in a token's place and goes on from there. */
  async #branch({ token, at, names }: Place, index: number): Promise<void> {
    const { lab, stop, request } = this.#desk;
    if (this.#model !== lab.session.model)
      throw new Error('the model of this text is gone: press Write for a text of the one at hand');
    stop();
    const { id, probability } = token.alternatives[index]!;
    const before = this.#shown!.text.tokens.slice(0, at);
    const ids = [...(await this.#prompt!).ids, ...before.map((token) => token.id), id];
    const text = (await lab.engine.call('pieces', { ids })).at(-1)!;
    const rank = 1 + token.alternatives.filter((other) => other.probability > probability).length;
    const label = `${this.#branches.length + 1}: ${seen(names[id]!)} at ${at + 1}`;
    const chosen = { ...token, id, text, probability, rank, chosen: true };
    await this.#write(label, [...before, chosen], { ...request(), text: '', ids });
  }

  async #write(label: string, tokens: readonly TextToken[], request: Streams['generate'][0]): Promise<void> {
    const { lab, during, tell } = this.#desk;
    const names = this.#model!.tokens;
    const text: TokenText = new TokenText(this.#given, names, (at) =>
      this.alternatives.show({ token: text.tokens[at]!, at, names }),
    );
    text.add(...tokens);
    if (tokens.length > 0) text.lookWhenDrawn(tokens.length - 1);
    const branch = { label, text };
    this.#branches.push(branch);
    this.#show(branch);
    const who = modelNow(lab.session);
    const stream = lab.engine.stream('generate', request);
    const follow = async () => {
      const { unknown } = await this.#prompt!;
      tell(`${who} is writing${leftOut(unknown)}.`);
      for await (const token of stream) text.add(token);
      if (this.#shown === branch)
        tell(`${who} wrote ${counted(text.tokens.length, 'token')}${leftOut(unknown)}.`);
    };
    await during(stream, follow());
  }

  #show(shown: Branch): void {
    this.#shown = shown;
    this.#place.replaceChildren(shown.text.element);
    this.alternatives.show(undefined);
    this.#buttons.hidden = this.#branches.length < 2;
    this.#buttons.replaceChildren(
      ...this.#branches.map((branch) =>
        make(
          'button',
          {
            type: 'button',
            on: { click: () => this.#show(branch) },
            attributes: { 'aria-pressed': String(branch === shown) },
          },
          branch.label,
        ),
      ),
    );
  }
}
