/** Inkling and PyTorch in turns, round after round, as ratios: node bench/peers/compare.ts [rounds] [python]
 *
 * Every figure comes from a process of its own, so that nothing that one has warmed up serves another. A ratio is of
 * medians over the rounds; the best of all is beside it, for a machine that is busy shows only there what programs do. */
import { execFileSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { median } from '../measure.ts';
import { number, table } from '../table.ts';

const [rounds = '5', python = 'python3'] = process.argv.slice(2);
const root = fileURLToPath(new URL('../..', import.meta.url));
const script = fileURLToPath(new URL('pytorch.py', import.meta.url));
const modes = ['eager', 'compile', 'bfloat16'] as const;

interface Figures {
  readonly medians: number[];
  readonly bests: number[];
}
const figures = new Map<string, Figures>();

function note(name: string, middle: number, best: number): void {
  const known = figures.get(name) ?? { medians: [], bests: [] };
  figures.set(name, known);
  known.medians.push(middle);
  known.bests.push(best);
}

function inkling(threads: number): void {
  const args = ['bin/inkling.js', 'bench', '--json', '--seconds', '8', '--threads', String(threads)];
  const r = JSON.parse(execFileSync(process.execPath, args, { cwd: root, encoding: 'utf8' }));
  note(`step ${threads} inkling`, r.stepMs, r.bestStepMs);
  note(`tokens ${threads} inkling`, r.sampleTokensPerSecond, r.sampleTokensPerSecond);
}

/** Left out, with its reason, where this PyTorch cannot: compiling needs a C++ compiler, generating transformers. */
function pytorch(mode: string, threads: number): void {
  const { OPENBLAS_CORETYPE: _, OPENBLAS_L2_SIZE: __, ...rest } = process.env;
  const env = { ...rest, OMP_NUM_THREADS: String(threads) };
  try {
    const text = execFileSync(python, [script, '40', mode], {
      env,
      encoding: 'utf8',
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    const kind = mode === 'generate' ? 'tokens' : 'step';
    const [, middle, best] = text.match(/(?:step|generate): median ([\d.]+) \S+, best ([\d.]+)/)!;
    note(`${kind} ${threads} ${mode}`, Number(middle), Number(best));
  } catch (error) {
    const last = String((error as { stderr?: string }).stderr ?? error)
      .trim()
      .split('\n')
      .at(-1);
    console.error(`PyTorch, ${mode}: left out: ${last}`);
  }
}

for (let round = 1; round <= Number(rounds); round++) {
  for (const threads of [1, 2]) {
    inkling(threads);
    for (const mode of [...modes, 'generate']) pytorch(mode, threads);
  }
  console.error(`round ${round} of ${rounds}`);
}

function rows(kind: 'step' | 'tokens', names: readonly string[]): string[][] {
  return [1, 2].flatMap((threads) => {
    const of = (name: string) => figures.get(`${kind} ${threads} ${name}`);
    const ours = of('inkling')!;
    const best = kind === 'step' ? Math.min : Math.max;
    return names.flatMap((name) => {
      const theirs = of(name);
      if (theirs === undefined) return [];
      const [middle, most] = [median(theirs.medians), best(...theirs.bests)];
      const ratios = [median(ours.medians) / middle, best(...ours.bests) / most].map((ratio) =>
        ratio.toFixed(2),
      );
      return [[name, String(threads), number(middle), number(most), ...ratios]];
    });
  });
}
const columns = ['threads', 'median', 'best', 'Inkling / it, medians', 'best'];
console.log(table(['ms a step', ...columns], rows('step', ['inkling', ...modes])));
console.log(`\n${table(['tokens/s, one stream', ...columns], rows('tokens', ['inkling', 'generate']))}`);
