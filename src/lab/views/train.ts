/** Train: a text, sizes, and a model that learns it while one watches. */
import { chartFigure } from '../../report/chart.ts';
import { lossChart } from '../../report/figures.ts';
import { readRun } from '../../report/run.ts';
import { briefly, counted } from '../../train/metrics.ts';
import { download, make, onceAFrame, show } from '../dom.ts';
import type { View } from '../lab.ts';
import { problemPlace } from '../problem.ts';
import type { Session } from '../session.ts';
import { tar } from '../tar.ts';
import { recipe } from '../training/recipe.ts';
import { runs } from '../training/runs.ts';

/** Milliseconds: a chart takes some, and one for each step would be all that the page does. */
const betweenCharts = 250;

export const train: View = {
  id: 'train',
  title: 'Train',
  instruction:
    'Choose a text and press Train; then see how the loss falls and what the model writes by then.',
  source: 'src/train/trainer.ts',
  mount(element, lab) {
    const { session } = lab;
    const { element: problem, say, act } = problemPlace();
    const chosen = recipe(lab, say);
    const there = runs(lab, chosen.text, act);

    const button = (label: string, action: () => Promise<void>, className = '') =>
      make('button', { type: 'button', className, on: { click: act(action) } }, label);
    const start = button(
      'Train',
      async () => {
        const request = await chosen.request();
        await session.train(request.init === undefined ? request.preset : session.name, request);
      },
      'main',
    );
    const pause = button('Pause', async () => session.pause());
    const goOn = button('Go on', () => session.goOn(), 'main');
    const keep = button('Keep', async () => {
      await session.keep();
      await there.show();
    });
    const save = button('Download', async () => {
      const { name } = session;
      const files = [...(await session.files())].map(([path, bytes]) => [`${name}/${path}`, bytes] as const);
      download(`${name}.tar`, tar(new Map(files)));
    });

    const status = make('p', { className: 'status', attributes: { role: 'status' } });
    const progress = make('progress', { attributes: { 'aria-label': 'Steps done' } });
    const chart = make('div');
    const written = samples(session);
    let [drawn, drawnAt] = ['', 0];
    const draw = () => {
      const { phase, name, model, step, steps, records, baselines } = session;
      start.disabled = phase === 'training' || phase === 'starting';
      pause.disabled = phase !== 'training';
      goOn.disabled = phase !== 'paused';
      keep.disabled = save.disabled = phase !== 'paused' && phase !== 'finished';
      if (session.problem !== undefined) say(new Error(session.problem));
      status.textContent = statusLine(session);
      progress.hidden = steps === undefined || phase === 'empty';
      progress.max = steps ?? 1;
      progress.value = Math.min(step, steps ?? 1);
      const now = [name, records, phase, baselines?.length, model?.name].join();
      const early = phase === 'training' && performance.now() - drawnAt < betweenCharts;
      if (step === 0) chart.replaceChildren();
      else if (now !== drawn && !early) {
        [drawn, drawnAt] = [now, performance.now()];
        show(chart, chartFigure(lossChart(readRun(session.data))));
      }
      written.draw();
    };
    const soon = onceAFrame(draw);

    element.addEventListener('dragover', (event) => {
      event.preventDefault();
      element.classList.add('drop');
    });
    element.addEventListener('dragleave', () => element.classList.remove('drop'));
    element.addEventListener('drop', (event) => {
      event.preventDefault();
      element.classList.remove('drop');
      const file = event.dataTransfer?.files[0];
      if (file !== undefined) act(() => chosen.take(file))();
    });
    const controls = make(
      'div',
      { className: 'controls' },
      ...chosen.fields,
      make('div', { className: 'buttons' }, start, pause, goOn),
      make('div', { className: 'buttons' }, keep, save),
      make('details', {}, make('summary', {}, 'Runs that are there'), there.element),
    );
    const results = make('div', {}, problem, status, progress, chart, written.element);
    element.append(make('div', { className: 'bench' }, controls, results));
    void there.show();
    soon();
    return session.onChange(soon);
  },
};

/** The samples, one at a time: the newest, until one goes back. */
function samples(session: Session): { readonly element: HTMLElement; draw(): void } {
  const text = make('pre');
  const step = make('output');
  let newest = true;
  const draw = () => {
    const last = session.samples.length - 1;
    element.hidden = last < 0;
    if (last < 0) return;
    scrub.max = String(last);
    if (newest) scrub.value = String(last);
    const sample = session.samples[Math.min(scrub.valueAsNumber, last)]!;
    step.textContent = `step ${sample.step}`;
    text.textContent = sample.text;
  };
  const scrub = make('input', {
    type: 'range',
    name: 'sample',
    attributes: { min: '0', step: '1' },
    on: {
      input: () => {
        newest = scrub.valueAsNumber === session.samples.length - 1;
        draw();
      },
    },
  });
  const label = make('label', { className: 'slider' }, 'Back through the evaluations', scrub, step);
  const element = make('div', { hidden: true }, make('h2', {}, 'What it wrote'), label, text);
  return { element, draw };
}

function statusLine(session: Session): string {
  const { phase, name, model, step, steps, secondsLeft, tokensPerSecond } = session;
  if (phase === 'empty') return 'Nothing is trained yet.';
  if (phase === 'starting') return 'Reading the text ...';
  const size = model === undefined ? '' : `, ${counted(model.parameters, 'parameter')}`;
  const done = steps === undefined ? `step ${step}` : `step ${step} of ${steps}`;
  const speed =
    tokensPerSecond === null
      ? ''
      : `, ${Math.round(tokensPerSecond).toLocaleString('en-US')} tokens a second`;
  const left = secondsLeft === null || Number.isNaN(secondsLeft) ? '' : `, ${briefly(secondsLeft)} left`;
  const lines = {
    training: `${name}${size}: ${done}${speed}${left}`,
    paused: `${name}${size}: paused after ${done}`,
    finished: `${name}${size}: finished, ${done}`,
    opened: `${name}${size}, opened`,
    watched: `${name}, as the command trains it: ${done}${speed}${left}`,
  };
  return lines[phase];
}
