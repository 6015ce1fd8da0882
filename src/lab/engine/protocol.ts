/** What the page can ask of the engine, which computes in a worker: calls have one answer, streams many and then one.
 *
 * A new question is a line here and a function in engine.ts. What goes through are plain values, typed arrays and maps. */
import type { TailLoop } from '../../evaluate/repetition.ts';
import type { Files } from '../../library/run-files.ts';
import type { SamplerSettings } from '../../library/stages.ts';
import type { TrainingEnd } from '../../library/training.ts';
import type { TrainRequest } from '../../library/training-parts.ts';
import type { ModelConfig } from '../../model/config.ts';
import type { BpeParts } from '../../model/text/bpe-json.ts';
import type { MetricsRecord } from '../../train/metrics.ts';
import type { RunSettings } from '../../train/state.ts';
import type { Differences, Product, ProductPlace } from './product-protocol.ts';
import type { Tree, TreeRequest } from './tree-protocol.ts';

export interface Machine {
  /** Asked for and there; one where threads cannot share memory. */
  readonly threads: number;
  /** What decides the last bit of a result, as run.json has it. */
  readonly arithmetic: string;
}

export interface ModelInfo {
  readonly name: string;
  /** Updates done; undefined where the files do not say. */
  readonly step: number | undefined;
  readonly config: ModelConfig;
  readonly tokenizer: 'char' | 'bpe';
  readonly parameters: number;
  /** Each token of the vocabulary as it is shown, by id. */
  readonly tokens: readonly string[];
}

/** A text as the model sees it. */
export interface Tokens {
  readonly ids: Int32Array;
  /** How many characters have no token and were left out. */
  readonly unknown: number;
}

/** What tokens are learned from a text. In the text of a token, bytes that are no whole character stand as `escapeBytes`
 * writes them. */
export interface Vocabularies {
  /** Characters by id. */
  readonly characters: readonly string[];
  /** BPE tokens by id: 256 bytes, then what each merge made. */
  readonly pieces: readonly string[];
  /** Of BPE, in the order in which they were learned. */
  readonly merges: BpeParts['merges'];
  /** How often each pair occurred when it was joined. */
  readonly counts: readonly number[];
}

export interface NextToken extends Tokens {
  /** Scores of the V tokens, as the model gives them. */
  readonly logits: Float32Array;
}

/** What was drawn, and from what. */
export interface Written {
  readonly id: number;
  /** What can now be shown; empty where a character is not whole yet. */
  readonly text: string;
  /** Of the token, of all that the model gave. */
  readonly probability: number;
  /** The token's place in the ranking; 1 is the best. */
  readonly rank: number;
  /** In nats, of the model's own distribution. */
  readonly entropy: number;
  /** The most probable tokens, the best first. */
  readonly alternatives: readonly { readonly id: number; readonly probability: number }[];
}

/** How many texts beam search keeps at a time, each in a cache slot. */
export const beamWidth = 4;

/** What a text is to go on from, and how. */
export interface WriteRequest {
  readonly text: string;
  /** Goes before `text` as it is, for a branch; then `text` may be empty. */
  readonly ids?: readonly number[];
  readonly settings: SamplerSettings;
  readonly maxNewTokens: number;
  readonly alternatives?: number;
}
export interface WritingEnd {
  readonly ids: readonly number[];
  readonly finishReason: string;
}

/** How much a text repeats itself: see src/evaluate/repetition.ts. */
export interface Repetition {
  /** rep-n over characters; null where there are too few. */
  readonly share: number | null;
  /** Of each character, whether it lies in a run that the text has had before. */
  readonly repeated: readonly boolean[];
  /** What the text ends in, in characters; null for no loop. */
  readonly loop: TailLoop | null;
}

export interface Attention extends Tokens {
  /** Of each layer, (H T T): row t of a head is what token t looks at. */
  readonly layers: readonly Float32Array[];
  readonly heads: number;
}

/** What each layer would say if it were the last: layer 0 is the embedding, L the model's own answer. */
export interface Lens extends Tokens {
  /** By layer, then position. The true token is the one that comes next in the text; rank 0 says that none does. */
  readonly layers: readonly (readonly {
    readonly best: readonly { readonly id: number; readonly probability: number }[];
    readonly rank: number;
    readonly probability: number;
  }[])[];
}

export interface LabTrainRequest extends TrainRequest {
  /** Begin with the weights, sizes and tokenizer of the model that is looked at, as the command does with --init. */
  readonly init?: 'looked' | undefined;
}

/** A head of attention; both count from 0. */
export type Head = readonly [layer: number, head: number];

/** Tokens as their embeddings place them; all of it in the order of `ids`. */
export interface Embeddings {
  readonly ids: readonly number[];
  /** x and y by turns: along the two directions in which the embeddings differ the most. */
  readonly places: Float64Array;
  /** How much of all variance lies along each of the two. */
  readonly shares: readonly [x: number, y: number];
  /** Of each, the others whose embeddings point the most alike, the best first. */
  readonly neighbours: readonly (readonly { readonly id: number; readonly cosine: number }[])[];
}

export type TrainingEvent =
  | {
      readonly kind: 'begin';
      readonly model: ModelInfo;
      readonly settings: RunSettings;
      readonly corpusSha256: string;
    }
  /** As it stands in metrics.jsonl. */
  | { readonly kind: 'record'; readonly record: MetricsRecord };

/** Name: [what is given, what comes back]. */
export interface Calls {
  /** Starts the kernels; once, before all else. */
  open: [{ readonly threads?: number; readonly math?: 'auto' | 'portable' }, Machine];
  /** Makes a model the one that is looked at: of a run folder its best, else its newest; or a model folder. */
  load: [{ readonly files: Files; readonly name: string }, ModelInfo];
  /** The one that is looked at: loaded, or being trained; undefined where there is none yet. */
  model: [Record<string, never>, ModelInfo | undefined];
  /** Takes up a run that has stopped, on its own text; `goOn` trains it. */
  reopen: [{ readonly files: Files; readonly name: string; readonly text: string }, ModelInfo];
  /** The files of the run being trained, as the command would have written them; `baselines` as the call gave them. */
  files: [{ readonly baselines?: readonly number[] | undefined }, Files];
  /** The model as it was at an evaluation of the run being trained: files for `load`. */
  kept: [{ readonly step: number }, Files];
  /** `pieces`: the text of each token, as in `Vocabularies`. */
  tokenize: [{ readonly text: string }, Tokens & { readonly pieces: readonly string[] }];
  /** What each token of a text adds to it; empty where a character is not whole yet. */
  pieces: [{ readonly ids: readonly number[] }, readonly string[]];
  /** The characters of a text, and the first `most` merges of BPE or as many as it gives. */
  vocabularies: [{ readonly text: string; readonly most: number }, Vocabularies];
  /** Ids of a text after all merges. */
  mergeAll: [{ readonly text: string; readonly merges: BpeParts['merges'] }, Int32Array];
  distribution: [{ readonly text: string }, NextToken];
  /** Over runs of n characters, for every tokenizer, so that models can be compared. */
  repetition: [{ readonly text: string; readonly n: number }, Repetition];
  /** `most`: read no more than so many tokens, the newest. */
  attention: [{ readonly text: string; readonly most?: number }, Attention];
  lens: [{ readonly text: string; readonly best?: number; readonly most?: number }, Lens];
  embeddings: [{ readonly ids: readonly number[] }, Embeddings];
  product: [ProductPlace, Product];
  /** The two gradients of `product`, measured: four passes in float64. */
  differences: [ProductPlace, Differences];
  /** What beam search considered after a text, and texts drawn beside it. */
  tree: [TreeRequest, Tree];
  /** Held-out losses of counting models in nats per character, by order. It takes seconds: ask another engine. */
  baselines: [{ readonly text: string }, readonly number[]];
}
/** Name: [what is given, each event, what comes at the end]. Cancelling a training pauses it after its step. */
export interface Streams {
  train: [LabTrainRequest, TrainingEvent, TrainingEnd];
  goOn: [Record<string, never>, TrainingEvent, TrainingEnd];
  generate: [WriteRequest & { readonly seed: number }, Written, WritingEnd];
  /** The likeliest text that beam search finds, told once it is found; log P is the model's own, in nats. */
  beam: [WriteRequest, Written, WritingEnd & { readonly logProbability: number }];
  /** The loss of a text in nats per token, once for each set of heads that is switched off; `scored` tokens, all but the
   * first. */
  ablate: [
    {
      readonly text: string;
      readonly off: readonly (readonly Head[])[];
      readonly most?: number;
    },
    number,
    { readonly scored: number },
  ];
}

export type Question =
  | { readonly id: number; readonly name: string; readonly given: unknown }
  | { readonly id: number; readonly cancel: true };
export type Reply =
  | { readonly id: number; readonly event: unknown }
  | { readonly id: number; readonly result: unknown }
  | { readonly id: number; readonly error: string };
