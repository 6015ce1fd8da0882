/** The three ways to cut a line of text into tokens for BLEU. Compare only scores that used the same one.
 *
 *     none   at white space: for text that is tokenized already
 *     char   every character that is not white space
 *     13a    words and punctuation as NIST's mteval-v13a script cuts them, the default of sacreBLEU
 *
 * White space is Python's, as in sacreBLEU: see words.ts. */
import { splitWords, trimEnd } from './words.ts';

export const bleuTokenizers = { none: splitWords, char: characters, '13a': mteval13a };
export type BleuTokenization = keyof typeof bleuTokenizers;

function characters(line: string): string[] {
  return splitWords(line).flatMap((word) => [...word]);
}

/** Every punctuation mark becomes a token, except for . and , inside numbers, - without a digit before it, and '. */
function mteval13a(line: string): string[] {
  const plain = trimEnd(line)
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
  return splitWords(spaced);
}
