/** Texts in which the text of an added token stands. Inkling reads it as text: see docs/sampling.md. */
import { quote } from '../../model/json.ts';
import type { Tokenizer } from '../../model/text/tokenizer.ts';

/** Says so on stderr, in one line, where Hugging Face's library would read `what` (the prompt) otherwise. */
export function noteAddedText(text: string, what: string, tokenizer: Tokenizer): void {
  const note = addedTextNote(text, what, tokenizer);
  if (note !== undefined) console.error(note);
}

export function addedTextNote(text: string, what: string, tokenizer: Tokenizer): string | undefined {
  const found = [...tokenizer.added].filter(([content, id]) => {
    if (!text.includes(content)) return false;
    const ids = tokenizer.encode(content, 'skip'); // a character of the vocabulary may be an added token, too
    return ids.length !== 1 || ids[0] !== id;
  });
  if (found.length === 0) return undefined;
  const named = found.slice(0, 3).map(([content]) => quote(content));
  const more = found.length > named.length ? ` and ${found.length - named.length} more` : '';
  return `note: ${what} holds ${named.join(', ')}${more}, in Python a token of its own; here it is read as plain text`;
}
