/** Text from the model that is looked at, token by token: what src/sample draws, with the alternatives it had. */
import { breathe } from '../../library/browser-host.ts';
import { mostProbable, softmax } from '../../library/stages.ts';
import type { Tokenizer } from '../../model/text/tokenizer.ts';
import { generate } from '../../sample/generate.ts';
import { Trace } from '../../sample/trace.ts';
import { log } from '../../tensor/math.ts';
import type { Floats } from '../../tensor/tensor.ts';
import type { Looked } from './looked.ts';
import type { NextToken, Streams, Tokens, Written } from './protocol.ts';

/** The ids of a text; what has no token is left out and counted. An empty one becomes a line break, so that there is
 * something to go on from. */
export function encodePrompt(tokenizer: Tokenizer, text: string): Tokens {
  const ids = tokenizer.encode(text, 'skip');
  const unknown = [...text].length - [...tokenizer.decode(ids)].length;
  if (ids.length > 0) return { ids, unknown };
  const lineBreak = tokenizer.encode('\n', 'skip');
  return { ids: lineBreak.length > 0 ? lineBreak : Int32Array.of(0), unknown };
}

/** The scores of the token after a text; of one that is longer than the context, after its newest part. */
export function nextToken({ gpt, tokenizer }: Looked, text: string, slot: number): NextToken {
  const { ids, unknown } = encodePrompt(tokenizer, text);
  gpt.cache.truncate(slot, 0);
  const logits = gpt.prefill(slot, ids.slice(-gpt.config.contextLength));
  return { ids, unknown, logits: Float32Array.from(logits.data) };
}

type Generate = Streams['generate'];

/** Draws until the end or until stopped, in cache slot 0. Between two tokens other questions are answered. */
export async function write(
  { gpt, tokenizer }: Looked,
  given: Generate[0],
  tell: (event: Written) => void,
  signal: AbortSignal,
): Promise<Generate[2]> {
  const { text, ids = [], settings, seed, maxNewTokens, alternatives = 10 } = given;
  const own = text === '' && ids.length > 0 ? [] : encodePrompt(tokenizer, text).ids;
  const prompt = [...ids, ...own];
  const trace = new AlternativesTrace(alternatives);
  const events = generate(gpt, [{ prompt, stream: 0 }], {
    settings,
    maxNewTokens,
    seed,
    contextPolicy: 'shift',
    tokenizer,
    trace,
  });
  const drawn: number[] = [];
  let finishReason = 'stopped';
  for (const { token, text: shown, finishReason: finish } of events) {
    if (token !== undefined) {
      drawn.push(token);
      const { probabilities, best, entropy } = trace;
      tell({
        id: token,
        text: shown,
        probability: probabilities[token]!,
        rank: 1 + probabilities.reduce((n, p) => n + Number(p > probabilities[token]!), 0),
        entropy,
        alternatives: best.map((id) => ({ id, probability: probabilities[id]! })),
      });
    }
    if (finish !== undefined) finishReason = finish;
    await breathe();
    if (signal.aborted) break;
  }
  return { ids: drawn, finishReason };
}

/** Keeps what the model said before anything was done to it. */
class AlternativesTrace extends Trace {
  probabilities: Float64Array = new Float64Array(0);
  best: readonly number[] = [];
  readonly #count: number;

  constructor(count: number) {
    super();
    this.#count = count;
  }

  override begin(logits: Floats): void {
    super.begin(logits);
    this.probabilities = softmax(logits);
    this.best = mostProbable(this.probabilities, this.#count);
  }

  override end(...[token, c]: Parameters<Trace['end']>): void {
    super.end(token, c);
    const { probabilities } = this;
    this.entropy = -probabilities.reduce((sum, p) => sum + (p > 0 ? p * log(p) : 0), 0);
  }
}
