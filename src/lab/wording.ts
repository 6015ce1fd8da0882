/** What views say alike. */
import { counted } from '../train/metrics.ts';
import type { Address } from './address.ts';
import type { Session } from './session.ts';

export const noModel = 'There is no model yet: train one, or open a run, in the first view.';

/** What a text goes on from, unless the address says something else. */
export const promptOf = (address: Address): string => address.text('prompt', 'The ');

/** The model at hand, as a subject: 'nano, after step 20,' */
export function modelNow({ model, step }: Session): string {
  return `${model?.name}${step === 0 ? '' : `, after step ${step},`}`;
}

/** How a sentence ends where characters of the prompt have no token. */
export function leftOut(unknown: number): string {
  return unknown === 0
    ? ''
    : `; ${counted(unknown, 'unknown character')} ${unknown === 1 ? 'was' : 'were'} left out`;
}

/** Three digits. What is nearly nothing is not 0%, and what is nearly all not 100%. */
export function percent(p: number): string {
  if (p > 0 && p < 0.0001) return '<0.01%';
  return p === 0 || p >= 0.9995 ? `${Math.floor(1e4 * p) / 100}%` : `${(100 * p).toPrecision(3)}%`;
}
