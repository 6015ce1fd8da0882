/** Whether there is enough text to train on. */
import { cutTokens, type Split } from './dataset.ts';

/** Returns the split, or throws a RangeError if either part is too short for one window of T tokens. */
export function checkSplit<S extends Split>(split: S, T: number): S {
  const { train, validation } = split;
  for (const [name, part] of Object.entries({ training: train, validation })) {
    if (part.length < T + 1) {
      const advice =
        part.length >= 2
          ? `; use a longer text or --context ${part.length - 1} or less`
          : '; use a longer text';
      const all = train.length + validation.length;
      throw new RangeError(
        `the ${name} part of the text is too short: expected at least context + 1 = ${T + 1} tokens, got ${part.length} of ${all}${advice}`,
      );
    }
  }
  return split;
}

/** Cuts tokens by position. Throws a RangeError if either part is too short for one window of T tokens. */
export function splitTokens(tokens: Int32Array, T: number): Split<Int32Array> {
  return checkSplit(cutTokens(tokens), T);
}
