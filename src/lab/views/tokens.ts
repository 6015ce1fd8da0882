/** Tokens: one text as characters, as the pieces of BPE after each of its merges, and as the model at hand reads it. */

import { toUtf8 } from '../../model/text/bpe-bytes.ts';
import { normalizeText } from '../../model/text/tokenizer.ts';
import { html, type Markup } from '../../report/html.ts';
import { counted } from '../../train/metrics.ts';
import { type Choice, choice, choiceOf, numberOf, slider } from '../controls.ts';
import { make, onceAFrame, show } from '../dom.ts';
import type { Vocabularies } from '../engine/protocol.ts';
import type { View } from '../lab.ts';
import { afterMerges, boxes, tokenText } from '../token-text.ts';

const sample =
  'low lower lowest, new newer newest, wide wider widest.\nAs new as a naïve café: 3 € for tea 🙂🙂 and 4 € for cake 🙂';
/** Bytes of a text that are shown and counted: so many boxes can be drawn anew between two frames. */
const mostShown = 500;
/** Characters of a text that a link can hold. */
const mostLinked = 4000;
/** With the 256 bytes, a vocabulary of 4096. */
const mostMerges = 3840;
/** Rows of the table of merges before the newest. */
const earlier = 9;
const itself = 'this text';

export const tokens: View = {
  id: 'tokens',
  title: 'Tokens',
  instruction: 'Press Next merge and watch the pair that occurs most often become one token.',
  source: 'src/model/text/bpe-train.ts',
  style: `.lab .boxes{max-width:none;font-size:.94rem;line-height:1.3;margin:.3rem 0 1rem}
.lab .boxes,.lab .piece{font-family:ui-monospace,'Cascadia Mono',Menlo,Consolas,'Liberation Mono',monospace}
.lab .boxes span{display:inline-block;text-align:center;max-width:100%;margin:0 2px 3px 0;padding:.05rem .22rem;border:1px solid var(--soft);border-radius:3px;vertical-align:top}
.lab .boxes b{font-weight:400;overflow-wrap:anywhere;unicode-bidi:isolate}
.lab .boxes small{font-size:.68rem;font-variant-numeric:tabular-nums}
.lab .boxes i,.lab .piece i{font-style:normal;font-size:.8em;padding:0 1px}
.lab .boxes .shade0{background:var(--seq0)}.lab .boxes .shade1{background:var(--div4)}.lab .boxes .shade2{background:var(--seq1)}.lab .boxes .shade3{background:var(--panel)}
.lab .boxes .none{border-style:dashed}
.lab .boxes .fresh{outline:2px solid var(--red);outline-offset:0}
.lab .cut{display:grid;gap:0 2rem;grid-template-columns:repeat(auto-fit,minmax(min(100%,19rem),1fr));align-items:start}
.lab .cut h2{margin-top:.4rem;border:0;padding:0;margin-bottom:0}
.lab .merges{width:auto}.lab .piece{font-weight:400;color:var(--ink)}.lab .merges tr.now .piece{color:var(--red);font-weight:600}`,
  mount(element, lab) {
    const { address, engine, session } = lab;
    const from: Choice = {
      name: 'from',
      label: 'BPE learns from',
      choices: Object.fromEntries([itself, ...lab.texts.map(({ name }) => name)].map((name) => [name, name])),
      otherwise: itself,
    };
    const setting = (most: number) => ({
      ...{ name: 'merges', label: `Merges, of ${most}`, from: 0, to: most, step: 1 },
      otherwise: Math.min(12, most),
    });
    let learned: Vocabularies | undefined;
    let shown = '';
    /** The ids of what is shown, after all merges. */
    let whole: Iterable<number> = [];

    const text = make('textarea', { rows: 6, name: 'text', spellcheck: false });
    const note = make('p', { className: 'hint', attributes: { role: 'status' } });
    const problem = make('p', { className: 'problem', hidden: true, attributes: { role: 'alert' } });
    const said = make('p', { className: 'status', attributes: { 'aria-live': 'polite' } });
    const [bpe, characters, model, table] = [0, 1, 2, 3].map(() => make('section'));
    const count = make('div');
    const mergesNow = () => numberOf(address, setting(learned?.counts.length ?? 0));

    const draw = () => {
      if (learned === undefined) return;
      const { pieces, merges, counts } = learned;
      const n = mergesNow();
      const ids = afterMerges(whole, merges, n);
      const fresh = n === 0 ? undefined : 255 + n;
      back.disabled = n === 0;
      next.disabled = n === counts.length;
      show(said, n === 0 ? html`No merge yet: each byte is a token.` : mergeSentence(learned, n));
      const cut = { ids, pieces: ids.map((id) => pieces[id]!), fresh };
      show(bpe!, panel({ title: 'BPE', vocabulary: 256 + n, shown, ...cut }));
      show(table!, mergeTable(learned, n));
    };
    const soon = onceAFrame(draw);

    const drawCharacters = ({ characters: all }: Vocabularies) => {
      const idOf = new Map(all.map((c, id) => [c, id]));
      const pieces = [...shown];
      const ids = pieces.map((c) => idOf.get(c) ?? -1);
      const without = ids.filter((id) => id < 0).length;
      const cut = { ids, pieces, without };
      show(characters!, panel({ title: 'Characters', vocabulary: all.length, shown, ...cut }));
    };

    const latest = (ask: () => Promise<void>) =>
      onlyLatest(() =>
        ask().catch((error: Error) => {
          problem.hidden = false;
          problem.textContent = error.message;
        }),
      );
    const askModel = latest(async () => {
      const [info, text] = [session.model, shown];
      model!.hidden = info === undefined || text === '';
      if (info === undefined || text === '') return;
      const { unknown: without, ...cut } = await engine.call('tokenize', { text });
      const [title, vocabulary] = [`The model ${info.name}`, info.tokens.length];
      show(model!, panel({ title, vocabulary, shown: text, without, ...cut }));
    });
    let learnedFrom: string | undefined;
    const ask = latest(async () => {
      const all = normalizeText(text.value);
      const source = choiceOf(address, from);
      const key = source === itself ? `${source}\n${all}` : source;
      const learn = async () => {
        const learnFrom = source === itself ? all : await lab.text(source);
        return engine.call('vocabularies', { text: learnFrom, most: mostMerges });
      };
      const vocabularies = learned !== undefined && key === learnedFrom ? learned : await learn();
      const clipped = beginning(all);
      const { merges } = vocabularies;
      const ids = await engine.call('mergeAll', { text: clipped, merges });
      [learned, learnedFrom, shown, whole] = [vocabularies, key, clipped, ids];
      problem.hidden = true;
      count.replaceChildren(slider(address, setting(merges.length), soon));
      drawCharacters(learned);
      draw();
      askModel();
    });

    const changed = () => {
      const { value } = text;
      session.ownText = value === sample ? '' : value;
      const long = value.length > mostLinked;
      address.set({ text: value === sample || long ? undefined : value });
      note.textContent = [
        ...(beginning(value) === value
          ? []
          : [`The first ${[...beginning(value)].length} characters are shown and counted.`]),
        ...(long ? ['This text is too long for the link.'] : []),
      ].join(' ');
      ask();
    };
    const step = (by: number) => () => {
      const input = count.querySelector('input')!;
      input.value = String(mergesNow() + by);
      input.dispatchEvent(new Event('input'));
    };
    const button = (label: string, by: number, className = '') =>
      make('button', { type: 'button', className, disabled: true, on: { click: step(by) } }, label);
    const back = button('Back', -1);
    const next = button('Next merge', 1, 'main');
    text.value = address.text('text') || session.ownText || sample;
    text.addEventListener('input', changed);
    const controls = make(
      'div',
      { className: 'controls' },
      make('fieldset', {}, make('legend', {}, 'Text'), make('label', {}, 'Your text', text), note),
      make(
        'fieldset',
        {},
        make('legend', {}, 'Merges'),
        choice(address, from, ask),
        count,
        make('div', { className: 'buttons' }, back, next),
      ),
    );
    const cut = make('div', { className: 'cut' }, bpe, characters, model);
    element.append(make('div', { className: 'bench' }, controls, make('div', {}, problem, said, cut, table)));
    changed();
    let known = session.model;
    return session.onChange(() => {
      if (session.model === known) return;
      known = session.model;
      askModel();
    });
  },
};

/** Acts again when called; of the calls that come while it acts, the last is heeded. */
function onlyLatest(act: () => Promise<void>): () => void {
  let [busy, again] = [false, false];
  const go = async () => {
    again = busy;
    if (busy) return;
    busy = true;
    await act();
    busy = false;
    if (again) void go();
  };
  return () => void go();
}

/** As much of a text as is shown. */
function beginning(text: string): string {
  let [length, bytes] = [0, 0];
  for (const character of text) {
    bytes += toUtf8(character).length;
    if (bytes > mostShown) break;
    length += character.length;
  }
  return text.slice(0, length);
}

const piece = (token: string): Markup => html`<b class="piece">${tokenText(token)}</b>`;

/** Merge n, counted from 1. */
function mergeOf({ pieces, merges, counts }: Vocabularies, n: number) {
  const [left, right, made] = merges[n - 1]!.map((id) => pieces[id]!) as [string, string, string];
  return { left, right, made, times: counts[n - 1]! };
}

function mergeSentence(learned: Vocabularies, n: number): Markup {
  const { left, right, made, times } = mergeOf(learned, n);
  return html`Merge ${n} joined ${piece(left)} and ${piece(right)}, which occurred ${times} times, to ${piece(made)}, token ${255 + n}.`;
}

/** The last merges, and the one that comes next. */
function mergeTable(learned: Vocabularies, n: number): Markup {
  const first = Math.max(1, n - earlier);
  const last = Math.min(learned.counts.length, n + 1);
  const rows = Array.from({ length: Math.max(0, last - first + 1) }, (_, i) => {
    const merge = first + i;
    const { left, right, made, times } = mergeOf(learned, merge);
    const state = merge === n ? html` class="now"` : merge > n && html` class="next"`;
    return html`<tr data-merge="${merge}"${state}><th scope="row">${merge}${merge > n && ', next'}</th><td>${piece(left)}</td><td>${piece(right)}</td><td>${piece(made)}</td><td>${255 + merge}</td><td>${times}</td></tr>`;
  });
  return html`<div class="scroll" tabindex="0" role="region" aria-label="Merges"><table class="numbers merges"><caption>Merges one after the other</caption>
<thead><tr><th scope="col">merge</th><th scope="col">left</th><th scope="col">right</th><th scope="col">made</th><th scope="col">id</th><th scope="col">occurred</th></tr></thead>
<tbody>${rows.length > 0 ? rows : html`<tr><th scope="row">no pair occurs twice</th><td colspan="5"></td></tr>`}</tbody></table></div>`;
}

/** One way to cut the text, with what it costs. */
function panel({
  title,
  vocabulary,
  shown,
  ids,
  pieces,
  fresh,
  without = 0,
}: {
  readonly title: string;
  readonly vocabulary: number;
  readonly shown: string;
  /** -1: a character without a token. */
  readonly ids: ArrayLike<number>;
  readonly pieces: readonly string[];
  readonly fresh?: number | undefined;
  /** How many characters have no token. */
  readonly without?: number;
}): Markup {
  const count = Array.from(ids).filter((id) => id >= 0).length;
  const each =
    count === 0 ? '' : `, ${(([...shown].length - without) / count).toFixed(2)} characters a token`;
  const none = without === 0 ? '' : `; ${counted(without, 'character')} without a token`;
  return html`<h2>${title}</h2><p class="status">${counted(count, 'token')}${each}${none}; ${vocabulary} in the vocabulary</p>${boxes(ids, pieces, fresh)}`;
}
