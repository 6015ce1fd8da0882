/** Pre-tokenization: a text is cut into pieces before merging, and no token reaches across a cut.
 *
 * The cuts are those of GPT-2's pattern (Radford et al., "Language Models are Unsupervised Multitask Learners", 2019):
 *
 *     '(?:[sdmt]|ll|ve|re)| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+
 *
 * So a word keeps one space before it, and of several spaces all but the last are a piece of their own.
 * \s is Unicode's White_Space, as in the pattern's own engine; JavaScript's \s differs in U+0085 and U+FEFF.
 *
 * This is a scanner and no regular expression: V8's overflows its stack on a run of some million letters. The pieces together
 * are the text. Which characters are letters depends on the engine's version of Unicode. */

const space = 1;
const letter = 2;
const number = 3;
const other = 4;
const contractions = ["'s", "'d", "'m", "'t", "'ll", "'ve", "'re"] as const;

/** By code point; 0 until it is first needed, because asking a regular expression is slow. */
const kinds = new Uint8Array(0x110000);

function kindOf(code: number): number {
  const known = kinds[code];
  if (known !== 0) return known;
  const character = String.fromCodePoint(code);
  const kind = /\p{White_Space}/u.test(character)
    ? space
    : /\p{L}/u.test(character)
      ? letter
      : /\p{N}/u.test(character)
        ? number
        : other;
  kinds[code] = kind;
  return kind;
}

export function* pieces(text: string): Generator<string, void, undefined> {
  for (let start = 0; start < text.length; ) {
    const end = pieceEnd(text, start);
    yield text.slice(start, end);
    start = end;
  }
}

function pieceEnd(text: string, start: number): number {
  if (text[start] === "'") {
    const contraction = contractions.find((c) => text.startsWith(c, start));
    if (contraction !== undefined) return start + contraction.length;
  }
  let first = start;
  if (text[start] === ' ' && start + 1 < text.length && kindOf(text.codePointAt(start + 1)!) !== space)
    first++;
  const kind = kindOf(text.codePointAt(first)!);
  let end = first;
  while (end < text.length) {
    const code = text.codePointAt(end)!;
    if (kindOf(code) !== kind) break;
    end += code > 0xffff ? 2 : 1;
  }
  // The last of several white spaces goes to the next piece, unless the text ends here.
  return kind === space && end < text.length && end - start > 1 ? end - 1 : end;
}
