/** One product: a matrix product of the model, number by number, forward and backward; then softmax and cross-entropy. */
import { inTurn, make, show } from '../dom.ts';
import type { Product } from '../engine/product-protocol.ts';
import type { View } from '../lab.ts';
import { paced } from '../paced.ts';
import { problemPlace } from '../problem.ts';
import { chainPart } from '../product/chain.ts';
import { placeControls, placeOf } from '../product/place.ts';
import { softmaxTable } from '../product/softmax.ts';
import { productStyle } from '../product/style.ts';
import { arithmetics, equality, measuredAs, wordsOf } from '../product/words.ts';
import { seen } from '../token-text.ts';
import { leftOut, modelNow, noModel } from '../wording.ts';

/** Milliseconds before gradients are measured: it takes a while, and somebody may be moving a slider. */
const beforeMeasuring = 300;

export const product: View = {
  id: 'product',
  title: 'One product',
  instruction:
    'Choose a matrix, a token and an output, and step through the sums: one number of the model, and its gradients.',
  source: 'src/tensor/reference/matmul.ts',
  style: productStyle,
  mount(element, { address, session, engine, machine }) {
    element.classList.add('product');
    let model = session.model;
    let [records, names] = [session.records, [] as readonly string[]];
    let found: Product | undefined;
    let timer: ReturnType<typeof setTimeout> | undefined;

    const { element: problem, say } = problemPlace();
    const note = make('p', { className: 'hint', attributes: { role: 'status' } });
    const read = make('p', { className: 'read' });
    const controls = placeControls(address, () => looking.now());
    const part = (name: string) => {
      const chain = chainPart(address, name);
      const [title, equal, measured] = [make('h3'), make('p'), make('p')];
      [equal.className, measured.className] = ['equal', 'measured'];
      return { title, chain, equal, measured, elements: [title, chain.element, equal, measured] };
    };
    const parts = { y: part('step-y'), dx: part('step-dx'), dw: part('step-dw') };
    const hints = { forward: make('p', { className: 'hint' }), backward: make('p', { className: 'hint' }) };
    const softmax = { title: make('h2'), table: make('div') };
    const results = make(
      'div',
      {},
      ...[make('h2', {}, 'Forward: y = x w'), hints.forward, ...parts.y.elements],
      ...[make('h2', {}, 'Backward: dx = dy wᵀ and dw = xᵀ dy'), hints.backward],
      ...[...parts.dx.elements, ...parts.dw.elements, softmax.title, softmax.table],
    );
    const legend = make('legend', {}, 'A number of the model');
    const fields = make('fieldset', {}, legend, ...controls.elements);
    element.append(
      problem,
      make(
        'div',
        { className: 'bench' },
        make('div', { className: 'controls' }, fields, read, note),
        results,
      ),
    );

    const drawWords = () => {
      results.hidden = read.hidden = found === undefined;
      note.textContent = model === undefined ? noModel : '';
      if (found === undefined || model === undefined) return;
      const words = wordsOf(found, names);
      controls.lay(found, model.config.layers);
      note.textContent = `${modelNow(session)} reads ${found.ids.length - 1} tokens and is to foretell the one after each: after the marked one, the underlined${leftOut(found.unknown)}. ${arithmetics[machine.arithmetic] ?? ''}`;
      show(read, words.read);
      hints.forward.textContent = words.forward;
      hints.backward.textContent = words.backward;
      softmax.title.textContent = words.softmax;
    };
    const drawers = (['y', 'dx', 'dw'] as const).map((name) => () => {
      if (found === undefined) return;
      const { titles, chains } = wordsOf(found, names);
      const { title, chain, equal } = parts[name];
      title.textContent = titles[name];
      show(equal, equality(found[name], name));
      chain.draw(found[name], chains[name], machine.arithmetic === 'simd portable');
    });
    const drawSoftmax = () => {
      if (found !== undefined) show(softmax.table, softmaxTable(found, names));
    };
    const due = inTurn();

    const looking = paced(async () => {
      clearTimeout(timer);
      if (model === undefined) return due(drawWords);
      const asked = model;
      try {
        const told = await engine.call('product', placeOf(address));
        if (model !== asked) return; // it has been asked again
        found = told;
        say(undefined);
      } catch (error) {
        found = undefined;
        say(error);
      }
      due(drawWords, ...drawers, drawSoftmax);
      const resting = session.phase !== 'training';
      for (const { measured } of [parts.dx, parts.dw])
        measured.textContent = resting
          ? 'Measuring the same gradient ...'
          : 'It is measured as well once the training rests.';
      if (resting && found !== undefined) timer = setTimeout(() => void measure(), beforeMeasuring);
    });
    const measure = async () => {
      if (found === undefined || model === undefined) return;
      const [asked, { config }] = [found, model];
      const { matrix, layer, row, column, input } = found;
      try {
        const place = { ...placeOf(address), matrix, layer, row, column, input };
        const { step, dx, dw } = await engine.call('differences', place);
        if (found !== asked || dw.gradient !== found.dw.result) return; // it has been asked again, or it has learned
        show(parts.dx.measured, measuredAs(dx, step));
        show(parts.dw.measured, measuredAs(dw, step));
        if (matrix === 'head' && (config.arch === 'gpt2' || config.tiedHead))
          parts.dw.measured.append(
            '. The embedding is the same matrix; its own gradient is added to this one.',
          );
      } catch (error) {
        say(error);
      }
    };

    /** Asks again where there is another model, or it has learned something, or has come to rest. */
    let phase = session.phase;
    const changed = () => {
      if (session.model !== model) {
        model = session.model;
        found = undefined;
        looking.now();
      } else if (session.records !== records || session.phase !== phase) looking.again();
      names = model?.tokens.map(seen) ?? [];
      [records, phase] = [session.records, session.phase];
    };
    const leave = session.onChange(changed);
    changed();
    looking.now();
    drawWords();
    return () => {
      leave();
      looking.stop();
      clearTimeout(timer);
      for (const { chain } of Object.values(parts)) chain.stop();
    };
  },
};
