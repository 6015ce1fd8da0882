/** A GPT on one page: everything that learns and everything that writes, one number at a time, from top to bottom.
 *
 * Nothing is imported and nothing is hidden. The rest of this repository computes the same, faster: src/tensor/reference does
 * with whole arrays what happens here with single numbers, src/tensor/simd does it on all lanes and cores, and a test
 * holds each of the three equal to the one before. The model is GPT-2 (Radford et al., 2019); the idea of
 * numbers that remember is from Karpathy's micrograd. `npm run micro` trains this file on words and makes up new ones. */

// ---- 1. Numbers that remember ----------------------------------------------------------------------------------------
// Training asks of every parameter: if you were a little larger, how much would the loss change? That is its gradient.
// So each number keeps what it was computed from, and its slope towards each of these: the change of the result for a
// small change of that input. A sum has slope 1 towards each term; a product a b has slope b towards a, and a towards b.

export interface Num {
  value: number;
  gradient: number;
  readonly inputs: readonly Num[];
  readonly slopes: readonly number[];
}

export function num(value: number, inputs: readonly Num[] = [], slopes: readonly number[] = []): Num {
  return { value, gradient: 0, inputs, slopes };
}

function sum(...terms: Num[]): Num {
  const total = terms.reduce((so, term) => so + term.value, 0);
  return num(total, terms, new Array(terms.length).fill(1));
}
const times = (a: Num, b: Num): Num => num(a.value * b.value, [a, b], [b.value, a.value]);
const scale = (a: Num, by: number): Num => num(a.value * by, [a], [by]);
const power = (a: Num, n: number): Num => num(a.value ** n, [a], [n * a.value ** (n - 1)]);
const exp = (a: Num): Num => num(Math.exp(a.value), [a], [Math.exp(a.value)]);
const log = (a: Num): Num => num(Math.log(a.value), [a], [1 / a.value]);
const tanh = (a: Num): Num => num(Math.tanh(a.value), [a], [1 - Math.tanh(a.value) ** 2]);

/** a[0] b[0] + a[1] b[1] + ...: large when two vectors point the same way. */
function dot(a: readonly Num[], b: readonly Num[]): Num {
  const [as, bs] = [a.map(({ value }) => value), b.map(({ value }) => value)];
  const total = as.reduce((so, x, i) => so + x * bs[i], 0);
  return num(total, [...a, ...b], [...bs, ...as]);
}

/** The chain rule, once for everything: each input of a number receives the number's gradient times its slope.
 *
 * A number hands its gradient on when all of it has arrived, so after every number that was computed from it. The order is
 * therefore: what was computed last comes first. */
export function backward(loss: Num): void {
  const order: Num[] = [];
  const seen = new Set<Num>();
  const visit = (x: Num): void => {
    if (seen.has(x)) return;
    seen.add(x);
    for (const input of x.inputs) visit(input);
    order.push(x);
  };
  visit(loss);
  loss.gradient = 1;
  for (const { inputs, slopes, gradient } of order.reverse()) {
    for (let i = 0; i < inputs.length; i++) inputs[i].gradient += slopes[i] * gradient;
  }
}

// ---- 2. The parameters -----------------------------------------------------------------------------------------------
// A model is a list of named tables of numbers. At first they are noise; training moves them, and nothing else.

export interface Sizes {
  readonly vocabulary: number; // how many different tokens there are: here, characters
  readonly context: number; // at most so many tokens are read in a row
  readonly channels: number; // inside the model a token is a vector of so many numbers
  readonly heads: number; // attention looks back in so many ways at once
  readonly layers: number;
}

export interface Model {
  readonly sizes: Sizes;
  readonly parameters: ReadonlyMap<string, readonly Num[][]>; // by Hugging Face's names; a vector is a table of one row
}

/** @param random numbers from 0 up to 1 */
export function newModel(sizes: Sizes, random: () => number): Model {
  const { vocabulary, context, channels: C, layers } = sizes;
  const parameters = new Map<string, Num[][]>();
  const table = (name: string, rows: number, columns: number, number: () => number): void => {
    const row = () => Array.from({ length: columns }, () => num(number()));
    parameters.set(`transformer.${name}`, Array.from({ length: rows }, row));
  };
  const [zero, one] = [() => 0, () => 1];
  const noise = () => 0.16 * (random() + random() + random() - 1.5); // close to a normal distribution with deviation 0.08
  const linear = (name: string, from: number, to: number): void => {
    table(`${name}.weight`, from, to, noise);
    table(`${name}.bias`, 1, to, zero);
  };
  const layernorm = (name: string): void => {
    table(`${name}.weight`, 1, C, one);
    table(`${name}.bias`, 1, C, zero);
  };
  table('wte.weight', vocabulary, C, noise); // what each token is
  table('wpe.weight', context, C, noise); // where it stands
  for (let layer = 0; layer < layers; layer++) {
    layernorm(`h.${layer}.ln_1`);
    linear(`h.${layer}.attn.c_attn`, C, 3 * C);
    linear(`h.${layer}.attn.c_proj`, C, C);
    layernorm(`h.${layer}.ln_2`);
    linear(`h.${layer}.mlp.c_fc`, C, 4 * C);
    linear(`h.${layer}.mlp.c_proj`, 4 * C, C);
  }
  layernorm('ln_f');
  return { sizes, parameters };
}

// ---- 3. The model ----------------------------------------------------------------------------------------------------
// It reads one token at a time and says which may come next. What it needs to know of earlier tokens, their keys and
// values, it keeps in a cache. So a token can only see what came before it: that is all that "causal" means. Training
// and writing call the same function.

/** Keys and values of the tokens read so far, by layer and token. */
export type Cache = { keys: Num[][]; values: Num[][] }[];
export const newCache = ({ sizes }: Model): Cache =>
  Array.from({ length: sizes.layers }, () => ({ keys: [], values: [] }));

/** Reads the next token; returns a score (logit) for each token that may follow. */
export function read({ sizes, parameters }: Model, cache: Cache, token: number): Num[] {
  const { channels: C, heads, layers } = sizes;
  const table = (name: string) => parameters.get(`transformer.${name}`)!;
  const linear = (x: Num[], name: string): Num[] => {
    const [weight, [bias]] = [table(`${name}.weight`), table(`${name}.bias`)];
    return columns(weight).map((column, j) => sum(dot(x, column), bias[j]));
  };
  const layernorm = (x: Num[], name: string): Num[] => {
    const minusMean = scale(sum(...x), -1 / C);
    const centred = x.map((v) => sum(v, minusMean));
    const variance = scale(dot(centred, centred), 1 / C);
    const inverse = power(sum(variance, num(1e-5)), -0.5);
    const [gain, shift] = [table(`${name}.weight`)[0], table(`${name}.bias`)[0]];
    return centred.map((v, c) => sum(times(times(v, inverse), gain[c]), shift[c]));
  };
  const add = (x: readonly Num[], y: readonly Num[]): Num[] => x.map((v, c) => sum(v, y[c]));

  const position = cache[0].keys.length;
  let x = add(table('wte.weight')[token], table('wpe.weight')[position]);
  for (let layer = 0; layer < layers; layer++) {
    // Attention. Each token asks a question (query), and each earlier token offers a label (key) and a content (value).
    const qkv = linear(layernorm(x, `h.${layer}.ln_1`), `h.${layer}.attn.c_attn`);
    const { keys, values } = cache[layer];
    keys.push(qkv.slice(C, 2 * C));
    values.push(qkv.slice(2 * C));
    const D = C / heads;
    const attended = Array.from({ length: heads }, (_, head): Num[] => {
      const part = (v: Num[]) => v.slice(head * D, (head + 1) * D);
      const query = part(qkv);
      const shares = softmax(keys.map((key) => scale(dot(query, part(key)), 1 / Math.sqrt(D))));
      return columns(values.map(part)).map((channel) => dot(shares, channel)); // the contents, averaged by these shares
    });
    x = add(x, linear(attended.flat(), `h.${layer}.attn.c_proj`));
    // The feed-forward layer works on what attention brought, for each token by itself.
    const hidden = linear(layernorm(x, `h.${layer}.ln_2`), `h.${layer}.mlp.c_fc`).map(gelu);
    x = add(x, linear(hidden, `h.${layer}.mlp.c_proj`));
  }
  const last = layernorm(x, 'ln_f');
  return table('wte.weight').map((embedding) => dot(last, embedding)); // how much does the result look like each token?
}

/** Scores to probabilities: positive, with sum 1. Subtracting the largest changes nothing and lets nothing overflow. */
function softmax(scores: readonly Num[]): Num[] {
  const largest = num(-Math.max(...scores.map(({ value }) => value)));
  const weights = scores.map((score) => exp(sum(score, largest)));
  const inverse = power(sum(...weights), -1);
  return weights.map((weight) => times(weight, inverse));
}

/** A soft switch: nearly 0 for negative numbers, nearly x for positive ones. */
function gelu(x: Num): Num {
  const inner = scale(sum(x, scale(power(x, 3), 0.044715)), Math.sqrt(2 / Math.PI));
  return times(scale(x, 0.5), sum(num(1), tanh(inner)));
}

const columns = (rows: readonly Num[][]): Num[][] => rows[0].map((_, j) => rows.map((row) => row[j]));

// ---- 4. The loss -----------------------------------------------------------------------------------------------------

/** How much each next token surprises the model, on average, in nats: minus the logarithm of the probability that it gave to
 * the right one. It always reads the true text, not its own guesses ("teacher forcing"). */
export function lossOf(model: Model, tokens: readonly number[], targets = tokens.slice(1)): Num {
  const cache = newCache(model);
  const surprises = targets.map((target, t) =>
    scale(log(softmax(read(model, cache, tokens[t]))[target]), -1),
  );
  return scale(sum(...surprises), 1 / surprises.length);
}

// ---- 5. The optimizer ------------------------------------------------------------------------------------------------

export interface UpdateSettings {
  readonly learningRate: number;
  readonly beta1: number; // how much of the mean gradient a step keeps: 0.9 makes a mean over about ten steps
  readonly beta2: number; // the same for the mean of its square
  readonly weightDecay: number;
  readonly clip: number; // the gradients of all parameters are one long vector; it is shortened to this length
}

/** AdamW (Loshchilov and Hutter, 2019): every parameter takes a step of about the learning rate against its gradient, divided
 * by the gradient's usual size. Tables are pulled towards 0 as well, vectors are not. Then all gradients are 0 again. */
export function newOptimizer({ parameters }: Model, s: UpdateSettings): (learningRate?: number) => void {
  const all = [...parameters.values()].flatMap((table) => {
    const decay = table.length > 1 ? s.weightDecay : 0;
    return table.flat().map((number) => ({ number, decay, mean: 0, square: 0 }));
  });
  let step = 0;
  return (learningRate = s.learningRate) => {
    step += 1;
    const norm = Math.sqrt(all.reduce((so, { number }) => so + number.gradient ** 2, 0));
    const shorten = Math.min(1, s.clip / norm);
    for (const memory of all) {
      const { number, decay } = memory;
      const gradient = number.gradient * shorten;
      memory.mean = s.beta1 * memory.mean + (1 - s.beta1) * gradient;
      memory.square = s.beta2 * memory.square + (1 - s.beta2) * gradient ** 2;
      const mean = memory.mean / (1 - s.beta1 ** step); // corrects for a memory that starts at 0
      const size = Math.sqrt(memory.square / (1 - s.beta2 ** step));
      number.value -= learningRate * (mean / (size + 1e-8) + decay * number.value);
      number.gradient = 0;
    }
  };
}

// ---- 6. Training and writing ------------------------------------------------------------------------------------------

/** One step: predict, measure, go back, update. The more texts, the less the gradient depends on chance. */
export function trainStep(model: Model, texts: readonly number[][], update: () => void): number {
  const loss = scale(sum(...texts.map((tokens) => lossOf(model, tokens))), 1 / texts.length);
  backward(loss);
  update();
  return loss.value;
}

/** Draws tokens after `start`, until the context is full or the token that stands between texts comes: the first of `start`.
 * The lower the temperature, the more it prefers likely tokens. */
export function write(model: Model, start: number[], temperature: number, random: () => number): number[] {
  const cache = newCache(model);
  const tokens = [...start];
  for (let t = 0; t < model.sizes.context; t++) {
    const scores = read(model, cache, tokens[t]);
    if (t < start.length - 1) continue; // what is given is only read
    const shares = softmax(scores.map((score) => scale(score, 1 / temperature)));
    let token = -1; // a dart hits a point of [0, 1), where each token owns a part as long as it is likely
    for (let dart = random(); dart >= 0 && token + 1 < shares.length; dart -= shares[token].value) token += 1;
    tokens.push(token);
    if (token === start[0]) break;
  }
  return tokens;
}
