/** Named shapes: `dims('layernorm', { x: [x, 'N C'], gain: [gain, 'C'] })` names, binds and checks in one call.
 *
 * A letter stands for the same length everywhere in the call, a number for itself. The result holds the lengths by letter;
 * a letter that no argument has does not compile. The error prints the whole call, with an arrow at the argument that does
 * not fit. */
import type { Check, Numbers, Tensor } from './tensor.ts';

type Letters<S extends string> = S extends `${infer Head} ${infer Rest}` ? Head | Letters<Rest> : S;
type Arguments = Record<string, readonly [Tensor<Numbers>, string]>;
type DimsOf<A extends Arguments> = {
  readonly [K in Exclude<Letters<A[keyof A][1]>, `${number}`>]: number;
};

const parsed = new Map<string, readonly (string | number)[]>();

/** Throws a RangeError if any argument's shape contradicts its letters or those before it. */
export function dims<const A extends Arguments>(operation: string, args: A): DimsOf<A> {
  const known = recall(args);
  if (known !== undefined) return known.bound as DimsOf<A>;
  const bound = bind(operation, args);
  remember(args, bound);
  return bound as DimsOf<A>;
}

/** So many calls are remembered with each tensor. A model makes one to three different calls with it; more than four are
 * checked again each time. */
const mostChecks = 4;

/** The check of an earlier call with the same tensors and letters. dims runs 44 times for each sampled token, so repeated
 * calls are remembered. */
function recall(args: Arguments): Check | undefined {
  for (const first in args) {
    const { checks } = args[first]![0];
    for (let i = 0; i < checks.length; i++) if (isOf(checks[i]!, args)) return checks[i];
    break;
  }
  return undefined;
}

function isOf({ tensors, specs }: Check, args: Arguments): boolean {
  let i = 0;
  for (const key in args) {
    const argument = args[key]!;
    if (argument[0] !== tensors[i] || argument[1] !== specs[i]) return false;
    i++;
  }
  return i === tensors.length;
}

function remember(args: Arguments, bound: Readonly<Record<string, number>>): void {
  const all = Object.values(args);
  const checks = all[0]![0].checks;
  if (checks.length === mostChecks) checks.shift();
  checks.push({ tensors: all.map(([t]) => t), specs: all.map(([, spec]) => spec), bound });
}

function bind(operation: string, args: Arguments): Record<string, number> {
  const bound: Record<string, number> = {};
  for (const key in args) {
    const [t, spec] = args[key]!;
    let letters = parsed.get(spec);
    if (letters === undefined) {
      letters = spec.split(' ').map((letter) => (/^\d+$/.test(letter) ? Number(letter) : letter));
      parsed.set(spec, letters);
    }
    const shape = t.shape;
    let fits = shape.length === letters.length;
    for (let i = 0; fits && i < letters.length; i++) {
      const letter = letters[i]!;
      const known = typeof letter === 'number' ? letter : bound[letter];
      if (known === undefined) bound[letter] = shape[i]!;
      else fits = known === shape[i];
    }
    if (!fits) throw new RangeError(describe(operation, args, key, bound));
  }
  return bound;
}

/** For a rule that letters cannot express, such as N = B * T or C divisible by H. Throws the same kind of RangeError. */
export function check(operation: string, holds: boolean, rule: string, got: Record<string, number>): void {
  if (holds) return;
  const values = Object.entries(got).map(([name, value]) => `${name} = ${value}`);
  throw new RangeError(`${operation}: expected ${rule}, got ${values.join(', ')}`);
}

function describe(operation: string, args: Arguments, bad: string, bound: Record<string, number>): string {
  const [t, spec] = args[bad]!;
  const expected = spec
    .split(' ')
    .map((letter) => (bound[letter] === undefined ? letter : String(bound[letter])));
  const lines = Object.entries(args).map(
    ([key, [arg, letters]]) =>
      `  ${key === bad ? '>' : ' '} ${key} (${letters}) = (${arg.shape.join(', ')})  ${arg.name}`,
  );
  return [
    `${operation}: ${bad} does not fit; expected (${expected.join(', ')}), got (${t.shape.join(', ')})`,
    ...lines,
  ].join('\n');
}
