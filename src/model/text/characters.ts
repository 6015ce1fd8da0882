/** Characters as people are shown them, and the error that lists those without a token. */

/** The character itself, or U+ and its code point if it would be invisible or is only half a character. */
export function showCharacter(character: string): string {
  if (!isInvisible(character)) return character;
  return `U+${character.codePointAt(0)!.toString(16).toUpperCase().padStart(4, '0')}`;
}

/** A token on one line; a space stays a space, and a mark stays on the character that it combines with. */
export function tokenOnOneLine(text: string): string {
  const shown = (c: string, i: number) => escapes.get(c) ?? (i > 0 && isMark(c) ? c : showCharacter(c));
  return Array.from(text, shown).join('');
}

export function isMark(character: string): boolean {
  return /^\p{M}/u.test(character);
}

const escapes: ReadonlyMap<string, string> = new Map([
  [' ', ' '],
  ['\n', '\\n'],
  ['\r', '\\r'],
  ['\t', '\\t'],
]);

/** Control characters, surrogates, spaces, marks that combine with the character before, and blank letters. */
function isInvisible(character: string): boolean {
  return /^[\p{C}\p{Z}\p{M}\p{Default_Ignorable_Code_Point}]/u.test(character);
}

export function isSurrogate(character: string): boolean {
  return /^\p{Cs}/u.test(character);
}

/** An error that lists the characters that are not `known`. */
export function unknownCharacters(
  text: string,
  known: (code: number) => boolean,
  vocabSize: number,
): RangeError {
  const counts = new Map<string, number>();
  let total = 0;
  for (const character of text) {
    if (known(character.codePointAt(0)!)) continue;
    counts.set(character, (counts.get(character) ?? 0) + 1);
    total++;
  }
  const shown = [...counts].slice(0, 10).map(([character, count]) => {
    const name = isInvisible(character) ? showCharacter(character) : `"${character}"`;
    return count === 1 ? name : `${name} (${count} times)`;
  });
  const more = counts.size > 10 ? ` and ${counts.size - 10} more` : '';
  const subject = total === 1 ? '1 character is' : `${total} characters are`;
  return new RangeError(
    `encode: ${subject} not in the vocabulary of ${vocabSize}: ${shown.join(', ')}${more}; --unknown skip leaves them out`,
  );
}
