/** Write: a text as it is drawn, what each token could have been instead, and other ways of going on. */
import {
  type Choice,
  checkBoxes,
  choice,
  choiceOf,
  type NumberSetting,
  numberBox,
  numberOf,
  seedSetting,
} from '../controls.ts';
import { make, onceAFrame } from '../dom.ts';
import type { View } from '../lab.ts';
import { problemPlace } from '../problem.ts';
import { samplerSettings, samplerSliders } from '../sampler-controls.ts';
import { leftOut, modelNow, noModel, promptOf } from '../wording.ts';
import { Branches } from '../writing/branches.ts';
import { Comparison } from '../writing/compare.ts';
import { levels } from '../writing/text.ts';

const lengthSetting: NumberSetting = {
  ...{ name: 'length', label: 'Tokens', from: 1, to: 5000, step: 1 },
  otherwise: 300,
};
const colourChoice: Choice = {
  ...{ name: 'colour', label: 'Colour by' },
  choices: { probability: 'probability of the token', entropy: 'entropy before it' },
  otherwise: 'probability',
};

export const write: View = {
  id: 'write',
  title: 'Write',
  instruction:
    'Press Write, then click a token to see what else it could have been, and choose one of these to go on from there.',
  source: 'src/sample/generate.ts',
  style: `.lab .writing{--w1:var(--seq1);--w2:var(--seq2);--w3:var(--seq3);--w4:var(--seq4)}
@media (prefers-color-scheme:dark){.lab .writing{--w1:var(--seq0);--w2:var(--seq1);--w3:var(--seq2);--w4:var(--seq3)}}
${[1, 2, 3, 4].map((n) => `.lab [data-by=probability] .p${n},.lab [data-by=entropy] .e${n},.lab .level${n}{background:var(--w${n})}`).join('')}
.lab .legend.levels{gap:.2rem .3rem;margin:0 0 .6rem}.lab .levels span{padding:0 .4rem;color:var(--ink)}
.lab .branches{margin:0 0 .6rem}.lab .branches button{font-size:.82rem;padding:.15rem .6rem}
.lab .branches [aria-pressed=true]{border-color:var(--blue);box-shadow:inset 0 0 0 1px var(--blue)}
.lab .tokens{white-space:pre-wrap;overflow-wrap:anywhere;unicode-bidi:isolate;line-height:1.7;border:1px solid var(--rule);border-radius:4px;padding:.6rem .9rem;min-height:4rem;max-height:55vh;overflow-y:auto;contain:content}
.lab .tokens[role] div{content-visibility:auto;contain-intrinsic-height:auto 1.8rem}
.lab .tokens i{font-style:normal;color:var(--soft)}
.lab .tokens[role]{font-size:1.08rem;margin-bottom:.8rem}.lab .tokens [role=option]{cursor:pointer}
.lab .tokens [role=option]:hover,.lab .tokens [aria-selected=true]{outline:2px solid var(--ink)}
.lab .tokens .break::before{content:'↵'}
.lab .tokens .chosen{box-shadow:inset 0 -3px var(--red);font-weight:600}
.lab .tokens .repeated{text-decoration:underline 2px var(--red);text-underline-offset:.2em}
.lab .alternatives{display:grid;gap:.15rem;margin:0 0 .7rem;max-width:34rem}
.lab .alternatives button{display:grid;grid-template-columns:5rem 4.5rem 1fr;gap:.6rem;align-items:center;text-align:left;padding:.1rem .6rem;background:none;border-color:var(--rule);font-variant-numeric:tabular-nums}
.lab .alternatives button:hover{background:var(--panel);border-color:var(--soft)}
.lab .alternatives button:disabled{opacity:1;border-color:var(--red)}
.lab .alternatives .token{font-family:ui-monospace,'Cascadia Mono',Menlo,Consolas,'Liberation Mono',monospace;overflow:hidden;text-overflow:ellipsis;white-space:pre}
.lab .alternatives svg{width:100%;height:.7rem}
.lab .ways{display:grid;grid-template-columns:repeat(auto-fit,minmax(min(100%,13rem),1fr));gap:1.2rem}
.lab .ways section{min-width:0;display:grid;grid-template:auto auto 1fr auto/minmax(0,1fr)}.lab .ways .hint{margin:.1rem 0 .4rem}
.lab .ways dl{font:.82rem system-ui,-apple-system,'Segoe UI',Roboto,'Liberation Sans',Arial,sans-serif;margin:.5rem 0 0}
.lab .ways dl div{display:flex;justify-content:space-between;gap:.8rem;border-bottom:1px solid var(--rule);padding:.15rem 0}
.lab .ways dt{color:var(--soft)}.lab .ways dd{margin:0;text-align:right;font-variant-numeric:tabular-nums}`,
  mount(element, lab) {
    const { address, session } = lab;
    const { element: problem, act } = problemPlace();
    const status = make('p', { className: 'status', attributes: { role: 'status' } });
    const running = new Set<{ cancel(): void }>();
    const refresh = onceAFrame(() => {
      start.disabled = compare.disabled = session.model === undefined || running.size > 0;
      stop.disabled = running.size === 0;
      legend.hidden &&= running.size === 0;
      if (session.model === undefined) status.textContent = noModel;
      else if (status.textContent === noModel) status.textContent = '';
    });
    const stopAll = () => {
      for (const stream of running) stream.cancel();
    };
    const during = async (stream: { cancel(): void }, work: Promise<void>) => {
      running.add(stream);
      refresh();
      await work.finally(() => {
        running.delete(stream);
        refresh();
      });
    };
    const request = () => ({
      text: promptOf(address),
      settings: samplerSettings(address),
      seed: numberOf(address, seedSetting),
      maxNewTokens: numberOf(address, lengthSetting),
    });
    const tell = (sentence: string) => {
      status.textContent = sentence;
    };
    const attempt = (action: () => Promise<void>) => act(action)();
    const branches = new Branches({ lab, request, during, stop: stopAll, tell, attempt });
    const comparison = new Comparison();

    const button = (label: string, action: () => Promise<void>, className = '') =>
      make('button', { type: 'button', className, on: { click: act(action) } }, label);
    const start = button(
      'Write',
      async () => {
        checkBoxes(element);
        await branches.begin();
      },
      'main',
    );
    const stop = button('Stop', async () => stopAll());
    const compare = button('Compare', async () => {
      checkBoxes(element);
      const who = modelNow(session);
      const prompt = lab.engine.call('tokenize', request());
      const shown = comparison.begin(lab.engine, request(), session.model!.tokens);
      const written = Promise.all(shown.map(({ stream, work }) => during(stream, work)));
      const left = leftOut((await prompt).unknown);
      tell(`${who} is writing three texts${left}.`);
      await written;
      tell(`${who} wrote three texts${left}.`);
    });

    const legend = make('p', { className: 'legend levels', hidden: true });
    const colour = () => {
      const by = choiceOf(address, colourChoice) as keyof typeof levels;
      element.dataset['by'] = by;
      const limits = levels[by].map((limit) =>
        by === 'entropy' ? String(limit) : `${Math.round(100 * limit)}%`,
      );
      legend.replaceChildren(
        by === 'entropy' ? 'Entropy in nats:' : 'Probability:',
        ...[`below ${limits[0]}`, ...limits.map((limit) => `from ${limit}`)].map((text, n) =>
          make('span', { className: `level${n}` }, text),
        ),
      );
    };
    const prompt = make('textarea', {
      ...{ rows: 2, name: 'prompt', value: promptOf(address) },
      on: { input: () => address.set({ prompt: prompt.value }) },
    });
    const controls = make(
      'div',
      { className: 'controls' },
      make('label', {}, 'Prompt', prompt),
      make('div', { className: 'two' }, numberBox(address, seedSetting), numberBox(address, lengthSetting)),
      make('div', { className: 'buttons' }, start, stop, compare),
      choice(address, colourChoice, colour),
      make(
        'details',
        {},
        make('summary', {}, 'Temperature, cuts and penalties'),
        make('div', { className: 'controls' }, ...samplerSliders(address)),
      ),
    );
    const { alternatives } = branches;
    const results = [problem, status, legend, branches.element, alternatives.element, comparison.element];
    element.classList.add('writing');
    element.append(make('div', { className: 'bench' }, controls, make('div', {}, ...results)));
    colour();
    refresh();
    const forget = session.onChange(refresh);
    return () => {
      forget();
      stopAll();
    };
  },
};
