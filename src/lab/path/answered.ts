/** The stops whose answer somebody has asked for, by the numbers of their claims, as this browser keeps them. */

const key = 'inkling.path';

/** None where the browser keeps nothing, or something that is damaged: they are only ticks. */
export function answered(): ReadonlySet<number> {
  try {
    return new Set(JSON.parse(localStorage.getItem(key) ?? '[]') as number[]);
  } catch {
    return new Set();
  }
}

/** Adds one, also to those that another tab has added meanwhile. */
export function keepAnswered(claim: number): void {
  try {
    localStorage.setItem(key, JSON.stringify([...answered(), claim]));
  } catch {
    // A browser that keeps nothing shows no ticks.
  }
}

export function forgetAnswered(): void {
  localStorage.removeItem(key);
}
