/** Makes text from outside (corpora, models, file names) safe to print on a terminal.
 *
 * A terminal obeys control characters: ESC ] 0 ; ... BEL renames its window, ESC [ 2 J clears it, and a right-to-left
 * override reverses the rest of a line. Here such characters become the escapes that JSON has for them. */

/** C0 and C1 controls but line break and tab, DEL, and the characters that change the direction of writing. */
const obeyed = /(?![\n\t])[\p{Cc}\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]/gu;
/** The characters that would begin a new line, or move to a tab stop. */
const breaks = /[\n\t\u2028\u2029]/g;

const escaped = (character: string): string => {
  const short = { '\n': '\\n', '\t': '\\t', '\r': '\\r' }[character];
  return short ?? `\\u${character.codePointAt(0)!.toString(16).padStart(4, '0')}`;
};

/** The text with every character that a terminal would obey written as an escape: \u001b. Lines and tabs stay. */
export function printable(text: string): string {
  return text.replaceAll(obeyed, escaped);
}

/** The same on a single line, for errors and tables. */
export function oneLine(text: string): string {
  return printable(text).replaceAll(breaks, escaped);
}

/** The text as it may be written to `stream`: unchanged for a pipe, printable for a terminal. */
export function forStream(text: string, stream: { readonly isTTY?: boolean }): string {
  return stream.isTTY === true ? printable(text) : text;
}

/** A word of a command that is to be copied into a shell: in quotes where it needs them. */
export function shellWord(text: string): string {
  return /^[\w./:=@%+,-]+$/.test(text) ? text : `'${text.replaceAll("'", "'\\''")}'`;
}
