/** Who writes the two texts: the fields to choose it, and what they make of the model at hand. */
import { beginningOf, modelLabel, realText, tokensFor, type Writer } from '../../evaluate/judge.ts';
import type { Side } from '../../evaluate/verdicts.ts';
import type { Files } from '../../library/run-files.ts';
import { defaultSampling } from '../../sample/settings.ts';
import { type Choice, choice, choiceOf, type NumberSetting, numberOf, slider } from '../controls.ts';
import { make } from '../dom.ts';
import { Engine } from '../engine/client.ts';
import type { ModelInfo } from '../engine/protocol.ts';
import type { Lab } from '../lab.ts';
import { keptRun, keptRuns } from '../store.ts';
import { noModel } from '../wording.ts';

export interface Sides {
  readonly fields: HTMLElement;
  /** Rejects, with a sentence, where there is no model to judge. @param length characters that are shown */
  open(length: number): Promise<Readonly<Record<Side, Writer>>>;
  /** Ends the engine of another run. */
  close(): void;
}

const byServer = 'run ';
const byBrowser = 'kept ';
/** Another than A's, where only the settings differ. */
const otherTemperature = 1.2;

/** @param changed is called when another comparison is chosen */
export function sides(lab: Lab, changed: () => void): Sides {
  const { address, session, machine } = lab;
  let kept: readonly string[] = [];
  let other: Engine | undefined;

  const against = (): Choice => ({
    name: 'against',
    label: 'against B',
    choices: {
      real: 'real text',
      settings: 'this model with other settings',
      ...Object.fromEntries(lab.runs.map((name) => [byServer + name, `the run ${name}`])),
      ...Object.fromEntries(kept.map((name) => [byBrowser + name, `${name}, kept by this browser`])),
    },
    otherwise: 'real',
  });
  const temperature = (side: Side): NumberSetting => ({
    ...{ name: `t${side}`, label: 'Temperature', from: 0, to: 2, step: 0.05 },
    otherwise:
      side === 'b' && choiceOf(address, against()) === 'settings'
        ? otherTemperature
        : defaultSampling.temperature,
  });
  const topP = (side: Side): NumberSetting => ({
    ...{ name: `p${side}`, label: 'Top-p', from: 0, to: 1, step: 0.01 },
    otherwise: defaultSampling.topP,
  });
  const sliders = (side: Side) => [temperature, topP].map((of) => slider(address, of(side), changed));
  const ofB = make('div', { className: 'controls' });
  const show = () => {
    const select = choice(address, against(), () => {
      show();
      changed();
    });
    ofB.replaceChildren(select, ...(choiceOf(address, against()) === 'real' ? [] : sliders('b')));
  };
  show();
  keptRuns().then((names) => {
    kept = names;
    if (names.length > 0) show();
  });

  const writer = (engine: Engine, { name, step }: ModelInfo, side: Side, length: number): Writer => {
    const { maxNewTokens, minNewTokens } = tokensFor(length);
    const settings = {
      temperature: numberOf(address, temperature(side)),
      topP: numberOf(address, topP(side)),
      ...{ topK: 0, minP: 0 },
    };
    return {
      label: modelLabel(step === undefined ? name : `${name} step ${step}`, settings),
      write: ({ prompt }, seed) => {
        const drawn = { ...settings, minNewTokens };
        const given = { text: prompt, settings: drawn, seed, maxNewTokens, alternatives: 0 };
        return beginningOf(engine.stream('generate', given), length);
      },
    };
  };

  const close = () => {
    other?.close();
    other = undefined;
  };
  const open = async (length: number) => {
    const { phase } = session;
    if (phase === 'training' || phase === 'starting') {
      throw new Error('the model is being trained, and changes: pause it first');
    }
    const model = await lab.engine.call('model', {});
    if (model === undefined) throw new Error(noModel);
    const a = writer(lab.engine, model, 'a', length);
    const name = choiceOf(address, against());
    close();
    const opened = async (run: string, files: Files) => {
      other = new Engine();
      await other.call('open', {
        threads: machine.threads,
        math: address.text('math') === 'portable' ? 'portable' : 'auto',
      });
      return writer(other, await other.call('load', { files, name: run }), 'b', length);
    };
    const run = name.slice(name.indexOf(' ') + 1);
    const b =
      name === 'real'
        ? realText
        : name === 'settings'
          ? writer(lab.engine, model, 'b', length)
          : await opened(run, await (name.startsWith(byServer) ? lab.run(run) : keptRun(run)));
    if (a.label === b.label) throw new Error(`A and B are both ${a.label}: let them differ`);
    return { a, b };
  };
  const legend = make('legend', {}, 'Judge');
  return { fields: make('fieldset', {}, legend, 'A: this model', ...sliders('a'), ofB), open, close };
}
