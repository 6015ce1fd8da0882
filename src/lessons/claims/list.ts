/** The 33 claims, in their order. Nothing here computes: lessons.ts has the function that checks each. */
import type { Claim } from './claim.ts';
import { aboutDecoding } from './decoding.ts';
import { aboutMeasuring } from './measuring.ts';
import { aboutTraining } from './training.ts';

export const claims: readonly Claim[] = [...aboutTraining, ...aboutDecoding, ...aboutMeasuring];
