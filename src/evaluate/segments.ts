/** Segments: what BLEU and ROUGE compare, one hypothesis with one or more references. */
import type { Tokens } from './ngram-counts.ts';

/** Text, which the measure cuts into tokens itself, or tokens, which it takes as they are. */
export type Segment = string | Tokens;

/** Throws unless there is at least one hypothesis, and for each a list of at least one reference. */
export function checkSegments(
  operation: string,
  hypotheses: readonly Segment[],
  references: readonly (readonly Segment[])[],
): void {
  for (const [name, list] of Object.entries({ hypotheses, references })) {
    if (!Array.isArray(list)) {
      throw new TypeError(`${operation}: ${name}; expected a list, got ${describe(list)}`);
    }
  }
  if (hypotheses.length !== references.length || hypotheses.length === 0) {
    throw new RangeError(
      `${operation}: expected one list of references for each hypothesis and at least one hypothesis, got ` +
        `${hypotheses.length} hypotheses and ${references.length} lists of references`,
    );
  }
  references.forEach((list, i) => {
    if (!Array.isArray(list)) {
      throw new TypeError(`${operation}: references of segment ${i}; expected a list, got ${describe(list)}`);
    }
    if (list.length === 0) throw new RangeError(`${operation}: segment ${i} has no reference`);
    for (const text of [hypotheses[i], ...list]) {
      if (typeof text === 'string' || Array.isArray(text) || ArrayBuffer.isView(text)) continue;
      throw new TypeError(`${operation}: segment ${i}; expected text or tokens, got ${describe(text)}`);
    }
  });
}

function describe(value: unknown): string {
  return typeof value === 'string' ? `the bare string '${value.slice(0, 40)}'` : String(value);
}
