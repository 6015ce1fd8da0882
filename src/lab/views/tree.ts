/** Tree: beam search at work, what it considered and dropped, and where drawn texts leave it. */
import { html, table } from '../../report/html.ts';
import { exp } from '../../tensor/math.ts';
import { type NumberSetting, numberBox, numberOf, seedSetting, slider } from '../controls.ts';
import { inTurn, make, show } from '../dom.ts';
import { beamWidth } from '../engine/protocol.ts';
import type { Tree } from '../engine/tree-protocol.ts';
import type { View } from '../lab.ts';
import { brief, exactly } from '../numbers.ts';
import { paced } from '../paced.ts';
import { problemPlace } from '../problem.ts';
import { seen } from '../token-text.ts';
import { type Layout, labelOf, layoutOf, picture } from '../tree/picture.ts';
import { treeStyle } from '../tree/style.ts';
import { leftOut, modelNow, noModel, percent, promptOf } from '../wording.ts';

const setting = (
  name: string,
  label: string,
  [from, to, step, otherwise]: readonly [number, number, number, number],
): NumberSetting => ({ name, label, from, to, step, otherwise });
const search = {
  width: setting('beams', 'Beams', [1, beamWidth, 1, 3]),
  depth: setting('depth', 'Tokens', [1, 24, 1, 7]),
  lengthPenalty: setting('penalty', 'Length penalty', [0, 2, 0.1, 0]),
};
const drawing = {
  draws: setting('draws', 'Drawn texts', [0, beamWidth, 1, 2]),
  temperature: setting('t', 'Temperature', [0, 2, 0.05, 1]),
};
const lines = {
  best: 'the best text',
  found: 'others that were found',
  kept: 'kept, dropped later',
  dropped: 'dropped',
  draw: 'drawn',
};

export const tree: View = {
  id: 'tree',
  title: 'Tree',
  instruction:
    'Choose how many beams there are and go through the tree with the arrow keys: what the search considered and dropped.',
  source: 'src/sample/beam.ts',
  style: treeStyle,
  mount(element, { address, session, engine }) {
    element.classList.add('tree-view');
    let model = session.model;
    let records = session.records;
    let names: readonly string[] = [];
    let told: { readonly tree: Tree; readonly layout: Layout; readonly prompt: string } | undefined;
    let selected = -1;

    const { element: problem, say } = problemPlace();
    const note = make('p', { className: 'hint', attributes: { role: 'status' } });
    const changed = () => looking.now();
    const box = (name: string, label: string, value: string, set: (value: string) => string | undefined) => {
      const area =
        name === 'prompt' ? make('textarea', { rows: 2, name, value }) : make('input', { name, value });
      area.addEventListener('input', () => {
        address.set({ [name]: set(area.value) });
        changed();
      });
      return make('label', {}, label, area);
    };
    const fields = (legend: string, ...parts: readonly HTMLElement[]) =>
      make('fieldset', {}, make('legend', {}, legend), ...parts);
    const controls = make(
      'div',
      { className: 'controls' },
      fields(
        'Beam search',
        box('prompt', 'After', promptOf(address), (value) => value),
        ...Object.values(search).map((each) => slider(address, each, changed)),
        box('stop', 'A text ends with (if anything)', address.text('stop'), (value) => value || undefined),
      ),
      fields(
        'Drawn on it',
        ...Object.values(drawing).map((each) => slider(address, each, changed)),
        numberBox(address, seedSetting, changed),
        make('button', { type: 'button', on: { click: () => again() } }, 'Draw others'),
      ),
      note,
    );
    const place = make('div', {
      className: 'scroll trees',
      on: { click: (event) => pointed(event), keydown: (event) => pressed(event as KeyboardEvent) },
    });
    const detail = make('div', { className: 'told' });
    const texts = make('div', { className: 'texts' });
    const legend = make('div', { className: 'legend' });
    show(
      legend,
      html`${Object.entries(lines).map(([name, text]) => html`<span><svg width="26" height="10" aria-hidden="true"><path class="${name}" d="M1 5H25"/></svg>${text}</span>`)}`,
    );
    const results = make('div', {}, legend, place, detail, texts);
    element.append(problem, make('div', { className: 'bench' }, controls, results));

    const again = () => {
      address.set({ seed: numberOf(address, seedSetting) + 1 });
      controls.querySelector<HTMLInputElement>('[name=seed]')!.value = address.text('seed');
      changed();
    };
    const nodeAt = (at: number) => place.querySelector<SVGGElement>(`[data-node="${at}"]`);
    /** Looks at a node; it is the one that the keyboard comes to. */
    const select = (at: number, focus: boolean) => {
      if (told === undefined) return;
      for (const [node, on] of [
        [nodeAt(selected), false],
        [nodeAt(at), true],
      ] as const) {
        node?.setAttribute('aria-selected', String(on));
        node?.setAttribute('tabindex', on ? '0' : '-1');
      }
      selected = at;
      if (focus) nodeAt(at)?.focus();
      drawDetail();
    };
    const pointed = ({ target }: Event) => {
      const node = (target as Element).closest<SVGGElement>('[data-node]');
      if (node !== null) select(Number(node.dataset['node']), true);
    };
    const pressed = (event: KeyboardEvent) => {
      if (told === undefined || (event.target as Element).closest('[data-node]') === null) return;
      const { tree, layout } = told;
      const { parent, depth } = tree.nodes[selected];
      const column = layout.columns[depth - 1];
      const row = column.indexOf(selected);
      const children = (layout.columns[depth] ?? []).filter((at) => tree.nodes[at].parent === selected);
      const to = {
        ArrowLeft: parent < 0 ? undefined : parent,
        ArrowRight: children[0],
        ArrowUp: column[row - 1],
        ArrowDown: column[row + 1],
      }[event.key];
      if (!event.key.startsWith('Arrow')) return;
      event.preventDefault();
      if (to !== undefined) select(to, true);
    };

    const drawDetail = () => {
      const node = told?.tree.nodes[selected];
      detail.hidden = node === undefined;
      if (told === undefined || node === undefined) return;
      const { tree, layout, prompt } = told;
      const path: string[] = [];
      for (let at = node.parent; at >= 0; at = tree.nodes[at].parent) path.unshift(names[tree.nodes[at].id]);
      const token = names[node.id];
      show(
        detail,
        html`<p class="so-far"><span>${prompt}</span>${path.join('')}<mark>${token}</mark></p>
<p>${labelOf(node, token, layout.fates[selected])}</p>
<p>p = ${String(node.probability)}; log P = ${String(node.logProbability).replace('-', '−')}${numberOf(address, search.lengthPenalty) > 0 && html`; score = ${exactly(node.score)}`}</p>`,
      );
    };
    const drawTree = () => {
      results.hidden = told === undefined;
      if (model === undefined) note.textContent = noModel;
      if (told === undefined || model === undefined) return;
      const { tree, layout, prompt } = told;
      const dropped = layout.fates.filter((fate) => fate === 'dropped').length;
      note.textContent = `${modelNow(session)} was asked for ${tree.nodes.length} tokens; the search dropped ${dropped} of them at once${leftOut(tree.unknown)}.`;
      const focused = place.contains(document.activeElement);
      show(place, picture(tree, layout, names, prompt));
      selected = -1;
      select(tree.found[0]?.node ?? 0, focused);
    };
    const drawTexts = () => {
      if (told === undefined) return;
      const { found, drawn, nodes } = told.tree;
      const scored = numberOf(address, search.lengthPenalty) > 0;
      const row = (text: string, node: number, kind: string, score?: number) => {
        const logProbability = nodes[node]?.logProbability ?? 0;
        const numbers = [
          html`<span data-${kind}="${logProbability}" title="${exactly(logProbability)}">${brief(logProbability)}</span>`,
          percent(exp(logProbability)),
        ];
        return [
          text.replaceAll('\n', '↵'),
          kind,
          ...numbers,
          ...(scored ? [score === undefined ? '' : brief(score)] : []),
        ];
      };
      show(
        texts,
        table({
          caption: 'What was found, the best first, and what was drawn',
          head: ['text', '', 'log P', 'P', ...(scored ? ['score'] : [])],
          rows: [
            ...found.map(({ text, node, score }) => row(text, node, 'found', score)),
            ...drawn.map(({ text, node }) => row(text, node, 'drawn')),
          ],
          style: 'numbers',
        }),
      );
    };
    const due = inTurn();

    const looking = paced(async () => {
      if (model === undefined) return due(drawTree);
      const asked = model;
      const given = { ...search, ...drawing };
      const numbers = Object.entries(given).map(([name, each]) => [name, numberOf(address, each)]);
      const prompt = promptOf(address);
      const request = { text: prompt, stop: address.text('stop'), seed: numberOf(address, seedSetting) };
      try {
        const tree = await engine.call('tree', {
          ...request,
          ...(Object.fromEntries(numbers) as Record<keyof typeof given, number>),
        });
        if (model !== asked) return; // it has been asked again
        told = { tree, layout: layoutOf(tree), prompt };
        say(undefined);
      } catch (error) {
        told = undefined;
        say(error);
      }
      due(drawTree, drawTexts);
    });
    const follow = () => {
      if (session.model !== model) {
        model = session.model;
        told = undefined;
        looking.now();
      } else if (session.records !== records) looking.again();
      names = model?.tokens.map(seen) ?? [];
      records = session.records;
    };
    const leave = session.onChange(follow);
    follow();
    looking.now();
    drawTree();
    return () => {
      leave();
      looking.stop();
    };
  },
};
