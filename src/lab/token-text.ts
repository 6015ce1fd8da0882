/** Tokens of a text as boxes that show what is in them, and a text after the first n merges of BPE. */

import { isMark, showCharacter } from '../model/text/characters.ts';
import { html, type Markup } from '../report/html.ts';
import type { Vocabularies } from './engine/protocol.ts';

/** Signs for what one does not see; a letter that is the same sign looks different, for it is not in an <i>. */
const signs: ReadonlyMap<string, string> = new Map([
  [' ', '␣'],
  ['\n', '↵'],
  ['\t', '⇥'],
]);
/** The name of a token by itself, with its spaces seen. */
export const seen = (name: string): string => name.replaceAll(' ', '\u2423');

const joiner = '\u200d';

/** The text of a token, in which spaces, line ends, invisible characters and bytes that are no whole character are seen.
 * @param piece as in `Vocabularies` */
export function tokenText(piece: string): Markup {
  const characters = [...piece];
  return html`${characters.map((c, i) => {
    const code = c.codePointAt(0)!;
    if (code >= 0xdc80 && code <= 0xdcff) return html`<i>${(code - 0xdc00).toString(16).toUpperCase()}</i>`;
    // What combines with the character before is seen there, and so is what joins two emoji to one.
    const between = i > 0 && (isMark(c) || (c === joiner && i + 1 < characters.length));
    const sign = between ? c : (signs.get(c) ?? showCharacter(c));
    return sign === c ? c : html`<i>${sign}</i>`;
  })}`;
}

/** A box for each token, with its id; after a line end the next one begins a new line. An id below 0 says that there is none.
 * @param fresh the id to point out */
export function boxes(ids: ArrayLike<number>, pieces: readonly string[], fresh?: number): Markup {
  return html`<p class="boxes">${pieces.map((piece, i) => {
    const id = ids[i]!;
    const look = id < 0 ? 'none' : `shade${id % 4}${id === fresh ? ' fresh' : ''}`;
    return html`<span class="${look}" data-id="${id}"><b>${tokenText(piece)}</b><br><small>${id < 0 ? 'none' : id}</small></span>${piece.endsWith('\n') && html`<br>`}`;
  })}</p>`;
}

/** The tokens before merge n and all after it were made: each of these is taken apart again.
 * @param ids after all merges */
export function afterMerges(
  ids: Iterable<number>,
  merges: Vocabularies['merges'],
  n: number,
): readonly number[] {
  const apart = (id: number): readonly number[] => {
    if (id < 256 + n) return [id];
    const [left, right] = merges[id - 256]!;
    return [...apart(left), ...apart(right)];
  };
  return [...ids].flatMap(apart);
}
