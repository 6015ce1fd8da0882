/** Lessons 4 to 7, which train small models: what is learned first, overfitting, spikes, and how the loss falls with size. */
import { lineThrough } from '../evaluate/line.ts';
import { ngramBaselines } from '../evaluate/ngram.ts';
import { decimals, percent } from '../evaluate/table.ts';
import { CharTokenizer } from '../model/text/tokenizer.ts';
import { exp, log } from '../tensor/math.ts';
import { encodeSplit, type Split } from '../train/dataset.ts';
import { oneText } from '../train/documents.ts';
import { learningRateAt } from '../train/schedule.ts';
import { score } from '../train/score.ts';
import { train } from '../train/train.ts';
import { spreadWindows } from '../train/windows.ts';
import { type Bench, type Run, trainerOf, untrained } from './lesson.ts';

/** The shipped stories as characters. */
function stories({ text }: Bench): { readonly tokenizer: CharTokenizer; readonly split: Split<Int32Array> } {
  const tokenizer = CharTokenizer.train(text);
  return { tokenizer, split: encodeSplit(oneText(text), tokenizer) };
}

const whole = (n: number) => n.toLocaleString('en-US');

const small = { layers: 2, channels: 64, heads: 4, contextLength: 64 } as const;

/** What kind of place a character stands at. */
const kinds = {
  'spaces and marks': /[^A-Za-z]$/,
  'later letters of a word': /[A-Za-z][a-z]$/,
  'first letter of a word': /[^A-Za-z][a-z]$/,
  'first letter of a name': /[a-z,] [A-Z]$/,
} as const;

export const learnedFirst: Run = (bench) => {
  const { tokenizer, split } = stories(bench);
  const { train: training, validation } = split;
  bench.say('counting n-grams');
  const bars = ngramBaselines(training, validation, { V: tokenizer.vocabSize, maxOrder: 5 });
  const [steps, looks] = [800, [10, 25, 50, 100, 200, 400, 800]];
  const trainer = trainerOf(bench, split, tokenizer, small, { steps, batchSize: 16 });
  const { config, arena } = trainer.model;
  const T = config.contextLength;
  const text = validation.subarray(0, 16_385);
  const characters = tokenizer.decode(text);
  const kindOf = Array.from(text, (_, i) => {
    const end = characters.slice(Math.max(0, i - 2), i + 1);
    return Object.values(kinds).findIndex((kind) => kind.test(end));
  });
  // A second model has the weights of each look, so that training is not disturbed.
  const look = untrained(config, { kernels: bench.kernels, batch: 8 });
  const rows: { step: number; nats: number; byKind: readonly number[] }[] = [];
  for (const event of train(trainer, { steps })) {
    if (event.kind !== 'step') continue;
    if (event.step % 50 === 0) bench.say(`step ${event.step} of ${steps}`);
    if (!looks.includes(event.step)) continue;
    look.model.arena.params.data.set(arena.params.data);
    const sums = Object.keys(kinds).map(() => ({ nats: 0, count: 0 }));
    const { nll } = score(look.model, look.buffers, text, spreadWindows(text.length, T, text.length), {
      visit: (nll, index) => {
        const sum = sums[kindOf[index]!];
        if (sum === undefined) return;
        sum.nats += nll;
        sum.count += 1;
      },
    });
    rows.push({ step: event.step, nats: nll, byKind: sums.map(({ nats, count }) => nats / count) });
  }
  const passed = bars.map((nats, order) => ({
    ...{ order, nats },
    step: rows.find((row) => row.nats < nats)?.step ?? null,
  }));
  const [first, last] = [rows[0]!, rows.at(-1)!];
  const half = rows.find(({ step }) => step === 100)!;
  const names = last.byKind.at(-1)!;
  return {
    found: `Of the ${decimals(first.nats - last.nats, 2)} nats between steps ${first.step} and ${last.step}, ${percent((first.nats - half.nats) / (first.nats - last.nats))} were gained by step ${half.step}. Letter frequencies are passed first, then pairs, then longer patterns (see the table). What stays surprising is where something begins: ${decimals(names, 2)} nats for the first letter of a name, ${decimals(last.byKind[1], 2)} for a letter inside a word.`,
    confirmed: half.nats - last.nats < first.nats - half.nats && names > 2 * last.byKind[1]!,
    tables: [
      [
        ['step', 'nats', ...Object.keys(kinds)],
        ...rows.map((row) => [
          String(row.step),
          decimals(row.nats, 3),
          ...row.byKind.map((x) => decimals(x, 2)),
        ]),
      ],
      [
        ['counting', 'nats', 'passed by step'],
        ...passed.map(({ order, nats, step }) => [
          order === 0 ? 'nothing' : order === 1 ? 'letters' : `${order}-grams`,
          decimals(nats, 3),
          step === null ? 'not in this run' : String(step),
        ]),
      ],
    ],
    numbers: { rows, kinds: Object.keys(kinds), passed },
  };
};

export const overfitting: Run = (bench) => {
  const { tokenizer, split } = stories(bench);
  const part = { ...split, train: split.train.subarray(0, 20_000) };
  const [steps, evalEvery, patience] = [300, 25, 3];
  const trainer = trainerOf(
    ...([bench, part, tokenizer, { ...small, channels: 96 }, { steps, evalEvery, batchSize: 16 }] as const),
  );
  let recent = 0;
  let stop: number | null = null;
  const rows: { step: number; training: number; validation: number }[] = [];
  for (const event of train(trainer, { steps, evalEvery })) {
    if (event.kind === 'step') {
      recent += event.loss;
      if (event.step % evalEvery === 0) bench.say(`step ${event.step} of ${steps}`);
    }
    if (event.kind !== 'evaluation') continue;
    rows.push({ step: trainer.step, training: recent / evalEvery, validation: event.score.nll });
    recent = 0;
    if (event.progress.evaluationsSinceBest >= patience) stop ??= trainer.step;
  }
  const best = rows.reduce((a, b) => (b.validation < a.validation ? b : a));
  const last = rows.at(-1)!;
  return {
    found: `On ${whole(part.train.length)} characters validation was lowest after ${best.step} steps, ${decimals(best.validation, 3)} nats, with the training loss at ${decimals(best.training, 3)}. By step ${last.step} training had fallen to ${decimals(last.training, 3)} and validation had risen to ${decimals(last.validation, 3)}. --patience ${patience} would have stopped at step ${stop ?? last.step} and kept the model of step ${best.step}.`,
    confirmed: last.validation > 1.05 * best.validation && last.training < best.training && stop !== null,
    tables: [
      [
        ['step', 'training', 'validation'],
        ...rows
          .filter(({ step }) => step % 50 === 0 || step === best.step)
          .map((r) => [String(r.step), decimals(r.training, 3), decimals(r.validation, 3)]),
      ],
    ],
    numbers: { rows, best, stop },
  };
};

export const spikes: Run = (bench) => {
  const { tokenizer, split } = stories(bench);
  const [steps, odd, burst, times] = [200, 120, 5, 30];
  const rarest = tokenizer.encode('!')[0]!;
  const run = (name: string, clip: number, { factor = 1, burstFactor = 1, oddBatch = false }) => {
    bench.say(`training: ${name}, ${clip === 0 ? 'without clipping' : 'clipped'}`);
    const text = split.train.slice();
    const trainer = trainerOf(
      ...([bench, { ...split, train: text }, tokenizer, { ...small, layers: 1 }] as const),
      {
        ...{ optimizer: 'adamw', emaDecay: 0, shape: 'constant', learningRate: 3e-3 * factor },
        ...{ steps, warmup: 20, clip, batchSize: 8 },
      },
    );
    const { learningRate } = trainer.settings;
    const losses: number[] = [];
    let norm = 0;
    const rate = (done: number) => {
      if (oddBatch && done === odd) text.fill(rarest);
      else if (oddBatch && done === odd + 1) text.set(split.train);
      const inBurst = done >= odd && done < odd + burst;
      return learningRateAt(done, trainer.settings) * (inBurst ? burstFactor : 1);
    };
    for (const event of train(trainer, { steps, rate })) {
      if (event.kind !== 'step') continue;
      losses.push(event.loss);
      if (event.step > odd) norm = Math.max(norm, event.gradNorm);
    }
    const mean = (from: number, to: number) =>
      losses.slice(from, to).reduce((sum, loss) => sum + loss, 0) / (to - from);
    const before = mean(odd - 20, odd);
    const after = losses.slice(odd + 1);
    const late = after.findLastIndex((loss) => loss > before + 0.2) + 1;
    const back = late === after.length ? null : late;
    return {
      name,
      clip,
      learningRate,
      before,
      spike: Math.max(...after),
      back,
      end: mean(steps - 20, steps),
      norm,
    };
  };
  const rows = [
    run('a good rate', 1, {}),
    run('a batch of !!!', 1, { oddBatch: true }),
    run('a batch of !!!', 0, { oddBatch: true }),
    run(`rate x ${times} for ${burst} steps`, 1, { burstFactor: times }),
    run(`rate x ${times} for ${burst} steps`, 0, { burstFactor: times }),
    run(`rate x ${times} throughout`, 1, { factor: times }),
  ];
  const [good, clipped, free, burst1, burst0, high] = rows;
  const until = (steps: number | null) => (steps === null ? 'not in this run' : String(steps));
  return {
    found: `${burst} steps at ${times} times the rate threw the loss from ${decimals(burst0!.before, 2)} up to ${decimals(burst0!.spike, 2)}; with clipping, from ${decimals(burst1!.before, 2)} to ${decimals(burst1!.spike, 2)}, and it ended at ${decimals(burst1!.end, 2)} instead of ${decimals(burst0!.end, 2)}. One batch of nothing but exclamation marks, with gradients of up to ${decimals(free!.norm, 0)}, did little: ${decimals(clipped!.spike, 2)} with clipping and ${decimals(free!.spike, 2)} without, for AdamW divides by the size of the gradients. At ${times} times the rate throughout there is no spike, and the loss stays at ${decimals(high!.end, 2)} where ${decimals(good!.end, 2)} could be had: no clipping makes up for the rate.`,
    confirmed:
      burst1!.spike < burst0!.spike && burst1!.spike > burst1!.before + 0.5 && high!.end > good!.end + 0.1,
    tables: [
      [
        ['run', 'clipping', 'before', 'highest after', 'steps until back', 'at the end', 'largest norm'],
        ...rows.map((r) => [
          ...[r.name, r.clip === 0 ? 'off' : `at ${r.clip}`, decimals(r.before, 3), decimals(r.spike, 3)],
          ...[until(r.back), decimals(r.end, 3), decimals(r.norm, 1)],
        ]),
      ],
    ],
    numbers: { rows },
  };
};

/** Steps after which a model is evaluated, beside the last. */
const looks = [50, 100, 200, 400, 800];

/** The held-out loss of a model of each size after so many tokens: one training a size, evaluated on its way. */
function grid(bench: Bench, widths: readonly number[], most: readonly number[]) {
  const { tokenizer, split } = stories(bench);
  const [batchSize, contextLength] = [16, 64];
  const each = batchSize * contextLength;

  return widths.map((channels, i) => {
    const steps = most[i]!;
    const sizes = { layers: 2, channels, heads: channels / 16, contextLength };
    // A constant rate and the mean of the weights: so each evaluation is what a training of that length would end with.
    const settings = { steps, batchSize, shape: 'constant', evalTokens: 16_384 } as const;
    const trainer = trainerOf(bench, split, tokenizer, sizes, settings);
    const losses: { readonly tokens: number; readonly nats: number }[] = [];
    for (const event of train(trainer, { steps })) {
      if (event.kind !== 'step') continue;
      if (event.step % 50 === 0) bench.say(`${channels} channels: step ${event.step} of ${steps}`);
      if (looks.includes(event.step) || event.step === steps) {
        losses.push({ tokens: event.step * each, nats: trainer.evaluate().nll });
      }
    }
    const parameters = trainer.model.parameters.reduce((sum, { value }) => sum + value.size, 0);
    return { channels, parameters, losses };
  });
}

export const scaling: Run = (bench) => {
  const models = grid(bench, [32, 48, 64, 96], [1600, 720, 420, 200]);
  const shared = models.at(-1)!.losses.at(-1)!.tokens;
  const at = (model: (typeof models)[number], tokens: number) =>
    model.losses.find((loss) => loss.tokens === tokens)!.nats;
  const bySize = lineThrough(
    models.map(({ parameters }) => log(parameters)),
    models.map((model) => log(at(model, shared))),
  );
  const longest = models[0]!.losses;
  const byData = lineThrough(
    longest.map(({ tokens }) => log(tokens)),
    longest.map(({ nats }) => log(nats)),
  );
  const rows = models.map((model) => {
    const { tokens, nats } = model.losses.at(-1)!;
    return { ...model, tokens, nats, each: tokens / model.parameters, flops: 6 * tokens * model.parameters };
  });
  const best = rows.reduce((a, b) => (b.nats < a.nats ? b : a));
  return {
    found: `At ${whole(shared)} tokens for each, the loss falls with the number of parameters to the power ${decimals(bySize.slope, 3)}, within ${percent(exp(bySize.worst) - 1)} of a straight line in logarithms; for the smallest model it falls with the tokens to the power ${decimals(byData.slope, 3)}. Trained until all have cost about the same, the best of the four has ${decimals(best.each, 1)} tokens a parameter, and those with ${decimals(rows[0]!.each, 0)} and ${decimals(rows.at(-1)!.each, 1)} are worse: an optimum of that order. (The text is short: the smallest model read ${percent(rows[0]!.tokens / bench.text.length)} of its length.)`,
    confirmed: bySize.slope < 0 && byData.slope < 0 && best !== rows[0] && best !== rows.at(-1),
    tables: [
      [
        [
          'parameters',
          `nats after ${whole(shared)} tokens`,
          'trained on',
          'tokens a parameter',
          'nats',
          'GFLOP',
        ],
        ...rows.map((r) => [
          ...[whole(r.parameters), decimals(at(r, shared), 3), whole(r.tokens)],
          ...[decimals(r.each, 1), decimals(r.nats, 3), decimals(r.flops / 1e9, 0)],
        ]),
      ],
    ],
    numbers: { models, bySize, byData, best },
  };
};
