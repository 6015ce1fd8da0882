/** What kind of sign a token is, and how it is shown. */

export const kinds = {
  vowel: 'vowels',
  consonant: 'consonants',
  digit: 'digits',
  other: 'other characters, and pieces of words',
} as const;

/** Of the scripts that have vowels and consonants: Latin, Greek, Cyrillic. */
const vowels = 'aeiouæœøıαεηιουωаеиоуыэюяіє';
const letters = /^[\p{Script=Latin}\p{Script=Greek}\p{Script=Cyrillic}]$/u;

/** An accent makes no difference. */
export function kindOf(token: string): keyof typeof kinds {
  const [letter = '', ...more] = token.toLowerCase().normalize('NFD').replace(/\p{M}/gu, '');
  if (more.length > 0) return 'other';
  if (/^\p{Nd}$/u.test(letter)) return 'digit';
  if (!letters.test(letter)) return 'other';
  return vowels.includes(letter) ? 'vowel' : 'consonant';
}

/** The first tokens that have a sign, by id: a map of more would not be readable. Bytes and invisible characters have none. */
export function signs(tokens: readonly string[], most: number): readonly number[] {
  return [...tokens.keys()].filter((id) => !/^(<0x|U\+)/.test(tokens[id]!)).slice(0, most);
}
