/** GPT-2, as Hugging Face's GPT2LMHeadModel computes it.
 *
 *     x = wte[token] + wpe[position]                        what it is, and where it stands
 *     L times:  x = x + attention(layernorm(x))             look at earlier positions
 *               x = x + projection(gelu(fc(layernorm(x))))  think about what was found
 *     logits = layernorm(x) wteᵀ                            compare with every token: the head is tied to wte
 *
 * x is the residual stream: every block adds to it and none overwrites it, so gradients flow through the additions
 * unchanged. `backward` mirrors `forward` from the last line to the first. Radford et al. (2019). */
import { Arena, type Parameter, type Precision } from '../tensor/arena.ts';
import type { Kernels } from '../tensor/kernels.ts';
import type { Ids, Tensor } from '../tensor/tensor.ts';
import type { ModelConfig } from './config.ts';
import { KvCache } from './kv-cache.ts';
import { type Build, Dropout, Gelu, LayerNorm, Linear, type Pass, SelfAttention } from './layers.ts';

export interface GptOptions {
  readonly kernels: Kernels;
  /** Whole sequences in one full pass; 0 for a model that only samples. */
  readonly batch: number;
  /** Sequences that the key-value cache holds; 0 for a model that never samples. */
  readonly slots: number;
  /** With gradients the model can be trained. */
  readonly gradients: boolean;
  readonly precision?: Precision;
}

/** Rows that a prompt is read in at a time. */
const prefillRows = 64;

class Block {
  readonly #kernels: Kernels;
  readonly #ln1: LayerNorm;
  readonly #attention: SelfAttention;
  readonly #dropout1: Dropout;
  readonly #x1: Tensor;
  readonly #ln2: LayerNorm;
  readonly #fc: Linear;
  readonly #gelu: Gelu;
  readonly #proj: Linear;
  readonly #dropout2: Dropout;
  readonly #x2: Tensor;

  constructor(build: Build, config: ModelConfig, batch: number, index: number) {
    const { channels: C, heads: H, feedForward: F, contextLength: T, dropout } = config;
    const name = `transformer.h.${index}`;
    const site = 1 + 3 * index;
    this.#kernels = build.kernels;
    this.#ln1 = new LayerNorm(build, `${name}.ln_1`, C);
    this.#attention = new SelfAttention(build, `${name}.attn`, { C, H, batch, T, dropout, site });
    this.#dropout1 = new Dropout(build, `${name}.attn.drop`, [build.rows, C], dropout, site + 1);
    this.#x1 = build.arena.saved(`${name}.x1`, [build.rows, C]);
    this.#ln2 = new LayerNorm(build, `${name}.ln_2`, C);
    this.#fc = new Linear(build, `${name}.mlp.c_fc`, C, F);
    this.#gelu = new Gelu(build, `${name}.mlp.gelu`, F);
    this.#proj = new Linear(build, `${name}.mlp.c_proj`, F, C);
    this.#dropout2 = new Dropout(build, `${name}.mlp.drop`, [build.rows, C], dropout, site + 2);
    this.#x2 = build.arena.saved(`${name}.x2`, [build.rows, C]);
  }

  forward(x: Tensor, pass: Pass, index: number): Tensor {
    const x1 = this.#x1.rows(x.shape[0]!);
    const x2 = this.#x2.rows(x.shape[0]!);
    const attended = this.#attention.forward(this.#ln1.forward(x), pass, index);
    this.#kernels.add(x1, x, this.#dropout1.forward(attended, pass));
    const thought = this.#proj.forward(this.#gelu.forward(this.#fc.forward(this.#ln2.forward(x1))));
    this.#kernels.add(x2, x1, this.#dropout2.forward(thought, pass));
    return x2;
  }

  /** dx arrives as the gradient of x2 and leaves as the gradient of x: each branch adds its share to it. */
  backward(dx: Tensor): Tensor {
    const dthought = this.#dropout2.backward(dx);
    const dfc = this.#gelu.backward(this.#proj.backward(dthought));
    this.#kernels.add(dx, dx, this.#ln2.backward(this.#fc.backward(dfc)));
    const dattended = this.#dropout1.backward(dx);
    this.#kernels.add(dx, dx, this.#ln1.backward(this.#attention.backward(dattended)));
    return dx;
  }
}

export class Gpt {
  readonly config: ModelConfig;
  readonly kernels: Kernels;
  readonly arena: Arena;
  readonly cache: KvCache;
  readonly #rows: number;
  readonly #wte: Parameter;
  readonly #wpe: Parameter;
  readonly #embedded: Tensor;
  readonly #dropout: Dropout;
  readonly #blocks: readonly Block[];
  readonly #lnf: LayerNorm;
  readonly #logits: Tensor;
  readonly #dx: Tensor;
  readonly #dlogits: Tensor;
  readonly #positions: Ids;
  #last!: { ids: Ids; positions: Ids; final: Tensor; logits: Tensor };

  /** Plans the model; its tensors have memory after `arena.allocate`, which the caller does once all is planned. */
  constructor(config: ModelConfig, options: GptOptions) {
    const { kernels, batch, slots, gradients, precision = 'float32' } = options;
    const { vocabSize: V, contextLength: T, channels: C, layers: L } = config;
    const rows = Math.max(batch * T, slots, slots > 0 ? Math.min(T, prefillRows) : 0);
    const arena = new Arena({ precision, gradients });
    const build: Build = { arena, kernels, rows };
    this.config = config;
    this.kernels = kernels;
    this.arena = arena;
    this.#rows = rows;
    this.#wte = arena.parameter('transformer.wte.weight', [V, C]);
    this.#wpe = arena.parameter('transformer.wpe.weight', [T, C]);
    this.#embedded = arena.saved('transformer.embedded', [rows, C]);
    this.#dropout = new Dropout(build, 'transformer.drop', [rows, C], config.dropout, 0);
    this.#blocks = Array.from({ length: L }, (_, i) => new Block(build, config, batch, i));
    this.#lnf = new LayerNorm(build, 'transformer.ln_f', C);
    this.#logits = arena.saved('logits', [rows, V]);
    this.#dlogits = arena.scratch('d logits', [rows, V]);
    this.#dx = arena.scratch('d transformer.ln_f.y', [rows, C]);
    this.#positions = arena.ids('positions', rows);
    this.cache = new KvCache(arena, config, slots, rows);
  }

  get parameters(): readonly Parameter[] {
    return this.arena.parameters;
  }

  /** Logits (N V) for ids (N): B sequences of T after each other, or one new row for each cached sequence. */
  forward(ids: Ids, pass: Pass): Tensor {
    const N = ids.shape[0]!;
    const positions = 'caches' in pass ? pass.positions : this.#countPositions(N, pass.time);
    const embedded = this.#embedded.rows(N);
    this.kernels.embedding(embedded, this.#wte.value, ids, 'set');
    this.kernels.embedding(embedded, this.#wpe.value, positions, 'add');
    let x = this.#dropout.forward(embedded, pass);
    for (const [i, block] of this.#blocks.entries()) x = block.forward(x, pass, i);
    const final = this.#lnf.forward(x);
    const logits = this.#logits.rows(N);
    this.kernels.matmulTransposedB(logits, final, this.#wte.value, 'set');
    this.#last = { ids, positions, final, logits };
    return logits;
  }

  /** Adds the gradients of scale * (sum of the last full pass's losses against targets (N)) to every parameter's. */
  backward(targets: Ids, scale: number): void {
    const { ids, positions, final, logits } = this.#last;
    const N = ids.shape[0]!;
    const dlogits = this.#dlogits.rows(N);
    let dx = this.#dx.rows(N);
    this.kernels.crossEntropyBackward(dlogits, logits, targets, scale);
    this.kernels.matmulTransposedA(this.#wte.grad, dlogits, final, 'add');
    this.kernels.matmul(dx, dlogits, this.#wte.value, 'set');
    dx = this.#lnf.backward(dx);
    for (let i = this.#blocks.length - 1; i >= 0; i--) dx = this.#blocks[i]!.backward(dx);
    dx = this.#dropout.backward(dx);
    this.kernels.embeddingBackward(this.#wpe.grad, dx, positions);
    this.kernels.embeddingBackward(this.#wte.grad, dx, ids);
  }

  /** Logits (N V) after appending ids[n] to the cached sequence slots[n]; one slot may take several rows in a row. */
  extend(slots: ArrayLike<number>, ids: ArrayLike<number>): Tensor {
    const pass = this.cache.append(slots, ids);
    return this.forward(pass.ids, pass);
  }

  /** Appends a whole text to one cached sequence, in chunks; returns the logits (V) after its last token. */
  prefill(slot: number, ids: ArrayLike<number>): Tensor {
    if (ids.length === 0) throw new RangeError('prefill: expected at least one token, got none');
    const tokens = Array.from(ids);
    for (let from = 0; ; from += this.#rows) {
      const chunk = tokens.slice(from, from + this.#rows);
      const logits = this.extend(new Array(chunk.length).fill(slot), chunk);
      if (from + chunk.length >= tokens.length) return logits.row(chunk.length - 1);
    }
  }

  /** 0 .. T-1, again for each of the sequences. */
  #countPositions(N: number, T: number): Ids {
    const positions = this.#positions.rows(N);
    for (let n = 0; n < N; n++) positions.data[n] = n % T;
    return positions;
  }
}
