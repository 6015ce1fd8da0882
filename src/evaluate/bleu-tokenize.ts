/** The three ways to cut a line of text for BLEU; scores compare only under the same one.
 *
 *     none   at white space: for text that is tokenized already
 *     char   every character that is not white space
 *     13a    words and punctuation as NIST's mteval-v13a script cuts them, the default of sacreBLEU
 *
 * White space is JavaScript's \s. Python's, which sacreBLEU uses, also has U+001C to U+001F and U+0085 and lacks
 * U+FEFF; ordinary text contains none of them. */

export const bleuTokenizers = { none: words, char: characters, '13a': mteval13a };
export type BleuTokenization = keyof typeof bleuTokenizers;

function words(line: string): string[] {
  return line.match(/\S+/g) ?? [];
}

function characters(line: string): string[] {
  return [...line].filter((character) => !/\s/.test(character));
}

/** Punctuation stands alone, except that . and , stay inside numbers, - stays unless a digit is before it, and ' stays. */
function mteval13a(line: string): string[] {
  const plain = line
    .trimEnd()
    .replaceAll('<skipped>', '')
    .replaceAll('-\n', '') // a word hyphenated at the end of a line
    .replaceAll('\n', ' ')
    .replaceAll('&quot;', '"')
    .replaceAll('&amp;', '&')
    .replaceAll('&lt;', '<')
    .replaceAll('&gt;', '>');
  const spaced = ` ${plain} `
    .replace(/[ -&(-+/:-@[-`{-~]/g, ' $& ') // ASCII symbols but for ' , . and -
    .replace(/([^0-9])([.,])/g, '$1 $2 ')
    .replace(/([.,])([^0-9])/g, ' $1 $2')
    .replace(/([0-9])-/g, '$1 - ');
  return words(spaced);
}
