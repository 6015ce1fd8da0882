/** What the model at hand says at each stop of Path: the engine is asked, and what it tells is put into sentences. */
import { comparisons, judgementLines, judge as judgementOf } from '../../evaluate/verdicts.ts';
import { drawInStages, mostProbable, type SamplerSettings, softmax } from '../../library/stages.ts';
import { curveOf, readRun } from '../../report/run.ts';
import { exp, log } from '../../tensor/math.ts';
import { numberOf, seedSetting } from '../controls.ts';
import { beamWidth, type ModelInfo, type Written } from '../engine/protocol.ts';
import { keptVerdicts } from '../judging/kept.ts';
import type { Lab } from '../lab.ts';
import { placeOf } from '../product/place.ts';
import { sample } from '../views/inside.ts';
import { modelNow, noModel, percent, promptOf } from '../wording.ts';
import { run } from '../writing/compare.ts';

export interface Found {
  /** In sentences with their numbers. */
  readonly found: string;
  /** The same as they were computed. */
  readonly numbers: Readonly<Record<string, number>>;
}

/** Rejects, with what to do first, where there is nothing to measure, and where the signal ends it. */
export type Measure = (lab: Lab, signal: AbortSignal) => Promise<Found>;

export const coldAndHot: Measure = async (lab) => {
  const { tokens } = modelOf(lab);
  const prompt = promptOf(lab.address);
  const { logits } = await lab.engine.call('distribution', { text: prompt });
  const at = (temperature: number) =>
    drawInStages(logits, { temperature }, [], { seed: 0 }).stages.at(-1)!.probabilities;
  const ranked = mostProbable(at(1), tokens.length);
  const [best, last] = [ranked[0]!, ranked.at(-1)!];
  const [frozen, cold, usual, hot] = [0, 0.2, 1, 2].map((t) => at(t)[best]!);
  const still = mostProbable(at(2), 1)[0] === best;
  const ratio = at(10)[best]! / at(10)[last]!;
  return {
    found: `After ${quoted(prompt)} ${modelNow(lab.session)} gives its best token, ${quoted(tokens[best]!)}, ${percent(usual!)} at T = 1, ${percent(cold!)} at 0.2 and ${percent(frozen!)} at 0; at T = 2 it has ${percent(hot!)} and is ${still ? 'still' : 'no longer'} the best. At T = 10 it is ${ratio.toFixed(2)} times as likely as the last of the ${tokens.length}.`,
    numbers: { best, frozen: frozen!, cold: cold!, usual: usual!, hot: hot!, ratio },
  };
};

const [k, p] = [10, 0.9];

export const fixedNumber: Measure = async (lab, signal) => {
  const text = beginning(lab);
  const places: { readonly after: string; readonly mass: number; readonly needed: number }[] = [];
  for (let end = 1; end <= text.length; end++) {
    const after = text.slice(0, end).join('');
    const { logits } = await lab.engine.call('distribution', { text: after });
    signal.throwIfAborted();
    const ranked = softmax(logits).sort().reverse();
    const mass = ranked.subarray(0, k).reduce((sum, share) => sum + share, 0);
    let [sum, needed] = [0, 0];
    while (sum < p && needed < ranked.length) sum += ranked[needed++]!;
    places.push({ after, mass, needed });
  }
  const sure = places.reduce((a, b) => (b.mass > a.mass ? b : a));
  const unsure = places.reduce((a, b) => (b.mass < a.mass ? b : a));
  return {
    found: `Of ${places.length} beginnings of one text, ${modelNow(lab.session)} is surest after ${quoted(sure.after)}: the ${k} best tokens hold ${percent(sure.mass)}, and top-p ${p} keeps ${sure.needed}. It is least sure after ${quoted(unsure.after)}: there ${k} hold only ${percent(unsure.mass)}, and top-p keeps ${unsure.needed}.`,
    numbers: {
      places: places.length,
      ...{ sureMass: sure.mass, sureNeeded: sure.needed },
      ...{ unsureMass: unsure.mass, unsureNeeded: unsure.needed },
    },
  };
};

/** What the links to Write and Tree ask for, too. */
export const comparedLength = 400;
export const largestTree = { width: beamWidth, depth: 24, draws: beamWidth };

export const lowLoss: Measure = async (lab, signal) => {
  modelOf(lab);
  const measured = async (temperature: number) => {
    const tokens = await written(lab, signal, { temperature }, comparedLength);
    const text = tokens.map(({ text }) => text).join('');
    const { share } = await lab.engine.call('repetition', { text, n: run });
    return { nats: -mean(tokens.map(({ probability }) => log(probability))), share: share ?? 0 };
  };
  const [greedy, drawn] = [await measured(0), await measured(1)];
  return {
    found: `Greedy text of ${modelNow(lab.session)} costs it ${greedy.nats.toFixed(3)} nats a token, and ${percent(greedy.share)} of it is what it has said before; drawn text costs ${drawn.nats.toFixed(3)} nats and repeats ${percent(drawn.share)}. The model is the same, and so is its loss.`,
    numbers: {
      ...{ greedyNats: greedy.nats, greedyShare: greedy.share },
      ...{ drawnNats: drawn.nats, drawnShare: drawn.share },
    },
  };
};

export const likeliest: Measure = async (lab) => {
  modelOf(lab);
  const text = promptOf(lab.address);
  const seed = numberOf(lab.address, seedSetting);
  const request = { ...largestTree, text, seed, lengthPenalty: 0, stop: '', temperature: 1 };
  const { found, drawn } = await lab.engine.call('tree', request);
  const best = found[0]!;
  const others = mean(drawn.map(({ logProbability }) => logProbability));
  return {
    found: `After ${quoted(text)} the likeliest text that a beam of ${beamWidth} finds is ${quoted(best.text)}, with log P = ${nats(best.logProbability)}; ${drawn.length} that are drawn have ${nats(others)} on average, such as ${quoted(drawn[0]!.text)}. A text like these is e^${(best.logProbability - others).toFixed(1)} times less likely, and yet it is what ${modelNow(lab.session)} writes.`,
    numbers: { best: best.logProbability, drawn: others },
  };
};

export const perplexity: Measure = async (lab) => {
  const { tokens } = modelOf(lab);
  const place = placeOf(lab.address);
  const { entropy } = await lab.engine.call('product', place);
  const { probabilities, mean: loss } = entropy;
  let hesitation = 0;
  for (const share of probabilities) if (share > 0) hesitation -= share * log(share);
  const V = tokens.length;
  return {
    found: `For ${quoted(place.text)} ${modelNow(lab.session)} needs ${loss.toFixed(4)} nats a token, a perplexity of ${exp(loss).toFixed(2)}: it predicts this as well as somebody who hesitates among ${exp(loss).toFixed(2)} equally likely tokens. Where you looked, its own distribution is as wide as ${exp(hesitation).toFixed(2)} equal choices. Knowing nothing, it would have ${V}: ln ${V} = ${log(V).toFixed(4)} nats.`,
    numbers: { loss, perplexity: exp(loss), hesitation, V },
  };
};

export const onlyThePast: Measure = async (lab) => {
  const text = beginning(lab);
  const half = text.slice(0, Math.ceil(text.length / 2)).join('');
  const { layers, heads, ids } = await lab.engine.call('attention', { text: text.join('') });
  const T = ids.length;
  let [ahead, above] = [0, 0];
  for (const weights of layers) {
    for (let i = 0; i < weights.length; i++) {
      if (i % T <= Math.floor(i / T) % T) continue;
      ahead += 1;
      above += Number(weights[i] !== 0);
    }
  }
  const ask = (text: string) => lab.engine.call('lens', { text, best: 0 });
  const [whole, part] = [await ask(text.join('')), await ask(half)];
  const [a, b] = [whole.layers.at(-1)!, part.layers.at(-1)!];
  // Where the text is cut, a token may be another one.
  const shared = [...part.ids, -1].findIndex((id, t) => id !== whole.ids[t]);
  const told = b.slice(0, Math.max(0, shared - 1));
  const equal = told.filter(({ probability }, t) => Object.is(probability, a[t]!.probability)).length;
  return {
    found: `In ${layers.length} layers of ${heads} heads ${modelNow(lab.session)} has ${ahead.toLocaleString('en-US')} places for a look ahead over ${T} tokens, and uses ${above}. It read ${quoted(half)} alone and then with what comes after it: ${equal} of ${told.length} probabilities stayed what they were, to the last bit.`,
    numbers: { ahead, above, equal, of: told.length },
  };
};

/** Tokens that are foretold again, and with how many to go by at most. */
const [retold, longest] = [48, 128];
/** Nats that count as nothing. */
const little = 0.02;

export const context: Measure = async (lab, signal) => {
  const { config, parameters } = modelOf(lab);
  const { contextLength: T, layers: L, channels: C } = config;
  const most = Math.min(T, longest);
  const tokens = await written(lab, signal, {}, most + retold);
  const texts = tokens.map(({ text }) => text);
  const lengths = [1, 2, 4, 8, 16, 32, 64, longest].filter((n) => n <= most);
  const losses: number[] = [];
  for (const n of lengths) {
    let sum = 0;
    for (let at = most; at < tokens.length; at++) {
      const { logits } = await lab.engine.call('distribution', { text: texts.slice(at - n, at).join('') });
      signal.throwIfAborted();
      sum -= log(softmax(logits)[tokens[at]!.id]!);
    }
    losses.push(sum / retold);
  }
  const [first, last] = [losses[0]!, losses.at(-1)!];
  const enough = lengths[losses.findIndex((loss) => loss < last + little)]!;
  const characters = texts.join('').length / texts.length;
  const attention = (time: number) => (4 * L * time * C) / (4 * L * time * C + 2 * parameters);
  const [now, later] = [attention(T), attention(8 * T)];
  return {
    found: `${modelNow(lab.session)} has a context of ${T} tokens, about ${Math.round(T * characters)} characters. Of ${retold} tokens that it wrote, each costs it ${first.toFixed(3)} nats with one token to go by and ${last.toFixed(3)} with ${lengths.at(-1)}; from ${enough} on, more tokens change less than ${little}. Attention is about ${percent(now)} of its arithmetic at ${T} tokens, and would be ${percent(later)} at ${8 * T}.`,
    numbers: { first, last, enough, characters, now, later },
  };
};

export const cache: Measure = async (lab, signal) => {
  const { contextLength } = modelOf(lab).config;
  let text = promptOf(lab.address);
  const prompt = await lab.engine.call('tokenize', { text });
  const most = Math.min(longest, contextLength - prompt.ids.length);
  if (most < 1) throw new Error('the prompt fills the context of this model; choose a shorter one in Write');
  let began = performance.now();
  const tokens = await written(lab, signal, { temperature: 0 }, most);
  const withCache = performance.now() - began;
  let [without, same, equal] = [0, 0, 0];
  for (const [i, { id, text: more, probability }] of tokens.entries()) {
    began = performance.now();
    const { ids, logits } = await lab.engine.call('distribution', { text });
    without += performance.now() - began;
    signal.throwIfAborted();
    text += more;
    if (ids.length !== prompt.ids.length + i) continue; // the text can be cut into other tokens, too
    same += 1;
    equal += Number(Object.is(softmax(logits)[id], probability));
  }
  const n = tokens.length;
  const each = (time: number) => (time / n).toFixed(2);
  return {
    found: `Here ${modelNow(lab.session)} wrote ${n} tokens in ${each(withCache)} ms each; reading all again before each one took ${each(without)} ms, ${(without / withCache).toFixed(1)} times as long. Nothing else is lost: ${equal} of ${same} probabilities were the same to the last bit.`,
    numbers: { n, same, equal },
  };
};

export const overfitting: Measure = async ({ session }) => {
  const data = readRun(session.data);
  const { best } = data;
  const last = data.history.evaluations.at(-1);
  const training = curveOf(data, 'loss').mean;
  if (best === undefined || last === undefined || training.length === 0)
    throw new Error(
      'no training is on record for this model: train one in Train, and come back once it has been evaluated a few times',
    );
  const near = (step: number) =>
    training.reduce((a, b) => (Math.abs(b.x - step) < Math.abs(a.x - step) ? b : a)).y;
  const [then, now] = [near(best.step), near(last.step)];
  const risen = last.nll - best.nll;
  const verdict =
    risen > 0
      ? `since then it has risen by ${risen.toFixed(4)}, while the training loss went from ${then.toFixed(4)} to ${now.toFixed(4)}. best/ holds the model of that step`
      : 'that is the last one, so it has not turned up yet: a shorter text and more steps would do it';
  return {
    found: `In the training of ${session.name} the lowest validation loss was ${best.nll.toFixed(4)} nats, at step ${best.step}, where the training loss was about ${then.toFixed(4)}; ${verdict}.`,
    numbers: { step: best.step, best: best.nll, last: last.nll, then, now },
  };
};

export const judgements: Measure = async (lab) => {
  const { name } = modelOf(lab);
  const own = (label: string) => [',', ' step '].some((next) => label.startsWith(`model ${name}${next}`));
  const group = comparisons(keptVerdicts()).findLast(([first]) => own(first!.a) || own(first!.b));
  if (group === undefined)
    throw new Error(
      'nobody has judged a pair of this model in this browser yet: judge some in Judge, and come back',
    );
  const { a, b } = group[0]!;
  const judgement = judgementOf(group);
  const { low, high } = judgement;
  return {
    found: `A, ${a}, against B, ${b}: ${judgementLines(judgement).replaceAll('\n', ' ')}`,
    numbers: { verdicts: group.length, low, high },
  };
};

function modelOf({ session }: Lab): ModelInfo {
  if (session.model === undefined) throw new Error(noModel);
  return session.model;
}

/** Of the text that Inside reads, so many characters that the model can read them at once, and quickly. */
const beginning = (lab: Lab): string[] =>
  [...lab.address.text('text', sample)].slice(0, Math.min(64, modelOf(lab).config.contextLength));

/** Text of the model's own after the prompt that is set, by the seed that is set, as long as it is asked for. */
async function written(
  { engine, address }: Lab,
  signal: AbortSignal,
  settings: SamplerSettings,
  maxNewTokens: number,
): Promise<Written[]> {
  const stream = engine.stream('generate', {
    ...{ text: promptOf(address), settings: { ...settings, eosTokens: [] } },
    ...{ seed: numberOf(address, seedSetting), maxNewTokens, alternatives: 0 },
  });
  const tokens: Written[] = [];
  for await (const token of stream) {
    signal.throwIfAborted(); // leaving the loop ends the stream
    tokens.push(token);
  }
  return tokens;
}

const mean = (numbers: readonly number[]) => numbers.reduce((sum, x) => sum + x, 0) / numbers.length;
const nats = (x: number) => x.toFixed(1).replace('-', '−');
const quoted = (text: string) => `“${text.replaceAll('\n', '↵')}”`;
