/** Next token: a distribution, what every stage of the sampler makes of it, and the draw. */
import { type Draw, drawInStages, mostProbable, softmax } from '../../library/stages.ts';
import { chartFigure } from '../../report/chart.ts';
import { html, type Markup } from '../../report/html.ts';
import { type NumberSetting, numberBox, numberOf, seedSetting } from '../controls.ts';
import { make, onceAFrame, show } from '../dom.ts';
import { confident, type Example, longTailed } from '../examples.ts';
import type { View } from '../lab.ts';
import { samplerSettings, samplerSliders } from '../sampler-controls.ts';
import { seen } from '../token-text.ts';
import { leftOut, modelNow, noModel, percent, promptOf } from '../wording.ts';

const examples: Readonly<Record<string, Example>> = { confident, tail: longTailed };
/** Rows of bars: more would be thinner than a line. */
const mostBars = 40;
const titles: Readonly<Record<string, string>> = {
  temperature: 'temperature and penalties',
  greedy: 'the best alone',
  topK: 'top-k',
  topP: 'top-p',
  minP: 'min-p',
  typicalP: 'typical',
};

/** How many tokens were drawn before: each has a dart of its own. */
const tokenNumber: NumberSetting = {
  ...{ name: 'n', label: 'Token number', from: 0, to: 1e6, step: 1 },
  otherwise: 0,
};

export const nextToken: View = {
  id: 'next-token',
  title: 'Next token',
  instruction: 'Move a slider and watch which tokens stay in the running, then throw the dart.',
  source: 'src/sample/sampler.ts',
  mount(element, lab) {
    const { address, session } = lab;
    let shown: Example = examples[address.text('d')] ?? confident;
    const [bars, stages, curve, dart] = [0, 1, 2, 3].map(() => make('div')) as [
      HTMLDivElement,
      HTMLDivElement,
      HTMLDivElement,
      HTMLDivElement,
    ];
    const note = make('p', { className: 'hint', attributes: { role: 'status' } });

    const draw = () => {
      const { logits, history, tokens } = shown;
      const drawn = numberOf(address, tokenNumber);
      const seed = numberOf(address, seedSetting);
      const settings = samplerSettings(address);
      const result = drawInStages(logits, settings, history, { seed, drawn });
      const raw = softmax(logits);
      show(bars, barTable(tokens, raw, result));
      show(stages, stageTable(tokens, result));
      show(curve, cumulative(result, settings.topP!));
      show(dart, dartBoard(tokens, result, seed, drawn));
    };
    const soon = onceAFrame(draw);

    /** Takes an example, or asks the model what comes after the prompt. */
    const choose = async () => {
      const own = address.text('d') === 'prompt';
      prompt.disabled = !own;
      if (!own) {
        shown = examples[address.text('d')] ?? confident;
        prompt.value = shown.prompt;
        note.textContent = 'Made up, to see the knobs at work before there is a model.';
        return soon();
      }
      const text = promptOf(address);
      prompt.value = text;
      if (session.model === undefined) {
        note.textContent = noModel;
        return soon();
      }
      try {
        const { ids, logits, unknown } = await lab.engine.call('distribution', { text });
        const tokens = session.model.tokens.map(seen);
        shown = { prompt: text, tokens, logits, history: Array.from(ids) };
        note.textContent = `What ${modelNow(session)} expects${leftOut(unknown)}.`;
      } catch (error) {
        note.textContent = (error as Error).message;
      }
      soon();
    };

    const prompt = make('textarea', {
      rows: 2,
      name: 'prompt',
      on: {
        input: () => {
          address.set({ prompt: prompt.value });
          void choose();
        },
      },
    });
    const kinds = {
      confident: 'A sure one',
      tail: 'One with a long tail',
      prompt: "The model's, after a prompt",
    };
    const kind = Object.entries(kinds).map(([value, text]) =>
      make(
        'label',
        { className: 'row' },
        make('input', {
          type: 'radio',
          name: 'd',
          value,
          checked: address.text('d', 'confident') === value,
          on: {
            change: () => {
              address.set({ d: value === 'confident' ? undefined : value });
              void choose();
            },
          },
        }),
        text,
      ),
    );
    const controls = make(
      'div',
      { className: 'controls' },
      make(
        'fieldset',
        {},
        make('legend', {}, 'Distribution'),
        ...kind,
        make('label', {}, 'After', prompt),
        note,
      ),
      make('fieldset', {}, make('legend', {}, 'Settings'), ...samplerSliders(address, soon)),
      make(
        'fieldset',
        {},
        make('legend', {}, 'The draw'),
        make(
          'div',
          { className: 'two' },
          numberBox(address, seedSetting, soon),
          numberBox(address, tokenNumber, soon),
        ),
        make(
          'button',
          {
            type: 'button',
            on: {
              click: () => {
                const next = numberOf(address, tokenNumber) + 1;
                address.set({ n: next });
                controls.querySelector<HTMLInputElement>('[name=n]')!.value = String(next);
                soon();
              },
            },
          },
          'Throw the next dart',
        ),
      ),
    );
    dart.className = 'board';
    const results = make('div', {}, stages, bars, curve);
    element.append(dart, make('div', { className: 'bench' }, controls, results));
    void choose();

    let [model, step] = [session.model, session.step];
    return session.onChange(() => {
      // While it is trained, what it expects changes: look again after each evaluation, or when there is another model.
      const evaluated = session.data.history.latest?.step ?? 0;
      if (session.model === model && evaluated === step) return;
      [model, step] = [session.model, evaluated];
      if (address.text('d') === 'prompt') void choose();
    });
  },
};

/** The most probable tokens: pale, what the model gives; strong, what is left of it in the end. */
function barTable(tokens: readonly string[], raw: Float64Array, { stages, token }: Draw): Markup {
  const last = stages.at(-1)!.probabilities;
  const most = Math.max(...raw, ...last);
  const ids = mostProbable(raw, mostBars);
  const cutBy = (id: number) => {
    const stage = stages.find(({ probabilities }) => probabilities[id] === 0);
    return stage === undefined ? '' : titles[stage.name];
  };
  return html`<table class="bars"><caption>The ${ids.length} most probable of ${tokens.length} tokens: pale, by the model; strong, with these settings</caption>
<thead><tr><th scope="col" class="token">token</th><th scope="col" class="number">share</th><td></td><th scope="col" class="by">cut by</th></tr></thead>
<tbody>${ids.map(
    (id) => html`<tr data-id="${id}" data-p="${String(last[id])}"${id === token && html` class="drawn"`}>
<th scope="row" class="token">${tokens[id]}</th><td class="number">${percent(last[id]!)}</td>
<td><svg viewBox="0 0 100 10" preserveAspectRatio="none" aria-hidden="true"><rect class="pale" y="0" height="10" width="${(100 * raw[id]!) / most}"/><rect class="${id === token ? 'drawn' : 'strong'}" y="2" height="6" width="${(100 * last[id]!) / most}"/></svg></td>
<td class="by">${cutBy(id)}</td></tr>`,
  )}</tbody></table>`;
}

/** What each stage took away. */
function stageTable(tokens: readonly string[], { stages }: Draw): Markup {
  const rows = stages.slice(1).map(({ name, kept, mass }, i) => {
    const before = stages[i]!;
    return html`<tr data-stage="${name}"><th scope="row">${titles[name] ?? name}</th><td>${before.kept - kept}</td><td>${percent(before.mass - mass)}</td><td>${kept}</td></tr>`;
  });
  return html`<div class="scroll" tabindex="0" role="region" aria-label="Stages"><table class="numbers stages"><caption>What each stage cut</caption>
<thead><tr><th scope="col">stage</th><th scope="col">tokens cut</th><th scope="col">their mass</th><th scope="col">left</th></tr></thead>
<tbody>${rows.length > 0 ? rows : html`<tr><th scope="row">nothing is cut</th><td>0</td><td>0%</td><td>${tokens.length}</td></tr>`}</tbody></table></div>`;
}

/** The mass of the best n tokens, at their temperature and before any cut: top-p keeps up to where it crosses the line. Top-k
 * cuts before top-p, whose p is then a share of what top-k has left. */
function cumulative({ stages }: Draw, p: number): Markup {
  const { probabilities } = stages[0]!;
  const { mass } = stages.findLast(({ name }) => name === 'topK') ?? stages[0]!;
  let sum = 0;
  const points = mostProbable(probabilities, probabilities.length).map((id, rank) => {
    sum += probabilities[id]!;
    return { x: rank + 1, y: sum };
  });
  return chartFigure({
    id: 'cumulative',
    title: 'How much the best tokens hold together',
    description: 'The nucleus of top-p is the shortest beginning of this curve that reaches the line p.',
    height: 180,
    x: { kind: 'linear', domain: [0, Math.max(2, points.length)], name: 'best tokens' },
    y: { kind: 'linear', domain: [0, 1], unit: 'probability' },
    curves: [{ name: 'together', style: 'train', points: [{ x: 0, y: 0 }, ...points] }],
    levels: [
      { label: 'p', detail: mass < 1 ? `${p} of ${percent(mass)}` : String(p), y: p * mass, style: 'limit' },
    ],
  });
}

/** The kept tokens side by side on [0, 1), by id, and the uniform number that falls on one of them. */
function dartBoard(
  tokens: readonly string[],
  { stages, uniform, token }: Draw,
  seed: number,
  drawn: number,
): Markup {
  const { probabilities } = stages.at(-1)!;
  let at = 0;
  const parts = Array.from(probabilities, (p, id) => {
    const from = at;
    at += p;
    return { id, p, from };
  }).filter(({ p }) => p > 0);
  return html`<p class="status" aria-live="polite">The dart of seed ${seed}, token number ${drawn}, lands at ${uniform.toFixed(4)}: <b>${token < 0 ? 'no token' : tokens[token]}</b></p>
<svg class="strip" role="img" aria-label="Tokens on the line from 0 to 1, and the dart" data-token="${token}" data-uniform="${String(uniform)}">
${parts.map(
  ({ id, from, p }, i) =>
    html`<rect x="${100 * from}%" y="12" width="${100 * p}%" height="22" class="${id === token ? 'drawn' : i % 2 === 0 ? 'pale' : 'strong'}"/>${p > 0.06 && html`<text x="${100 * (from + p / 2)}%" y="50" text-anchor="middle">${tokens[id]}</text>`}`,
)}
<line class="dart" x1="${100 * uniform}%" x2="${100 * uniform}%" y1="0" y2="38"/></svg>`;
}
