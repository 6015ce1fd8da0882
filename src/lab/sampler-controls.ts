/** The sampler's knobs, the same in every view that draws: a name in the address, a slider, a setting. */

import type { SamplerSettings } from '../library/stages.ts';
import type { Address } from './address.ts';
import { numberOf, slider } from './controls.ts';

const sliders = [
  { name: 't', label: 'Temperature', from: 0, to: 2, step: 0.05, otherwise: 1, setting: 'temperature' },
  { name: 'k', label: 'Top-k (0: off)', from: 0, to: 60, step: 1, otherwise: 0, setting: 'topK' },
  { name: 'p', label: 'Top-p', from: 0, to: 1, step: 0.01, otherwise: 1, setting: 'topP' },
  { name: 'm', label: 'Min-p', from: 0, to: 0.5, step: 0.01, otherwise: 0, setting: 'minP' },
  { name: 'y', label: 'Typical', from: 0.05, to: 1, step: 0.05, otherwise: 1, setting: 'typicalP' },
  {
    name: 'r',
    label: 'Repetition penalty',
    from: 1,
    to: 2,
    step: 0.05,
    otherwise: 1,
    setting: 'repetitionPenalty',
  },
  {
    name: 'f',
    label: 'Frequency penalty',
    from: 0,
    to: 2,
    step: 0.1,
    otherwise: 0,
    setting: 'frequencyPenalty',
  },
  {
    name: 's',
    label: 'Presence penalty',
    from: 0,
    to: 2,
    step: 0.1,
    otherwise: 0,
    setting: 'presencePenalty',
  },
] as const satisfies readonly { readonly setting: keyof SamplerSettings; readonly [name: string]: unknown }[];

export function samplerSettings(address: Address): SamplerSettings {
  return Object.fromEntries(sliders.map((each) => [each.setting, numberOf(address, each)]));
}

export function samplerSliders(address: Address, changed = () => {}): HTMLLabelElement[] {
  return sliders.map((each) => slider(address, each, changed));
}
