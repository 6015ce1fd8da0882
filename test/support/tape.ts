/** An independent judge of the trainer's gradients: scalar automatic differentiation, and a GPT-2 built from scalars.
 *
 * It shares nothing with src: no tensors, no kernels, no hand-derived backward, not even the exponential. Each node
 * keeps its inputs and the slope towards each (the local derivative); the chain rule stands once, in `gradients`.
 * Nodes are recorded as they are made, so inputs always come before what is made of them, and walking the tape from
 * its end visits them in the order that the chain rule needs. After Karpathy's micrograd, at a GPT's size. */

interface Node {
  readonly value: number;
  readonly inputs: readonly Node[];
  readonly slopes: readonly number[];
  gradient: number;
}

class Tape {
  readonly #nodes: Node[] = [];

  node(value: number, inputs: readonly Node[] = [], slopes: readonly number[] = []): Node {
    const node = { value, inputs, slopes, gradient: 0 };
    this.#nodes.push(node);
    return node;
  }

  /** The chain rule: whatever a node receives, its inputs receive times their slope. */
  gradients(loss: Node): void {
    loss.gradient = 1;
    for (const { inputs, slopes, gradient } of this.#nodes.toReversed()) {
      inputs.forEach((input, i) => {
        input.gradient += slopes[i] * gradient;
      });
    }
  }

  sum(...terms: Node[]): Node {
    const value = terms.reduce((total, term) => total + term.value, 0);
    return this.node(value, terms, new Array(terms.length).fill(1));
  }

  /** sum of a[i] b[i] */
  dot(a: readonly Node[], b: readonly Node[]): Node {
    const value = a.reduce((total, x, i) => total + x.value * b[i].value, 0);
    return this.node(
      value,
      [...a, ...b],
      [...b, ...a].map((x) => x.value),
    );
  }

  times(a: Node, b: Node): Node {
    return this.dot([a], [b]);
  }

  scale(a: Node, factor: number): Node {
    return this.node(a.value * factor, [a], [factor]);
  }

  power(a: Node, n: number): Node {
    return this.node(a.value ** n, [a], [n * a.value ** (n - 1)]);
  }

  exp(a: Node): Node {
    return this.node(Math.exp(a.value), [a], [Math.exp(a.value)]);
  }

  log(a: Node): Node {
    return this.node(Math.log(a.value), [a], [1 / a.value]);
  }

  tanh(a: Node): Node {
    return this.node(Math.tanh(a.value), [a], [1 - Math.tanh(a.value) ** 2]);
  }

  mean(x: readonly Node[]): Node {
    return this.scale(this.sum(...x), 1 / x.length);
  }

  softmax(x: readonly Node[]): Node[] {
    const shift = this.node(-Math.max(...x.map((v) => v.value))); // a constant: it cancels
    const e = x.map((v) => this.exp(this.sum(v, shift)));
    const inverse = this.power(this.sum(...e), -1);
    return e.map((v) => this.times(v, inverse));
  }

  gelu(x: Node): Node {
    const inner = this.scale(this.sum(x, this.scale(this.power(x, 3), 0.044715)), Math.sqrt(2 / Math.PI));
    return this.times(this.scale(x, 0.5), this.sum(this.node(1), this.tanh(inner)));
  }

  layernorm(x: readonly Node[], gain: readonly Node[], shift: readonly Node[]): Node[] {
    const minusMean = this.scale(this.mean(x), -1);
    const centred = x.map((v) => this.sum(v, minusMean));
    const variance = this.mean(centred.map((v) => this.power(v, 2)));
    const rstd = this.power(this.sum(variance, this.node(1e-5)), -0.5);
    return centred.map((v, c) => this.sum(this.times(this.times(v, rstd), gain[c]), shift[c]));
  }
}

/** A parameter under its Hugging Face name and shape, such as transformer.h.0.attn.c_attn.weight (C, 3C). */
export type Parameters = Map<string, { shape: readonly number[]; data: ArrayLike<number> }>;

/** GPT-2 with a tied head, without dropout; the loss is the mean cross-entropy of all positions, in nats.
 * inputs and targets hold B sequences of token ids; logits are (B T V); gradients have the names of the parameters. */
export function microGpt(
  parameters: Parameters,
  { heads }: { heads: number },
  inputs: readonly (readonly number[])[],
  targets: readonly (readonly number[])[],
): { loss: number; logits: Float64Array; gradients: Map<string, Float64Array> } {
  const tape = new Tape();
  const nodes = new Map<string, Node[]>();
  for (const [name, { data }] of parameters)
    nodes.set(
      name,
      Array.from(data, (value) => tape.node(value)),
    );
  const vector = (name: string): Node[] => nodes.get(`transformer.${name}`)!;
  const matrix = (name: string): Node[][] => {
    const [, columns] = parameters.get(`transformer.${name}`)!.shape;
    return chunks(vector(name), columns);
  };
  /** x w + bias for each row of x. */
  const linear = (x: Node[][], name: string): Node[][] => {
    const columns = transpose(matrix(`${name}.weight`));
    const bias = vector(`${name}.bias`);
    return x.map((row) => columns.map((column, n) => tape.sum(tape.dot(row, column), bias[n])));
  };
  const layernorm = (x: Node[][], name: string): Node[][] =>
    x.map((row) => tape.layernorm(row, vector(`${name}.weight`), vector(`${name}.bias`)));
  const residual = (x: Node[][], y: Node[][]): Node[][] =>
    x.map((row, t) => row.map((v, c) => tape.sum(v, y[t][c])));

  const attention = (x: Node[][], name: string): Node[][] => {
    const [C, D] = [x[0].length, x[0].length / heads];
    const qkv = linear(x, `${name}.c_attn`);
    const y = qkv.map((row, t) =>
      Array.from({ length: heads }, (_, h) => {
        const part = (r: Node[], third: number) => r.slice(third * C + h * D, third * C + (h + 1) * D);
        const past = qkv.slice(0, t + 1);
        const scores = past.map((r) => tape.scale(tape.dot(part(row, 0), part(r, 1)), 1 / Math.sqrt(D)));
        const probs = tape.softmax(scores);
        return transpose(past.map((r) => part(r, 2))).map((channel) => tape.dot(probs, channel));
      }).flat(),
    );
    return linear(y, `${name}.c_proj`);
  };
  const mlp = (x: Node[][], name: string): Node[][] => {
    const hidden = linear(x, `${name}.c_fc`).map((row) => row.map((v) => tape.gelu(v)));
    return linear(hidden, `${name}.c_proj`);
  };

  const embeddings = matrix('wte.weight');
  const positions = matrix('wpe.weight');
  const logits = inputs.flatMap((sequence) => {
    let x = residual(
      sequence.map((id) => embeddings[id]),
      positions,
    );
    for (let layer = 0; nodes.has(`transformer.h.${layer}.ln_1.weight`); layer++) {
      const h = `h.${layer}`;
      x = residual(x, attention(layernorm(x, `${h}.ln_1`), `${h}.attn`));
      x = residual(x, mlp(layernorm(x, `${h}.ln_2`), `${h}.mlp`));
    }
    return layernorm(x, 'ln_f').map((row) => embeddings.map((embedding) => tape.dot(row, embedding)));
  });
  const losses = targets.flat().map((id, n) => tape.scale(tape.log(tape.softmax(logits[n])[id]), -1));
  const loss = tape.mean(losses);
  tape.gradients(loss);

  return {
    loss: loss.value,
    logits: Float64Array.from(logits.flat(), (logit) => logit.value),
    gradients: new Map(
      [...nodes].map(([name, list]) => [name, Float64Array.from(list, (node) => node.gradient)]),
    ),
  };
}

function chunks<T>(list: readonly T[], length: number): T[][] {
  return Array.from({ length: list.length / length }, (_, i) => list.slice(i * length, (i + 1) * length));
}

function transpose<T>(rows: readonly (readonly T[])[]): T[][] {
  return rows[0].map((_, column) => rows.map((row) => row[column]));
}
