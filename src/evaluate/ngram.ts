/** n-gram language models: how well a text can be predicted by counting, which a neural model has to beat.
 *
 * The n-gram model of order k predicts a token from the k - 1 tokens before it. Long contexts predict well, but most of them
 * were never seen, so each order is mixed with the one below (Witten and Bell, "The zero-frequency problem", 1991):
 *
 *     P(w | h) = (c(h, w) + T(h) P(w | h')) / (c(h) + T(h))        order 0: P(w) = 1 / V
 *
 * h' is h without its oldest token, c counts in the training text, and T(h) is how many different tokens followed h: the more
 * often something new followed a context, the more weight the lower order has. If h was never followed by anything,
 * P(w | h) = P(w | h').
 *
 * The orders are computed one after the other. A k-gram has the number of the pair (number of its first k - 1 tokens, last
 * token), so each order needs only the numbers of the order before, one for each position. */
import { log } from '../tensor/math.ts';
import { PairTable } from './pair-table.ts';

/** The mean surprise of `validation`, in nats per token, for every order: result[k] is that of order k, and result[0] that of
 * guessing uniformly, ln V.
 *
 * The first validation tokens have no context: none is taken from the training text. Token ids run from
 * 0 to V - 1, or are ~id for a token that is read and not scored; anything else, or a validation text with nothing to
 * score, is a RangeError. */
export function ngramBaselines(
  training: ArrayLike<number>,
  validation: ArrayLike<number>,
  options: { readonly V: number; readonly maxOrder?: number },
): number[] {
  const { V, maxOrder = 6 } = options;
  if (!(Number.isInteger(maxOrder) && maxOrder >= 1)) {
    throw new RangeError(`ngramBaselines: maxOrder; expected an integer of at least 1, got ${maxOrder}`);
  }
  checkIds(training, V);
  checkIds(validation, V);
  let scored = 0;
  for (let i = 0; i < validation.length; i++) if (validation[i] >= 0) scored++;
  if (scored === 0) throw new RangeError('ngramBaselines: the validation text is empty');

  const probabilities = new Float64Array(validation.length).fill(1 / V);
  const means = [log(V)];
  // The number of the (k - 1)-gram that ends at each position, -1 where there is none (in the training text).
  const trainingGrams = new Int32Array(training.length);
  const validationGrams = new Int32Array(validation.length);
  let contexts = 1; // order 1 has one context, the empty one, with number 0
  for (let order = 1; order <= maxOrder; order++) {
    const most = Math.min(training.length, contexts * V); // different grams; small tables stay in the cache
    const table = new PairTable(most);
    const counts = new Int32Array(most); // c(h, w)
    const totals = new Int32Array(contexts); // c(h)
    const types = new Int32Array(contexts); // T(h)
    const atStart = order === 1 ? 0 : -1;

    let next = atStart;
    for (let i = 0; i < training.length; i++) {
      const context = next;
      next = trainingGrams[i];
      trainingGrams[i] = -1;
      if (context < 0) continue;
      const gram = table.add(context, idOf(training[i]));
      if (counts[gram]++ === 0) types[context]++;
      totals[context]++;
      trainingGrams[i] = gram;
    }

    let nats = 0;
    next = atStart;
    for (let i = 0; i < validation.length; i++) {
      const context = next;
      next = validationGrams[i];
      const gram = context < 0 ? -1 : table.find(context, idOf(validation[i]));
      validationGrams[i] = gram;
      if (context >= 0 && totals[context] > 0) {
        const seen = gram < 0 ? 0 : counts[gram];
        probabilities[i] = (seen + types[context] * probabilities[i]) / (totals[context] + types[context]);
      }
      if (validation[i] >= 0) nats -= log(probabilities[i]);
    }
    means.push(nats / scored);
    contexts = table.size;
  }
  return means;
}

/** The id of a token, also of one that is not scored. */
const idOf = (token: number): number => (token < 0 ? ~token : token);

function checkIds(ids: ArrayLike<number>, V: number): void {
  for (let i = 0; i < ids.length; i++) {
    if (!(Number.isInteger(ids[i]) && idOf(ids[i]) < V)) {
      throw new RangeError(`ngramBaselines: token ${i}; expected an id from 0 to ${V - 1}, got ${ids[i]}`);
    }
  }
}
