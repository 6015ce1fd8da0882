/** Inside: what goes on in the model while it reads a text, and how that changes while it is trained. */
import { counted } from '../../train/metrics.ts';
import { type NumberSetting, numberOf, slider } from '../controls.ts';
import { inTurn, make } from '../dom.ts';
import type { Attention, Embeddings, Lens, ModelInfo } from '../engine/protocol.ts';
import { attentionPart, attentionStyle, type Picked } from '../inside/attention.ts';
import { embeddingsPart, embeddingsStyle } from '../inside/embeddings.ts';
import { headsOf, headsPart, headsStyle, setsOf, textOfHeads } from '../inside/heads.ts';
import { lensPart, lensStyle } from '../inside/lens.ts';
import { signs } from '../inside/letters.ts';
import { shadeStyle } from '../inside/shades.ts';
import { sizesPart } from '../inside/sizes.ts';
import type { View } from '../lab.ts';
import { paced } from '../paced.ts';
import { seen } from '../token-text.ts';
import { leftOut, modelNow, noModel } from '../wording.ts';

/** Tokens. With more, no picture would be readable, and none drawn in time. */
const most = 64;
/** Tokens in the map. */
const mostSigns = 160;
/** Words that come twice, so that there is something to look back at. */
export const sample = 'The cat saw a bird. The bird saw the c';

/** What the engine has told of a text. */
interface Seen {
  readonly attention: Attention;
  readonly lens: Lens;
  readonly embeddings: Embeddings;
}

export const inside: View = {
  id: 'inside',
  title: 'Inside',
  instruction:
    'Choose a head and a token and see where it looks, then switch heads off and see what they were worth.',
  source: 'src/lab/engine/inside.ts',
  style: `${shadeStyle}${attentionStyle}${lensStyle}${headsStyle}${embeddingsStyle}
.inside .bench section:first-child h2{margin-top:0;padding-top:0;border-top:0}
@media (min-width:52rem){.inside .bench>.controls{position:sticky;top:1rem}}`,
  mount(element, { address, session, engine }) {
    element.classList.add('inside');
    let model: ModelInfo | undefined;
    let names: readonly string[] = [];
    let mapped: readonly number[] = [];
    let told: Seen | undefined;
    let losses: readonly number[] = [];
    let scored: number | undefined;
    let [records, laid] = [-1, ''];
    let cancel = () => {};
    const text = () => address.text('text', sample);

    const settings = (): readonly (NumberSetting & { readonly name: keyof Picked })[] => {
      const { layers = 1, heads = 1 } = model?.config ?? {};
      const last = (told?.attention.ids.length ?? 1) - 1;
      return [
        { name: 'layer', label: 'Layer', from: 0, to: layers - 1, step: 1, otherwise: 0 },
        { name: 'head', label: 'Head', from: 0, to: heads - 1, step: 1, otherwise: 0 },
        { name: 'token', label: 'Token', from: 0, to: last, step: 1, otherwise: last },
      ];
    };
    const picked = () =>
      Object.fromEntries(settings().map((each) => [each.name, numberOf(address, each)])) as unknown as Picked;
    const near = () => {
      const given = address.number('near', names.indexOf('e'));
      return mapped.includes(given) ? given : mapped[0];
    };

    const note = make('p', { className: 'hint' });
    const problem = make('p', { className: 'problem', hidden: true, attributes: { role: 'alert' } });
    const sliders = make('div', { className: 'controls' });
    const limits = () => String(settings().map(({ to }) => to));
    /** Sliders with the limits of the model and the text; they stay while these do, as somebody may be moving one. */
    const lay = () => {
      laid = limits();
      sliders.replaceChildren(...settings().map((setting) => slider(address, setting, pickedAnew)));
    };

    const attention = attentionPart((clicked) => {
      for (const { name, otherwise } of settings()) {
        const value = clicked[name];
        if (value !== undefined) address.set({ [name]: value === otherwise ? undefined : value });
      }
      lay();
      pickedAnew();
    });
    const lens = lensPart();
    const heads = headsPart((off) => {
      address.set({ off: off.length === 0 ? undefined : textOfHeads(off) });
      weighAnew();
    });
    const embeddings = embeddingsPart((id) => {
      address.set({ near: id });
      due(drawMap);
    });
    const sizes = sizesPart(session);
    const results = make('div', {}, attention.element, lens.element, heads.element, embeddings.element);

    const drawNote = () => {
      results.hidden = told === undefined;
      if (told === undefined) {
        note.textContent = model === undefined ? noModel : 'Reading ...';
        return;
      }
      const { ids, unknown } = told.attention;
      note.textContent = `${modelNow(session)} reads ${counted(ids.length, 'token')}${leftOut(unknown)}.`;
      if (limits() !== laid) lay();
    };
    const nameOf = (id: number) => names[id] ?? '';
    const drawAttention = () => {
      if (told !== undefined)
        attention.draw(told.attention, Array.from(told.attention.ids, nameOf), picked());
    };
    const drawLens = () => {
      if (told !== undefined) lens.draw(told.lens, nameOf, picked().token);
    };
    const drawMap = () => {
      if (told !== undefined) embeddings.draw(told.embeddings, near());
    };
    const drawHeads = () => heads.draw(losses, scored);
    const due = inTurn();
    const pickedAnew = () => due(drawAttention, drawLens);

    const say = (error: unknown) => {
      problem.hidden = error === undefined;
      problem.textContent = error === undefined ? '' : (error as Error).message;
    };
    const looking = paced(async () => {
      if (model === undefined) return;
      const [asked, given] = [model, { text: text(), most }];
      try {
        const [attention, lens, embeddings] = await Promise.all([
          engine.call('attention', given),
          engine.call('lens', { ...given, best: 1 }),
          engine.call('embeddings', { ids: mapped }),
        ]);
        if (model !== asked) return; // it has been asked again
        told = { attention, lens, embeddings };
        say(undefined);
      } catch (error) {
        say(error);
      }
      due(drawNote, drawAttention, drawLens, drawMap);
    });
    const weighing = paced(async () => {
      if (model === undefined) return;
      const asked = model;
      const { layers, heads: each } = model.config;
      const off = setsOf(layers, each, headsOf(address.text('off'), layers, each));
      const stream = engine.stream('ablate', { text: text(), off, most });
      cancel = () => stream.cancel();
      try {
        const fresh: number[] = [];
        for await (const loss of stream) {
          if (model !== asked) return;
          fresh.push(loss);
          // At first, each as it comes; later all at once, so that those side by side are of one step.
          if (losses.length < off.length || fresh.length === off.length) losses = [...fresh];
          due(drawHeads);
        }
        scored = (await stream.end).scored;
      } catch (error) {
        if (model === asked) heads.say((error as Error).message);
      }
      due(drawHeads);
    });
    const weighAnew = () => {
      [losses, scored] = [[], undefined];
      cancel();
      weighing.now();
    };

    /** Asks again where there is another model, or it has learned something. */
    const changed = () => {
      if (session.model !== model) {
        model = session.model;
        [told, losses, scored] = [undefined, [], undefined];
        names = model?.tokens.map(seen) ?? [];
        mapped = signs(names, mostSigns);
        embeddings.lay(mapped, names, near());
        if (model !== undefined) {
          const { layers, heads: each } = model.config;
          heads.lay(layers, each, headsOf(address.text('off'), layers, each));
        }
        cancel();
        looking.now();
        weighing.now();
        due(drawNote);
      } else if (session.records !== records) {
        looking.again();
        weighing.again();
      }
      records = session.records;
      due(sizes.draw);
    };

    const box = make('textarea', {
      ...{ rows: 3, name: 'text', value: text() },
      on: {
        input: () => {
          address.set({ text: box.value === sample ? undefined : box.value });
          looking.now();
          weighAnew();
        },
      },
    });
    const legend = (label: string) => make('legend', {}, label);
    const controls = make(
      'div',
      { className: 'controls' },
      make('fieldset', {}, legend('Text'), make('label', {}, 'The model reads', box), note),
      make('fieldset', {}, legend('Look at'), sliders),
      problem,
    );
    element.append(make('div', { className: 'bench' }, controls, results), sizes.element);
    const scheme = matchMedia('(prefers-color-scheme: dark)');
    scheme.addEventListener('change', pickedAnew);
    lay();
    due(drawNote);
    changed();
    const leave = session.onChange(changed);
    return () => {
      leave();
      cancel();
      looking.stop();
      weighing.stop();
      scheme.removeEventListener('change', pickedAnew);
    };
  },
};
