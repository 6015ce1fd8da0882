/** One text that decoding makes longer, token by token: what it says so far, and whether and why it has ended. Sampling and
 * beam search choose tokens in different ways; both end their texts here, by the same rules. */
import type { TextStream, Tokenizer } from '../model/text/tokenizer.ts';
import type { History } from './edits.ts';
import { noCandidates } from './sampler.ts';
import { type FinishReason, StopMatcher, type StopSettings, stopReason } from './stop.ts';

/** What ends a text, and whether the end itself is shown. */
export interface Ends extends StopSettings {
  /** Whether the text keeps the stop string or stop token that ended it. */
  readonly includeStop: boolean;
  /** How many tokens prompt and text may have together; Infinity where the context moves on. */
  readonly mostTokens: number;
  /** Without it there is no text. */
  readonly tokenizer: Tokenizer | undefined;
}

export class Row implements History {
  /** Its slot in the cache. */
  readonly slot: number;
  /** Prompt and drawn tokens. The newest is not in the cache yet. */
  readonly ids: number[];
  promptLength: number;
  /** How many tokens the prompt had; promptLength is the same until `forget` lowers it. */
  readonly given: number;
  readonly #ends: Ends;
  readonly #text: RowText | undefined;
  #finish: FinishReason | undefined;

  constructor(slot: number, ids: number[], promptLength: number, ends: Ends, text?: RowText) {
    this.slot = slot;
    this.ids = ids;
    this.promptLength = promptLength;
    this.given = promptLength;
    this.#ends = ends;
    const { tokenizer, stop, includeStop: include } = ends;
    this.#text = text ?? (tokenizer && new RowText(tokenizer, new StopMatcher(stop, { include })));
  }

  get length(): number {
    return this.ids.length;
  }

  get drawn(): number {
    return this.ids.length - this.promptLength;
  }

  /** All text that has been shown. */
  get text(): string {
    return this.#text?.text ?? '';
  }

  /** Why the text has ended, once it has. */
  get finish(): FinishReason | undefined {
    return this.#finish;
  }

  /** Takes the next token, or noCandidates, which ends the text. Returns what can now be shown. */
  take(token: number): string {
    const { minNewTokens, mostTokens, includeStop } = this.#ends;
    let shown = '';
    if (token === noCandidates) this.#finish = 'no-candidates';
    else {
      this.ids.push(token);
      this.#finish = stopReason(this, this.#ends);
      const silent = !includeStop && (this.#finish === 'eos' || this.#finish === 'stop-token');
      if (!silent) shown = this.#text?.push(token, { early: this.drawn <= minNewTokens }) ?? '';
      if (this.#text?.stop !== undefined) this.#finish = 'stop-string';
      else if (this.length >= mostTokens) this.#finish ??= 'context-full';
    }
    if (this.#finish !== undefined) shown += this.#text?.end() ?? '';
    return shown;
  }

  /** Forgets the text that has been shown, and all but the newest `count` tokens. It waits until there are twice as many, so
   * that each token is moved about once. `drawn` stays right: the prompt's length falls, and may become negative. */
  forget(count: number): void {
    this.#text?.forget();
    if (this.ids.length < 2 * count) return;
    this.promptLength -= this.ids.splice(0, this.ids.length - count).length;
  }

  /** A copy that goes on by itself, in another slot or the same. */
  branch(slot: number): Row {
    return new Row(slot, [...this.ids], this.promptLength, this.#ends, this.#text?.copy());
  }
}

/** The text of a row: whole characters only, held back where a stop string may have begun. */
class RowText {
  readonly #tokenizer: Tokenizer;
  readonly #stream: TextStream;
  readonly #matcher: StopMatcher;
  /** The tokens since a character last began: what the stream still holds back is in them. */
  #newest: number[] = [];
  #text = '';

  constructor(tokenizer: Tokenizer, matcher: StopMatcher) {
    this.#tokenizer = tokenizer;
    this.#stream = tokenizer.stream();
    this.#matcher = matcher;
  }

  /** All text returned since `forget`. */
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

  /** A copy that goes on by itself. */
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
