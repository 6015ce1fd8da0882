/** What heads of attention are worth: the loss of a text with some of them switched off.
 *
 * What a head has gathered reaches the rest of the model through its own part of the attention's output projection and by no other
 * way. Where that part is zero the head says nothing, and the model's code need not know of it. Michel, Levy and Neubig, "Are
 * sixteen heads really better than one?", arXiv 1905.10650. */
import { breathe } from '../../library/browser-host.ts';
import type { Gpt } from '../../model/gpt.ts';
import { ids as idsOf } from '../../tensor/tensor.ts';
import { score } from '../../train/score.ts';
import { newest } from './inside.ts';
import type { Looked } from './looked.ts';
import type { Head, Streams } from './protocol.ts';

type Ablate = Streams['ablate'];

/** Milliseconds after which other questions are answered. */
const turn = 50;

/** Tells the loss with each set of heads off, one after the other. */
export async function ablate(
  looked: Looked,
  { text, off, most }: Ablate[0],
  tell: (loss: number) => void,
  signal: AbortSignal,
): Promise<Ablate[2]> {
  const { gpt, inputs } = looked;
  const { ids } = newest(looked, text, most);
  const scored = ids.length - 1;
  if (scored < 1) throw new RangeError('a loss takes a text of two tokens or more');
  const buffers = { inputs, targets: idsOf('lab.targets', ids) };
  let since = performance.now();
  for (const heads of off) {
    tell(withoutHeads(gpt, heads, () => score(gpt, buffers, ids, [{ start: 0, length: scored }]).nll));
    if (performance.now() - since < turn) continue;
    await breathe();
    if (signal.aborted) break;
    since = performance.now();
  }
  return { scored };
}

/** Does something while heads are switched off; afterwards every weight has its bits again, also after an error. RangeError for
 * a head that is not there. */
export function withoutHeads<T>(gpt: Gpt, heads: readonly Head[], action: () => T): T {
  const { channels: C, heads: H, layers: L } = gpt.config;
  const D = C / H;
  const projections = gpt.parameters.filter(({ name, hidden }) => hidden?.residual && name.includes('attn'));
  const kept = new Map(
    heads.map(([layer]) => {
      const weights = projections[layer]?.value.data;
      return [weights, weights?.slice()] as const;
    }),
  );
  try {
    for (const [layer, head] of heads) {
      const projection = projections[layer];
      if (projection === undefined || !(Number.isInteger(head) && head >= 0 && head < H)) {
        throw new RangeError(
          `there is no head ${head} in layer ${layer}; expected one of ${L} layers of ${H} heads`,
        );
      }
      const { value, hidden } = projection;
      const from = head * D;
      if (hidden!.inputs === 'rows') value.data.fill(0, from * C, (from + D) * C);
      else for (let row = 0; row < C; row++) value.data.fill(0, row * C + from, row * C + from + D);
    }
    return action();
  } finally {
    for (const [weights, before] of kept) weights?.set(before!);
  }
}
