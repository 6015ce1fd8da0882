/** Train: a text, sizes, and a model that learns it while one watches. */
import { chartFigure } from '../../report/chart.ts';
import { lossChart } from '../../report/figures.ts';
import { readRun } from '../../report/run.ts';
import { briefly, counted } from '../../train/metrics.ts';
import { defaultPreset, type PresetName, presetNames, presets } from '../../train/presets.ts';
import { choice, numberBox } from '../controls.ts';
import { download, filesOf, make, onceAFrame, show, textOf } from '../dom.ts';
import type { Files } from '../engine/protocol.ts';
import type { Lab, View } from '../lab.ts';
import { forgetRun, keepRun, keptRun, keptRuns } from '../store.ts';
import { tar } from '../tar.ts';

/** In the address, and what they are of a preset. */
const sizeBoxes = [
  { name: 'layers', label: 'Layers', least: 1, most: 48, of: 'model', field: 'layers' },
  { name: 'channels', label: 'Channels', least: 2, most: 4096, of: 'model', field: 'channels' },
  { name: 'heads', label: 'Heads', least: 1, most: 64, of: 'model', field: 'heads' },
  { name: 'context', label: 'Context', least: 2, most: 4096, of: 'model', field: 'contextLength' },
  { name: 'batch', label: 'Batch', least: 1, most: 4096, of: 'train', field: 'batchSize' },
  { name: 'steps', label: 'Steps', least: 1, most: 1e7, of: 'train', field: 'steps' },
] as const;
/** Milliseconds. */
const betweenCharts = 250;
const own = 'a text of your own';

export const train: View = {
  id: 'train',
  title: 'Train',
  instruction:
    'Choose a text and press Train; then see how the loss falls and what the model writes by then.',
  source: 'src/train/trainer.ts',
  mount(element, lab) {
    const { address, session } = lab;
    const presetName = (): PresetName => {
      const name = address.text('preset', defaultPreset);
      return presetNames.find((each) => each === name) ?? defaultPreset;
    };
    const problem = make('p', { className: 'problem', hidden: true, attributes: { role: 'alert' } });
    const say = (error: unknown) => {
      problem.hidden = error === undefined;
      problem.textContent = error === undefined ? '' : (error as Error).message;
    };
    /** Runs what a button does, and says what went wrong. */
    const act = (action: () => Promise<void>) => () => {
      say(undefined);
      action().catch(say);
    };

    // The text.
    const pasted = make('textarea', {
      rows: 5,
      name: 'text',
      placeholder: 'Paste a text, or drop a file here',
    });
    const file = make('input', { type: 'file', name: 'file' });
    const ownText = make(
      'div',
      { className: 'controls' },
      make('label', {}, 'Text', pasted),
      make('label', {}, 'or a file', file),
    );
    const take = act(async () => {
      const chosen = file.files?.[0];
      if (chosen !== undefined) pasted.value = await textOf(chosen);
    });
    file.addEventListener('change', take);
    const textChoice = choice(
      address,
      {
        name: 'data',
        label: 'Text',
        choices: Object.fromEntries([...lab.texts, own].map((name) => [name, name])),
        otherwise: lab.texts[0] ?? own,
      },
      () => drawOwn(),
    );
    const dataName = () => address.text('data', lab.texts[0] ?? own);
    const drawOwn = () => {
      ownText.hidden = dataName() !== own;
    };
    const text = async (): Promise<string> => {
      if (dataName() !== own) return lab.text(dataName());
      if (pasted.value === '') throw new Error('there is no text yet: paste one, drop a file, or choose one');
      return pasted.value;
    };
    element.addEventListener('dragover', (event) => {
      event.preventDefault();
      element.classList.add('drop');
    });
    element.addEventListener('dragleave', () => element.classList.remove('drop'));
    element.addEventListener('drop', (event) => {
      event.preventDefault();
      element.classList.remove('drop');
      const dropped = event.dataTransfer?.files[0];
      if (dropped === undefined) return;
      act(async () => {
        pasted.value = await textOf(dropped);
        address.set({ data: own });
        textChoice.querySelector('select')!.value = own;
        drawOwn();
      })();
    });

    // Preset and sizes.
    const boxes = make('div', { className: 'two' });
    const drawBoxes = () => {
      const preset = presets[presetName()];
      boxes.replaceChildren(
        ...sizeBoxes.map(({ of, field, ...box }) => {
          const otherwise = (preset[of] as Readonly<Record<string, unknown>>)[field] as number;
          return numberBox(address, { ...box, otherwise }, () => {});
        }),
        numberBox(address, { name: 'seed', label: 'Seed', least: 0, otherwise: 1 }, () => {}),
      );
    };
    const presetChoice = choice(
      address,
      {
        name: 'preset',
        label: 'Preset',
        choices: Object.fromEntries(presetNames.map((name) => [name, name])),
        otherwise: defaultPreset,
      },
      () => {
        address.set(Object.fromEntries(sizeBoxes.map(({ name }) => [name, undefined])));
        drawBoxes();
      },
    );
    const set = (name: string): number | undefined => {
      const value = address.number(name, Number.NaN);
      return Number.isNaN(value) ? undefined : value;
    };

    // What one can do.
    const begin = act(async () => {
      const preset = presetName();
      const [layers, channels, heads, contextLength] = ['layers', 'channels', 'heads', 'context'].map(set);
      const [batchSize, steps] = ['batch', 'steps'].map(set);
      const name = dataName();
      await session.train(preset, {
        text: await text(),
        data: name === own ? 'text.txt' : `data/${name}`,
        preset,
        sizes: { layers, channels, heads, contextLength },
        settings: {
          batchSize,
          steps,
          evalEvery: evaluations(preset, steps),
          seed: address.number('seed', 1),
        },
      });
    });
    const button = (label: string, click: () => void, main = false) =>
      make('button', { type: 'button', className: main ? 'main' : '', on: { click } }, label);
    const [start, pause, goOn] = [
      button('Train', begin, true),
      button('Pause', () => session.pause()),
      button(
        'Go on',
        act(() => session.goOn()),
        true,
      ),
    ];
    const [keep, save] = [
      button(
        'Keep',
        act(async () => {
          await keepRun(session.name, await session.files());
          await drawRuns();
        }),
      ),
      button(
        'Download',
        act(async () => {
          const files = [...(await session.files())].map(
            ([path, bytes]) => [`${session.name}/${path}`, bytes] as const,
          );
          download(`${session.name}.tar`, tar(new Map(files)));
        }),
      ),
    ];
    const folder = make('input', {
      type: 'file',
      multiple: true,
      attributes: { webkitdirectory: '', 'aria-label': 'Open a run folder' },
    });
    folder.addEventListener(
      'change',
      act(async () => {
        const chosen = [...(folder.files ?? [])];
        const name = chosen[0]?.webkitRelativePath.split('/')[0] || 'folder';
        await session.open(name, await filesOf(chosen));
      }),
    );

    // Runs that are there already.
    const runs = make('div', { className: 'controls' });
    const drawRuns = async () => {
      const line = (name: string, ...buttons: HTMLButtonElement[]) =>
        make(
          'div',
          {},
          make('p', { className: 'status' }, name),
          make('div', { className: 'buttons' }, ...buttons),
        );
      const opening = (name: string, files: () => Promise<Files>) => [
        button(
          'Open',
          act(async () => session.open(name, await files())),
        ),
        button(
          'Take up',
          act(async () => session.reopen(name, await files(), await text())),
        ),
      ];
      runs.replaceChildren(
        ...lab.runs.map((name) =>
          line(
            name,
            ...opening(name, () => lab.run(name)),
            button(
              'Watch',
              act(() => session.watch(name)),
            ),
          ),
        ),
        ...(await keptRuns()).map((name) =>
          line(
            `${name}, kept by this browser`,
            ...opening(name, () => keptRun(name)),
            button(
              'Forget',
              act(async () => {
                await forgetRun(name);
                await drawRuns();
              }),
            ),
          ),
        ),
        make('label', {}, 'Open a run folder', folder),
      );
    };

    // What is seen.
    const status = make('p', { className: 'status', attributes: { role: 'status' } });
    const progress = make('progress', { attributes: { 'aria-label': 'Steps done' } });
    const chart = make('div');
    const samples = make('div', { hidden: true });
    const sampleText = make('pre');
    const sampleStep = make('output');
    const scrub = make('input', { type: 'range', name: 'sample', attributes: { min: '0', step: '1' } });
    let followed = true;
    scrub.addEventListener('input', () => {
      followed = scrub.valueAsNumber === session.samples.length - 1;
      drawSample();
    });
    samples.append(
      make('h2', {}, 'What it wrote'),
      make('label', { className: 'slider' }, 'Back through the evaluations', scrub, sampleStep),
      sampleText,
    );
    const drawSample = () => {
      const last = session.samples.length - 1;
      samples.hidden = last < 0;
      if (last < 0) return;
      scrub.max = String(last);
      if (followed) scrub.value = String(last);
      const sample = session.samples[Math.min(scrub.valueAsNumber, last)]!;
      sampleStep.textContent = `step ${sample.step}`;
      sampleText.textContent = sample.text;
    };
    let [drawn, drawnAt] = ['', 0];
    const draw = () => {
      const { phase, model, step, steps, records, baselines } = session;
      const busy = phase === 'training' || phase === 'starting';
      start.disabled = busy;
      pause.disabled = phase !== 'training';
      goOn.disabled = phase !== 'paused';
      keep.disabled = save.disabled = phase !== 'paused' && phase !== 'finished';
      if (session.problem !== undefined) say(new Error(session.problem));
      status.textContent = statusLine(lab);
      progress.hidden = steps === undefined || phase === 'empty';
      progress.max = steps ?? 1;
      progress.value = Math.min(step, steps ?? 1);
      // A chart takes milliseconds: one for each record would be all that the page does.
      const now = `${session.name} ${records} ${phase} ${baselines?.length} ${model?.name}`;
      const early = phase === 'training' && performance.now() - drawnAt < betweenCharts;
      if (now !== drawn && step > 0 && !early) {
        [drawn, drawnAt] = [now, performance.now()];
        show(chart, chartFigure(lossChart(readRun(session.data))));
      }
      if (step === 0) chart.replaceChildren();
      drawSample();
    };
    const soon = onceAFrame(draw);

    drawOwn();
    drawBoxes();
    void drawRuns();
    element.append(
      make(
        'div',
        { className: 'bench' },
        make(
          'div',
          { className: 'controls' },
          make('fieldset', {}, make('legend', {}, 'Learn from'), textChoice, ownText),
          make('fieldset', {}, make('legend', {}, 'The model'), presetChoice, boxes),
          make('div', { className: 'buttons' }, start, pause, goOn),
          make('div', { className: 'buttons' }, keep, save),
          make('details', {}, make('summary', {}, 'Runs that are there'), runs),
        ),
        make('div', {}, problem, status, progress, chart, samples),
      ),
    );
    soon();
    return session.onChange(soon);
  },
};

/** The preset's cadence, or six looks at a run of another length. */
function evaluations(preset: PresetName, steps: number | undefined): number {
  const { evalEvery } = presets[preset].train;
  return steps === undefined ? evalEvery : Math.min(evalEvery, Math.max(1, Math.round(steps / 6)));
}

function statusLine({ session }: Lab): string {
  const { phase, name, model, step, steps, secondsLeft, tokensPerSecond } = session;
  if (phase === 'empty') return 'Nothing is trained yet.';
  if (phase === 'starting' && model === undefined) return 'Reading the text ...';
  const size = model === undefined ? '' : `, ${counted(model.parameters, 'parameter')}`;
  const done = steps === undefined ? `step ${step}` : `step ${step} of ${steps}`;
  const speed =
    tokensPerSecond === null
      ? ''
      : `, ${Math.round(tokensPerSecond).toLocaleString('en-US')} tokens a second`;
  const left = secondsLeft === null ? '' : `, ${briefly(secondsLeft)} left`;
  const phases = {
    starting: `${name}${size}`,
    training: `${name}${size}: ${done}${speed}${left}`,
    paused: `${name}${size}: paused after ${done}`,
    finished: `${name}${size}: finished, ${done}`,
    opened: `${name}${size}, opened`,
    watched: `${name}, as the command trains it: ${done}${speed}${left}`,
  };
  return phases[phase];
}
