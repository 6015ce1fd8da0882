/** The transformer: tokens in, a score for every possible next token out.
 *
 *     x = embedding[token] (+ table[position], if positions are learned)        what the token is, and where it stands
 *     L times:  x = block(x)                                                     see block.ts
 *     logits = norm(x) headᵀ                                                     compare with every token
 *
 * The head is the embedding itself, or a table of its own. `backward` mirrors `forward` from the last line to the
 * first. Vaswani et al., arXiv 1706.03762; which norm, positions and block is the architecture's: gpt2.ts, qwen3.ts. */
import { Arena, type Parameter, type Precision } from '../tensor/arena.ts';
import type { Kernels } from '../tensor/kernels.ts';
import type { Ids, Tensor } from '../tensor/tensor.ts';
import { type Architecture, block } from './block.ts';
import type { ModelConfig } from './config.ts';
import { dropout } from './dropout.ts';
import { gpt2 } from './gpt2.ts';
import { KvCache } from './kv-cache.ts';
import { Build, type Layer, type Pass } from './layers.ts';
import { qwen3 } from './qwen3.ts';
import { Rotation } from './rotation.ts';

export interface GptOptions {
  readonly kernels: Kernels;
  /** Whole sequences in one full pass; 0 for a model that only samples. */
  readonly batch: number;
  /** Sequences that the key-value cache holds; 0 for a model that never samples. */
  readonly slots: number;
  /** Only a model with gradients can be trained. */
  readonly gradients: boolean;
  readonly precision?: Precision;
  /** Other blocks than the configuration's, for experiments. */
  readonly architecture?: Architecture | undefined;
}

/** What the configuration's architecture is made of. */
export const architectureOf = (config: ModelConfig): Architecture =>
  config.arch === 'gpt2' ? gpt2(config) : qwen3(config);

/** A prompt is read in chunks of so many rows. */
const prefillRows = 64;

export class Gpt {
  readonly config: ModelConfig;
  readonly kernels: Kernels;
  readonly arena: Arena;
  readonly cache: KvCache;
  /** Cached passes by their number of rows. */
  readonly recorded = new Map<number, () => void>();
  readonly #rows: number;
  readonly #embedding: Parameter;
  readonly #learned: Parameter | undefined;
  readonly #rotary: Rotation | undefined;
  readonly #head: Parameter;
  readonly #embedded: Tensor;
  readonly #dropout: Layer;
  readonly #blocks: readonly Layer[];
  readonly #norm: Layer;
  readonly #logits: Tensor;
  readonly #dx: Tensor;
  readonly #dlogits: Tensor;
  readonly #positions: Ids;
  #final!: Tensor;
  #last!: { ids: Ids; positions: Ids; logits: Tensor };

  /** Plans the model; its tensors have memory after `arena.allocate`, which the caller does once all is planned. */
  constructor(config: ModelConfig, options: GptOptions) {
    const { kernels, batch, slots, gradients, precision = 'float32' } = options;
    const { vocabSize: V, contextLength: T, channels: C, layers: L } = config;
    const rows = Math.max(batch * T, slots, slots > 0 ? Math.min(T, prefillRows) : 0);
    const arena = new Arena({ precision, gradients });
    const build = new Build(arena, kernels, rows);
    this.config = config;
    this.kernels = kernels;
    this.arena = arena;
    this.#rows = rows;
    const architecture = options.architecture ?? architectureOf(config);
    const { embedding, positions, head, blocks } = architecture;
    this.#embedding = arena.parameter(embedding, [V, C]);
    if ('learned' in positions) this.#learned = arena.parameter(positions.learned, [T, C]);
    else this.#rotary = new Rotation(arena, rows, { T, D: C / config.heads, theta: positions.rotary });
    this.#embedded = arena.saved('embedded', [rows, C]);
    this.#dropout = dropout(build, 'embedded.drop', C, { rate: config.dropout, site: 0 });
    this.#blocks = Array.from({ length: L }, (_, i) => {
      const inside = build.block(blocks, i);
      return block(inside, config, architecture.parts(inside, batch, i), i);
    });
    this.#norm = architecture.finalNorm(build);
    this.#head = head === undefined ? this.#embedding : arena.parameter(head, [V, C]);
    this.#logits = arena.saved('logits', [rows, V]);
    this.#dlogits = arena.scratch('d logits', [rows, V]);
    this.#dx = arena.scratch('d norm.y', [rows, C]);
    this.#positions = arena.ids('positions', rows);
    this.cache = new KvCache(arena, config, slots, rows);
  }

  /** Whether positions are rotary. If so, the oldest key can be dropped without reading the other tokens again. */
  get rotary(): boolean {
    return this.#rotary !== undefined;
  }

  get parameters(): readonly Parameter[] {
    return this.arena.parameters;
  }

  /** Logits (N V) for ids (N): B sequences of T, one after the other, or one new row for each cached sequence. */
  forward(ids: Ids, pass: Pass): Tensor {
    const N = ids.shape[0]!;
    const positions = 'caches' in pass ? pass.positions : this.#countPositions(N, pass.time);
    const embedded = this.#embedded.rows(N);
    this.kernels.embedding(embedded, this.#embedding.value, ids, 'set');
    if (this.#learned) this.kernels.embedding(embedded, this.#learned.value, positions, 'add');
    const within: Pass = { ...pass, rotation: this.#rotary?.at(positions) };
    let x = this.#dropout.forward(embedded, within);
    for (const layer of this.#blocks) x = layer.forward(x, within);
    this.#last = { ids, positions, logits: this.readOff(x, within) };
    return this.#last.logits;
  }

  /** Logits (N V) of a residual stream (N C); of an earlier block's, they tell what the model would say by then. */
  readOff(x: Tensor, pass: Pass = { batch: 1, time: x.shape[0]! }): Tensor {
    this.#final = this.#norm.forward(x, pass);
    const logits = this.#logits.rows(x.shape[0]!);
    this.kernels.matmulTransposedB(logits, this.#final, this.#head.value, 'set');
    return logits;
  }

  /** Adds to the gradient of every parameter that of scale * (sum of the losses of the last full pass, with targets (N)).
   * @param less (N V), subtracted from the gradient of the logits */
  backward(targets: Ids, scale: number, less?: Tensor): void {
    const { ids, positions, logits } = this.#last;
    const N = ids.shape[0]!;
    const dlogits = this.#dlogits.rows(N);
    let dx = this.#dx.rows(N);
    this.kernels.crossEntropyBackward(dlogits, logits, targets, scale);
    if (less) this.kernels.weightedSum(dlogits, 1, dlogits, -1, less);
    this.kernels.matmulTransposedA(this.#head.grad, dlogits, this.#final, 'add');
    this.kernels.matmul(dx, dlogits, this.#head.value, 'set');
    dx = this.#norm.backward(dx);
    for (let i = this.#blocks.length - 1; i >= 0; i--) dx = this.#blocks[i]!.backward(dx);
    dx = this.#dropout.backward(dx);
    if (this.#learned) this.kernels.embeddingBackward(this.#learned.grad, dx, positions);
    this.kernels.embeddingBackward(this.#embedding.grad, dx, ids);
  }

  /** Logits (N V) after appending ids[n] to the cached sequence slots[n]; one slot may take several rows in a row.
   *
   * A pass of N rows is the same operations on the same tensors each time, whatever these hold; so it is recorded once. */
  extend(slots: ArrayLike<number>, ids: ArrayLike<number>): Tensor {
    const pass = this.cache.append(slots, ids);
    const N = pass.ids.shape[0]!;
    this.#rotary?.at(pass.positions);
    const forward = () => this.forward(pass.ids, pass);
    const again = this.recorded.get(N);
    if (again) again();
    else this.recorded.set(N, this.kernels.record(forward));
    return this.#logits.rows(N);
  }

  /** Appends a whole text to one cached sequence, in chunks; returns the logits (V) after its last token. */
  prefill(slot: number, ids: readonly number[] | Int32Array): Tensor {
    if (ids.length === 0) throw new RangeError('prefill: expected at least one token, got none');
    for (let from = 0; ; from += this.#rows) {
      const chunk = ids.slice(from, from + this.#rows);
      const logits = this.extend(new Array(chunk.length).fill(slot), chunk);
      if (from + chunk.length >= ids.length) return logits.row(chunk.length - 1);
    }
  }

  /** 0 .. T-1, again for each of the sequences. */
  #countPositions(N: number, T: number): Ids {
    const positions = this.#positions.rows(N);
    for (let n = 0; n < N; n++) positions.data[n] = n % T;
    return positions;
  }
}
