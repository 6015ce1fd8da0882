/** Cached sampling as a user gets it, and its two parts alone: the step of the model and the choice of the sampler. */
import type { ModelConfig } from '../src/model/config.ts';
import { freeze } from '../src/model/freeze.ts';
import { Gpt } from '../src/model/gpt.ts';
import { initialize } from '../src/model/initialize.ts';
import { generateAll } from '../src/sample/generate.ts';
import { Sampler } from '../src/sample/sampler.ts';
import { samplingSettings } from '../src/sample/settings.ts';
import type { Kernels } from '../src/tensor/kernels.ts';
import { RandomStream } from '../src/tensor/random.ts';
import { batched, inTurns, median, warmUp } from './measure.ts';

/** Enough to fill a context of 64 and to read again twice. */
const newTokens = 128;

export interface SamplingResult {
  readonly streams: number;
  readonly threads: number;
  /** Of all streams together, drawn at temperature 0.8 beyond the context's end (the default policy, shift). */
  readonly tokensPerSecond: number;
  /** As many rows through the model alone, with contexts that start empty. */
  readonly stepTokensPerSecond: number;
}

export function measureSampling(
  config: ModelConfig,
  on: { readonly kernels: Kernels; readonly threads: number; readonly streams: number },
  seconds: number,
): SamplingResult {
  const { kernels, threads, streams } = on;
  const model = new Gpt(config, { kernels, batch: 0, slots: streams, gradients: false });
  model.arena.allocate(kernels.memory);
  initialize(model, 1);
  freeze(model);
  const requests = Array.from({ length: streams }, (_, stream) => ({ prompt: [0], stream }));
  const settings = samplingSettings({ temperature: 0.8 });
  const generate = () =>
    void generateAll(model, requests, { settings, maxNewTokens: newTokens, seed: 1, contextPolicy: 'shift' });

  const slots = requests.map(({ stream }) => stream);
  const tokens = slots.map((slot) => slot % config.vocabSize);
  const fill = () => {
    for (const slot of slots) model.cache.truncate(slot, 0);
    for (let t = 0; t < config.contextLength; t++) model.extend(slots, tokens);
  };
  warmUp(generate, seconds / 5, 1);
  warmUp(fill, seconds / 10, 1);
  const [generation, filling] = inTurns([generate, fill], {
    seconds: (7 * seconds) / 10,
    least: 1,
    most: 100,
  }).map(median);
  return {
    streams,
    threads,
    tokensPerSecond: (1000 * streams * newTokens) / generation!,
    stepTokensPerSecond: (1000 * streams * config.contextLength) / filling!,
  };
}

export interface SamplerResult {
  readonly vocabulary: number;
  /** To choose one token with temperature 0.8, top-k 40 and top-p 0.9. */
  readonly microseconds: number;
}

export function measureSampler(vocabulary: number, seconds: number): SamplerResult {
  const logits = new Float32Array(vocabulary);
  const random = new RandomStream(1, 'init');
  random.normals(logits, 2, 0);
  const sampler = new Sampler(vocabulary, samplingSettings({ temperature: 0.8, topK: 40, topP: 0.9 }));
  const state = sampler.start();
  const history = { ids: [], length: 0, promptLength: 0 };
  let drawn = 0;
  const choose = () => void sampler.next(state, logits, history, random.uniform(drawn++, 0));
  warmUp(choose, seconds / 4);
  const { batch, calls } = batched(choose);
  const [times] = inTurns([batch], { seconds: seconds / 2, least: 3, most: 500 });
  return { vocabulary, microseconds: (1000 * median(times!)) / calls };
}
