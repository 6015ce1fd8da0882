/** Reads baselines.json: the losses of n-gram models on a corpus, kept so that they are counted only once. */
import { isObject, show } from '../../model/json.ts';
import type { Baseline } from '../../train/metrics.ts';
import { readJson, type Warn } from '../host/files.ts';

/** The baselines, and the checksum of their corpus. Entries that are not baselines are left out with a warning; throws
 * if it is not such a file. */
export function readBaselines(
  file: string,
  warn: Warn,
): { readonly corpusSha256: unknown; readonly baselines: readonly Baseline[] } {
  const { corpusSha256, baselines } = readJson(file);
  if (!Array.isArray(baselines)) {
    throw new Error(`${file}: baselines; expected a list, got ${show(baselines)}`);
  }
  const odd = baselines.filter((entry) => !isBaseline(entry));
  if (odd.length > 0) {
    const fields = isObject(odd[0])
      ? `order ${show(odd[0].order)} and nll ${show(odd[0].nll)}`
      : show(odd[0]);
    warn(
      file,
      `${file}: baselines; expected numbers order and nll in each, got ${fields}; left out ${odd.length} of ${baselines.length}`,
    );
  }
  return { corpusSha256, baselines: baselines.filter(isBaseline) };
}

const isBaseline = (entry: unknown): entry is Baseline =>
  isObject(entry) &&
  Number.isInteger(entry.order) &&
  (entry.order as number) >= 0 &&
  Number.isFinite(entry.nll);
