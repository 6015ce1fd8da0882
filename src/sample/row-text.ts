/** The text of one row while its tokens come: whole characters only, held back where a stop string may have begun. */
import type { TextStream, Tokenizer } from '../model/text/tokenizer.ts';
import type { StopMatcher } from './stop-text.ts';

export class RowText {
  readonly #tokenizer: Tokenizer;
  readonly #stream: TextStream;
  readonly #matcher: StopMatcher;
  /** The tokens since a character last began: whatever the stream still holds back is in them. */
  #newest: number[] = [];
  #text = '';

  constructor(tokenizer: Tokenizer, matcher: StopMatcher) {
    this.#tokenizer = tokenizer;
    this.#stream = tokenizer.stream();
    this.#matcher = matcher;
  }

  /** All that has been given out since `forget`. */
  get text(): string {
    return this.#text;
  }

  /** The string that ended the text, once one has. */
  get stop(): string | undefined {
    return this.#matcher.stop;
  }

  /** Takes a token; returns the text that can now be shown. `early`: no stop string may be completed by it. */
  push(token: number, { early = false } = {}): string {
    const piece = this.#decode(token);
    return this.#give(early ? this.#matcher.skip(piece) : this.#matcher.push(piece));
  }

  forget(): void {
    this.#text = '';
  }

  /** What was held back, when no more tokens come. */
  end(): string {
    return this.#give(this.#matcher.skip(this.#stream.end()) + this.#matcher.finish());
  }

  /** The same text, to go on with by itself. */
  copy(): RowText {
    const copy = new RowText(this.#tokenizer, this.#matcher.copy());
    for (const token of this.#newest) copy.#decode(token);
    copy.#text = this.#text;
    return copy;
  }

  #decode(token: number): string {
    if (this.#tokenizer.beginsCharacter(token)) this.#newest = [];
    this.#newest.push(token);
    return this.#stream.push(token);
  }

  #give(piece: string): string {
    this.#text += piece;
    return piece;
  }
}
