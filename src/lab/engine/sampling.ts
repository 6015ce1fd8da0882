/** Text from the model that is looked at, token by token: what src/sample draws or finds, with the alternatives it had. */
import { breathe } from '../../library/browser-host.ts';
import { mostProbable, softmax } from '../../library/stages.ts';
import type { Tokenizer } from '../../model/text/tokenizer.ts';
import { beamSteps } from '../../sample/beam.ts';
import { generate, readNewest, reread } from '../../sample/generate.ts';
import { promptTokens } from '../../sample/prompt.ts';
import type { FinishReason } from '../../sample/stop.ts';
import { Trace } from '../../sample/trace.ts';
import { log } from '../../tensor/math.ts';
import type { Floats } from '../../tensor/tensor.ts';
import type { Looked } from './looked.ts';
import { beamWidth, type NextToken, type Streams, type Tokens, type WriteRequest } from './protocol.ts';

/** The tokens of a prompt; what has no token is left out and counted. There is always something to go on from. */
export function encodePrompt(tokenizer: Tokenizer, text: string): Tokens {
  const known = tokenizer.decode(tokenizer.encode(text, 'skip'));
  return { ids: promptTokens(tokenizer, known, 'skip'), unknown: [...text].length - [...known].length };
}

export function piecesOf(tokenizer: Tokenizer, ids: readonly number[]): string[] {
  const stream = tokenizer.stream();
  return ids.map((id) => stream.push(id));
}

/** The scores of the token after a text; of one that is longer than the context, after its newest part. */
export function nextToken({ gpt, tokenizer }: Looked, text: string, slot: number): NextToken {
  const { ids, unknown } = encodePrompt(tokenizer, text);
  const logits = reread(gpt, { slot, ids: Array.from(ids) }, gpt.config.contextLength);
  return { ids, unknown, logits: Float32Array.from(logits) };
}

type Answer<K extends 'generate' | 'beam'> = (
  looked: Looked,
  given: Streams[K][0],
  tell: (event: Streams[K][1]) => void,
  signal: AbortSignal,
) => Promise<Streams[K][2]>;

/** Draws until the end or until stopped, in cache slot 0. Between two tokens other questions are answered. */
export const write: Answer<'generate'> = async ({ gpt, tokenizer, eosTokens }, given, tell, signal) => {
  const { seed, maxNewTokens } = given;
  const settings = { eosTokens, ...given.settings };
  const prompt = promptOf(tokenizer, given);
  const trace = new LogitsTrace();
  const say = teller(tokenizer, prompt, given, tell);
  const options = { settings, maxNewTokens, seed, contextPolicy: 'shift', trace } as const;
  const drawn: number[] = [];
  let finishReason = 'stopped';
  for (const { token, finishReason: finish } of generate(gpt, [{ prompt, stream: 0 }], options)) {
    if (token !== undefined) {
      drawn.push(token);
      say(token, trace.logits, finish);
    }
    if (finish !== undefined) finishReason = finish;
    await breathe();
    if (signal.aborted) break;
  }
  return { ids: drawn, finishReason };
};

/** Searches with as many cache slots as the beam is wide; then reads what it found once more, for what else there was. */
export const writeLikeliest: Answer<'beam'> = async ({ gpt, tokenizer, eosTokens }, given, tell, signal) => {
  const { maxNewTokens } = given;
  const settings = { eosTokens, ...given.settings };
  const prompt = promptOf(tokenizer, given);
  const stopped = { finishReason: 'stopped', logProbability: Number.NaN };
  const options = {
    settings,
    maxNewTokens,
    contextPolicy: 'shift',
    width: beamWidth,
    lengthPenalty: 0,
  } as const;
  const search = beamSteps(gpt, prompt, options);
  let step = search.next();
  for (; !step.done; step = search.next()) {
    await breathe();
    if (signal.aborted) return { ...stopped, ids: [] };
  }
  const { tokens, finishReason, logProbability } = step.value[0]!;
  const say = teller(tokenizer, prompt, given, tell);
  const text = { slot: 0, ids: prompt };
  let logits = reread(gpt, text, gpt.config.contextLength);
  for (const [i, token] of tokens.entries()) {
    if (i > 0) for (const [, next] of readNewest(gpt, [text], 'shift')) logits = next;
    say(token, logits, i === tokens.length - 1 ? finishReason : undefined);
    text.ids.push(token);
    await breathe();
    if (signal.aborted) return { ...stopped, ids: tokens.slice(0, i + 1) };
  }
  return { ids: tokens, finishReason, logProbability };
};

function promptOf(tokenizer: Tokenizer, { text, ids = [] }: WriteRequest): number[] {
  const own = ids.length > 0 ? tokenizer.encode(text, 'skip') : encodePrompt(tokenizer, text).ids;
  return [...ids, ...own];
}

/** Tells one token after the other of a text, each with the logits it was chosen from. */
function teller(
  tokenizer: Tokenizer,
  prompt: readonly number[],
  { alternatives = 10 }: WriteRequest,
  tell: (event: Streams['generate'][1]) => void,
): (token: number, logits: Floats, finish: FinishReason | undefined) => void {
  const stream = tokenizer.stream();
  for (const id of prompt) stream.push(id); // a branch may begin within a character
  return (id, logits, finish) => {
    const probabilities = softmax(logits);
    const probability = probabilities[id]!;
    tell({
      id,
      // A token that ends a text is not part of it.
      text: (finish === 'eos' ? '' : stream.push(id)) + (finish === undefined ? '' : stream.end()),
      probability,
      rank: 1 + probabilities.reduce((n, p) => n + Number(p > probability), 0),
      entropy: -probabilities.reduce((sum, p) => sum + (p > 0 ? p * log(p) : 0), 0),
      alternatives: mostProbable(probabilities, alternatives).map((id) => ({
        id,
        probability: probabilities[id]!,
      })),
    });
  };
}

/** Keeps what the model said before anything was done to it. */
class LogitsTrace extends Trace {
  logits: Floats = new Float64Array(0);

  override begin(logits: Floats): void {
    super.begin(logits);
    this.logits = logits;
  }
}
