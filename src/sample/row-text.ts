/** The text of one row while its tokens come: whole characters only, held back where a stop string may have begun. */
import type { TextStream, Tokenizer } from '../model/tokenizer.ts';
import { StopMatcher } from './stop-text.ts';

export class RowText {
  readonly #stream: TextStream;
  readonly #matcher: StopMatcher;
  #text = '';

  /** @param stops as checked by `stopSettings`; `include`: whether the text ends with the match or before it */
  constructor(tokenizer: Tokenizer, stops: readonly string[], include: boolean) {
    this.#stream = tokenizer.stream();
    this.#matcher = new StopMatcher(stops, { include });
  }

  /** All that has been given out. */
  get text(): string {
    return this.#text;
  }

  /** The string that ended the text, once one has. */
  get stop(): string | undefined {
    return this.#matcher.stop;
  }

  /** Takes a token; returns the text that can now be shown. `early`: no stop string may be completed by it. */
  push(token: number, { early = false } = {}): string {
    const piece = this.#stream.push(token);
    return this.#give(early ? this.#matcher.skip(piece) : this.#matcher.push(piece));
  }

  /** What was held back, when no more tokens come. */
  end(): string {
    return this.#give(this.#matcher.skip(this.#stream.end()) + this.#matcher.finish());
  }

  #give(piece: string): string {
    this.#text += piece;
    return piece;
  }
}
