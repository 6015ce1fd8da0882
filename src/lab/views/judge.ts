/** Judge: which of two texts is better, without knowing whose they are. */
import {
  type Pair,
  type Place,
  pairSizes,
  pairsOf,
  questions,
  usualLength,
  verdictOf,
} from '../../evaluate/judge.ts';
import { percent } from '../../evaluate/table.ts';
import {
  comparisons,
  isOf,
  judgementLines,
  judge as judgementOf,
  revealed,
  type Verdict,
} from '../../evaluate/verdicts.ts';
import { normalizeText } from '../../model/text/tokenizer.ts';
import { html, type Markup } from '../../report/html.ts';
import { splitText } from '../../train/documents.ts';
import { checkBoxes, type NumberSetting, numberBox, numberOf, seedSetting } from '../controls.ts';
import { download, make, show } from '../dom.ts';
import { forgetVerdicts, keepVerdict, keptFile, keptVerdicts } from '../judging/kept.ts';
import { sides } from '../judging/sides.ts';
import type { View } from '../lab.ts';
import { problemPlace } from '../problem.ts';
import { recipe } from '../training/recipe.ts';

const pairsSetting: NumberSetting = {
  ...{ name: 'pairs', label: 'Pairs', from: 1, to: 10_000, step: 1 },
  otherwise: 50,
};
const lengthSetting: NumberSetting = {
  ...{ name: 'characters', label: 'Characters', from: 20, to: 4000, step: 1 },
  otherwise: usualLength,
};
const labels = { first: '1 is better', second: '2 is better', same: 'The same' };
const keys: Readonly<Record<string, Place>> = {
  ...{ '1': 'first', ArrowLeft: 'first', '2': 'second', ArrowRight: 'second', '0': 'same', ' ': 'same' },
};

/** From Start until something else is to be judged. */
interface Sitting {
  readonly a: string;
  readonly b: string;
  readonly planned: number;
  readonly pairs: AsyncIterator<Pair, void>;
  /** Verdicts on these two, earlier ones too. */
  readonly done: Verdict[];
  left: number;
}

export const judge: View = {
  id: 'judge',
  title: 'Judge',
  instruction:
    'Press Start and say of each pair which text is better; whose they were is told when you have said it.',
  source: 'src/evaluate/judge.ts',
  style: `.lab .texts{display:grid;grid-template-columns:repeat(auto-fit,minmax(min(100%,17rem),1fr));gap:.7rem 1.4rem}
.lab .texts section{min-width:0;display:grid;grid-template-rows:auto 1fr auto;justify-items:start}
.lab .texts pre{margin:.3rem 0 .7rem;width:100%}
.lab .prompt{border:0;background:none;padding:0;margin:.2rem 0 1rem}
.lab .pair-shown{outline-offset:.5rem;margin-bottom:1.2rem}.lab .pair-shown>.hint{margin:1rem 0 0}
.lab .told{white-space:pre-wrap;min-height:4rem}.lab .verdicts tbody th{min-width:10rem}.lab .verdicts thead th:nth-child(2){text-align:left}
.lab .interval line{stroke:var(--soft)}.lab .interval .half{stroke-dasharray:3 3}.lab .interval circle{fill:var(--blue)}`,
  mount(element, lab) {
    const { address, session } = lab;
    const { element: problem, say, act } = problemPlace();
    let sitting: Sitting | undefined;
    let pair: Pair | undefined;
    let judged = session.model;

    const button = (label: string, action: () => Promise<void>, className = '') =>
      make('button', { type: 'button', className, on: { click: act(action) } }, label);
    const answers = (['first', 'second', 'same'] as const).map((said) =>
      button(labels[said], () => answer(said)),
    );
    const prompt = make('pre', { className: 'prompt' });
    const texts = [make('pre'), make('pre')];
    const stage = make(
      'div',
      { className: 'pair-shown', tabIndex: -1, attributes: { role: 'group', 'aria-label': 'The pair' } },
      prompt,
      make(
        'div',
        { className: 'texts' },
        ...texts.map((text, i) => make('section', {}, make('h3', {}, String(i + 1)), text, answers[i])),
      ),
      make('p', { className: 'hint' }, answers[2], ' Keys: 1 or ←, 2 or →, 0 or space for the same.'),
    );
    const status = make('p', { className: 'status', attributes: { role: 'status' } });
    const told = make('p', { className: 'hint told' });
    const result = make('div');
    const table = make('div');

    const draw = () => {
      stage.hidden = sitting === undefined || sitting.left === 0;
      for (const each of answers) each.disabled = pair === undefined;
      if (pair !== undefined) prompt.textContent = pair.prompt;
      for (const [i, text] of texts.entries()) if (pair !== undefined) text.textContent = pair.texts[i]!;
      status.textContent = statusLine(sitting, pair);
      if (sitting === undefined) result.replaceChildren();
      else show(result, resultOf(sitting));
      save.disabled = forget.disabled = keptFile().trimEnd().split('\n').length < 2;
      try {
        show(table, keptTable(keptVerdicts()));
      } catch (error) {
        say(error);
      }
    };
    const stop = () => {
      [sitting, pair] = [undefined, undefined];
      told.textContent = '';
      draw();
    };
    /** Shows the next pair, unless something else is to be judged by then. */
    const turn = async () => {
      const now = sitting!;
      pair = undefined;
      draw();
      const { value } = await now.pairs.next().catch((error) => {
        if (sitting === now) stop();
        throw error;
      });
      if (sitting !== now) return;
      pair = value ?? undefined;
      draw();
      if (pair !== undefined) stage.focus({ preventScroll: true });
    };
    const answer = async (said: Place) => {
      if (sitting === undefined || pair === undefined) return;
      const verdict = verdictOf(pair, said, sitting);
      keepVerdict(verdict);
      sitting.done.push(verdict);
      sitting.left -= 1;
      told.textContent = revealed(verdict);
      await turn();
    };

    const chosen = recipe(lab, say);
    const [source] = chosen.fields;
    source!.querySelector('legend')!.textContent = 'Prompts from what is held out of';
    const who = sides(lab, stop);
    const start = button(
      'Start',
      async () => {
        stop();
        checkBoxes(controls);
        const sizes = pairSizes(numberOf(address, lengthSetting));
        const writers = await who.open(sizes.length);
        const { heldOut } = splitText(normalizeText(await chosen.text()));
        const all = questions([heldOut], sizes, numberOf(address, seedSetting));
        const planned = all.slice(0, numberOf(address, pairsSetting));
        const [a, b] = [writers.a.label, writers.b.label];
        const done = keptVerdicts().filter(isOf({ a, b }));
        const seen = new Set(done.map((verdict) => verdict.pair));
        const open = planned.filter(({ id }) => !seen.has(id));
        const pairs = pairsOf(open, writers, sizes);
        sitting = { a, b, planned: planned.length, pairs, done, left: open.length };
        judged = session.model;
        await turn();
        stage.scrollIntoView({ block: 'nearest' });
      },
      'main',
    );
    const save = button('Download verdicts', async () => {
      download('verdicts.csv', new TextEncoder().encode(keptFile()));
    });
    const forget = button('Forget verdicts', async () => {
      if (!confirm('Forget all verdicts that this browser keeps? There is no way back but a download.'))
        return;
      forgetVerdicts();
      stop();
    });
    const boxes = [pairsSetting, lengthSetting, seedSetting].map((each) => numberBox(address, each, stop));
    const controls = make(
      'div',
      { className: 'controls' },
      who.fields,
      source,
      make('fieldset', {}, make('legend', {}, 'The pairs'), make('div', { className: 'two' }, ...boxes)),
      make('div', { className: 'buttons' }, start),
    );
    source!.addEventListener('input', stop);
    const keptPart = make('div', {}, table, make('div', { className: 'buttons' }, save, forget));
    const results = make('div', {}, problem, status, stage, told, result, keptPart);
    element.append(make('div', { className: 'bench' }, controls, results));
    draw();

    const onKey = (event: KeyboardEvent) => {
      const said = Object.hasOwn(keys, event.key) ? keys[event.key] : undefined;
      const elsewhere = (event.target as Element).closest('input, select, textarea, button, a, summary');
      if (said === undefined || event.ctrlKey || event.altKey || event.metaKey || event.repeat) return;
      if (pair === undefined || (elsewhere !== null && !stage.contains(elsewhere))) return;
      if (event.key === ' ' && elsewhere !== null) return; // presses the button that has the focus
      event.preventDefault();
      act(() => answer(said))();
    };
    document.addEventListener('keydown', onKey);
    const forgetSession = session.onChange(() => {
      const changes = session.phase === 'training' || session.phase === 'starting';
      if (sitting !== undefined && (changes || session.model !== judged)) stop();
    });
    return () => {
      document.removeEventListener('keydown', onKey);
      forgetSession();
      who.close();
      sitting = undefined;
    };
  },
};

function statusLine(sitting: Sitting | undefined, pair: Pair | undefined): string {
  if (sitting === undefined) return 'Two texts go on from one prompt: which is better?';
  const { planned, left } = sitting;
  if (left === 0) return 'All pairs are judged: another seed has others.';
  return `Pair ${planned - left + 1} of ${planned}${pair === undefined ? ' is being written ...' : ': which is better?'}`;
}

/** What the verdicts say, in words and as a line: A's share, and what it may truly be. */
function resultOf({ a, b, done, left }: Sitting): Markup {
  const judgement = judgementOf(done);
  const { rate, low, high, needed } = judgement;
  const lines = judgementLines(judgement, left).split('\n');
  return html`<h2>So far</h2><p>A: ${a}<br>B: ${b}</p>
<svg class="strip interval" role="img" aria-label="${lines[0]}" data-low="${String(low)}" data-high="${String(high)}" data-needed="${String(needed)}">
<rect class="pale" x="${100 * low}%" width="${100 * (high - low)}%" y="8" height="18"/>
<line x1="0" x2="100%" y1="17" y2="17"/><line class="half" x1="50%" x2="50%" y1="2" y2="32"/>
${!Number.isNaN(rate) && html`<circle cx="${100 * rate}%" cy="17" r="5"/>`}
<text x="0" y="50">always B</text><text x="50%" y="50" text-anchor="middle">no difference</text><text x="100%" y="50" text-anchor="end">always A</text></svg>
${lines.map((line) => html`<p>${line}</p>`)}`;
}

/** All comparisons that the browser keeps verdicts of. */
function keptTable(verdicts: readonly Verdict[]): Markup {
  if (verdicts.length === 0) return html``;
  const rows = comparisons(verdicts).map((group) => {
    const { verdicts: counts, rate, low, high } = judgementOf(group);
    const share = Number.isNaN(rate) ? undefined : rate;
    return html`<tr><th scope="row">${group[0]!.a}</th><th scope="row">${group[0]!.b}</th><td>${counts.a}</td><td>${counts.b}</td><td>${counts.same}</td><td>${percent(share)}</td><td>${percent(low)} to ${percent(high)}</td></tr>`;
  });
  return html`<h2>Verdicts that this browser keeps</h2><div class="scroll" tabindex="0" role="region" aria-label="Verdicts"><table class="numbers verdicts">
<thead><tr><th scope="col">A</th><th scope="col">B</th><th scope="col">for A</th><th scope="col">for B</th><th scope="col">same</th><th scope="col">A preferred</th><th scope="col">95 % interval</th></tr></thead>
<tbody>${rows}</tbody></table></div>`;
}
