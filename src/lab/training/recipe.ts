/** What is trained: the fields for a text, a preset and sizes, and the request that they make. */

import { defaultVocabSize } from '../../train/choices.ts';
import { defaultPreset, type Preset, type PresetName, presetNames, presets } from '../../train/presets.ts';
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
import { make, textOf } from '../dom.ts';
import type { LabTrainRequest } from '../engine/protocol.ts';
import type { Lab } from '../lab.ts';

export interface Recipe {
  /** Two groups of fields. */
  readonly fields: readonly HTMLElement[];
  /** The text that is chosen; rejects where there is none. */
  text(): Promise<string>;
  /** Rejects, with a sentence, where a field does not fit. */
  request(): Promise<LabTrainRequest>;
  /** Takes a file that was dropped as the text. */
  take(file: File): Promise<void>;
}

/** Which text is chosen where it is pasted or dropped. */
export const own = 'a text of your own';
const sizes = [
  { name: 'layers', label: 'Layers', from: 1, to: 48, field: 'layers' },
  { name: 'channels', label: 'Channels', from: 2, to: 4096, field: 'channels' },
  { name: 'heads', label: 'Heads', from: 1, to: 64, field: 'heads' },
  { name: 'context', label: 'Context', from: 2, to: 4096, field: 'contextLength' },
] as const;
const lengths = [
  { name: 'batch', label: 'Batch', from: 1, to: 4096, field: 'batchSize' },
  { name: 'steps', label: 'Steps', from: 1, to: 10_000_000, field: 'steps' },
] as const;
const vocabulary: NumberSetting = {
  ...{ name: 'vocabulary', label: 'Vocabulary', from: 256, to: 65_536, step: 1 },
  otherwise: defaultVocabSize,
};
/** A page learns one text. */
const ofOneText = presetNames.filter((name) => (presets[name] as Preset).documents === undefined);
const presetChoice: Choice = {
  name: 'preset',
  label: 'Preset',
  choices: Object.fromEntries(ofOneText.map((name) => [name, name])),
  otherwise: defaultPreset,
};

const begins = { new: 'new weights', model: 'the model at hand' };

/** @param say takes what goes wrong with a file that was chosen */
export function recipe(
  { address, session, home, texts, text: fetchText }: Lab,
  say: (error: unknown) => void,
): Recipe {
  const pasted = make('textarea', {
    rows: 5,
    name: 'text',
    placeholder: 'Paste a text, or drop a file here',
    value: session.ownText,
    on: {
      input: () => {
        session.ownText = pasted.value;
      },
    },
  });
  const file = make('input', {
    type: 'file',
    name: 'file',
    on: {
      change: () => {
        const chosen = file.files?.[0];
        if (chosen !== undefined) take(chosen).catch(say);
      },
    },
  });
  const ownText = make(
    'div',
    { className: 'controls' },
    make('label', {}, 'Your text', pasted),
    make('label', {}, 'or a file', file),
  );
  const textChoice: Choice = {
    name: 'data',
    label: 'Text',
    choices: Object.fromEntries([...texts.map(({ name }) => name), own].map((name) => [name, name])),
    otherwise: texts[0]?.name ?? own,
  };
  const showOwn = () => {
    ownText.hidden = choiceOf(address, textChoice) !== own;
  };
  const textField = choice(address, textChoice, showOwn);
  const take = async (chosen: File) => {
    session.ownText = await textOf(chosen);
    pasted.value = session.ownText;
    address.set({ data: own });
    textField.querySelector('select')!.value = own;
    showOwn();
  };
  const text = async (): Promise<string> => {
    const name = choiceOf(address, textChoice);
    if (name !== own) return fetchText(name);
    if (pasted.value === '') throw new Error('there is no text yet: paste one, drop a file, or choose one');
    return pasted.value;
  };

  const preset = (): PresetName => choiceOf(address, presetChoice) as PresetName;
  const settings = (): readonly (NumberSetting & { readonly field: string })[] => {
    const { model, train } = presets[preset()];
    return [
      ...sizes.map((size) => ({ ...size, step: 1, otherwise: model[size.field] })),
      ...lengths.map((length) => ({ ...length, step: 1, otherwise: train[length.field] })),
    ];
  };
  const beginChoice: Choice = {
    ...{ name: 'begin', label: 'Begin with', choices: begins },
    otherwise: home === 'file' ? 'model' : 'new',
  };
  const goesOn = () => choiceOf(address, beginChoice) === 'model';
  const tokenizerChoice = (): Choice => {
    const { tokenizer = 'char' }: Preset = presets[preset()];
    const choices = { char: 'Characters', bpe: 'Pieces of words (BPE)' };
    return { name: 'tokenizer', label: 'Tokens', choices, otherwise: tokenizer };
  };
  const tokenizer = () => choiceOf(address, tokenizerChoice()) as 'char' | 'bpe';
  const boxes = make('div', { className: 'two' });
  const tokenizerField = make('div');
  /** A model that is there has its sizes and its tokenizer. */
  const showBoxes = () => {
    tokenizerField.hidden = goesOn();
    const shown = settings().filter(({ name }) => !goesOn() || !sizes.some((size) => size.name === name));
    const numbers = [...shown, ...(!goesOn() && tokenizer() === 'bpe' ? [vocabulary] : []), seedSetting];
    boxes.replaceChildren(...numbers.map((setting) => numberBox(address, setting)));
  };
  const showFields = () => {
    tokenizerField.replaceChildren(choice(address, tokenizerChoice(), showBoxes));
    showBoxes();
  };
  const beginField = choice(address, beginChoice, showBoxes);
  const presetField = choice(address, presetChoice, () => {
    const ofPreset = [...sizes, ...lengths, tokenizerChoice()];
    address.set(Object.fromEntries(ofPreset.map(({ name }) => [name, undefined])));
    showFields();
  });

  showOwn();
  showFields();
  return {
    fields: [
      make('fieldset', {}, make('legend', {}, 'Learn from'), textField, ownText),
      make('fieldset', {}, make('legend', {}, 'The model'), beginField, presetField, tokenizerField, boxes),
    ],
    text,
    take,
    async request() {
      checkBoxes(boxes);
      // What is as in the preset is left to it: some settings follow from others that are chosen.
      const chosen = Object.fromEntries(
        settings().flatMap((setting) => {
          const value = numberOf(address, setting);
          return value === setting.otherwise ? [] : [[setting.field, value] as const];
        }),
      ) as { readonly [field: string]: number | undefined };
      const { layers, channels, heads, contextLength, batchSize, steps } = chosen;
      if (goesOn() && session.model === undefined) {
        throw new Error('there is no model at hand yet: train one with new weights, or open a run');
      }
      const name = choiceOf(address, textChoice);
      return {
        text: await text(),
        data: texts.find((each) => each.name === name)?.path ?? 'text.txt',
        preset: preset(),
        init: goesOn() ? 'looked' : undefined,
        tokenizer: goesOn() ? undefined : tokenizer(),
        vocabSize: numberOf(address, vocabulary),
        sizes: { layers, channels, heads, contextLength },
        settings: {
          ...{ batchSize, steps, evalEvery: evaluations(preset(), steps) },
          seed: numberOf(address, seedSetting),
        },
      };
    },
  };
}

/** The preset's cadence, or six looks at a run of another length. */
function evaluations(preset: PresetName, steps: number | undefined): number {
  const { evalEvery } = presets[preset].train;
  return steps === undefined ? evalEvery : Math.min(evalEvery, Math.max(1, Math.round(steps / 6)));
}
