/** The engine: a model to look at, a training, and the kernels that compute both. It knows no page and no worker.
 *
 * While a model is trained, what is asked about it is asked of a copy, brought up to date between two steps; so nothing that
 * anybody looks at can change what is learned, and a text that is being written is that of one model. */
import { ngramBaselines } from '../../evaluate/ngram.ts';
import { repeatedTokens, repN, tailLoop } from '../../evaluate/repetition.ts';
import { type Machine, openMachine } from '../../library/machine.ts';
import { type Files, readModel } from '../../library/run-files.ts';
import { Training, type TrainingEnd } from '../../library/training.ts';
import { newRun, type Start, savedRun } from '../../library/training-parts.ts';
import type { ModelConfig } from '../../model/config.ts';
import { loadParameters } from '../../model/files/checkpoint.ts';
import { Gpt } from '../../model/gpt.ts';
import { CharTokenizer, normalizeText } from '../../model/text/tokenizer.ts';
import type { Kernels } from '../../tensor/kernels.ts';
import type { SimdHost } from '../../tensor/simd/machine/pool.ts';
import { encodeSplit } from '../../train/dataset.ts';
import { oneText } from '../../train/documents.ts';
import { ablate } from './ablation.ts';
import { differencesOf } from './differences.ts';
import { embeddingsOf } from './embeddings.ts';
import { attentionOf, lensOf } from './inside.ts';
import { type Learning, planRoom } from './lesson.ts';
import type { Looked } from './looked.ts';
import { productOf } from './product.ts';
import { beamWidth, type Calls, type ModelInfo, type Streams, type TrainingEvent } from './protocol.ts';
import { encodePrompt, nextToken, piecesOf, write, writeLikeliest } from './sampling.ts';
import { treeOf } from './tree.ts';
import { mergeAll, tokenTexts, vocabularies } from './vocabularies.ts';
import { watched } from './watched.ts';

/** What answers: one function a name in protocol.ts. */
type Answers = {
  [K in keyof Calls]: (given: Calls[K][0]) => Calls[K][1] | Promise<Calls[K][1]>;
} & {
  [K in keyof Streams]: (
    given: Streams[K][0],
    tell: (event: Streams[K][1]) => void,
    signal: AbortSignal,
  ) => Promise<Streams[K][2]>;
};

/** The first ones write, the last is for a single look. */
const slots = beamWidth + 1;

export type Ask = (
  name: string,
  given: unknown,
  tell: (event: unknown) => void,
  signal: AbortSignal,
) => Promise<unknown>;

export function createEngine(host: SimdHost): Ask {
  let wanted: Calls['open'][0] = {};
  let looked: Learning | undefined;
  let training: Training | undefined;
  let close = () => {};
  let writing = Promise.resolve();
  let holders = 0;

  /** Makes something on new kernels, whose memory is never given back: so each model has its own. The old ones go once the
   * new model is there; if it fails, they stay. */
  const renew = async <T>(use: (machine: Machine) => T | Promise<T>): Promise<T> => {
    const machine = await openMachine(host, wanted);
    try {
      const made = await use(machine);
      close();
      close = () => machine.close();
      return made;
    } catch (error) {
      machine.close();
      throw error;
    }
  };

  const look = (
    parts: Omit<Learning, 'gpt' | 'inputs' | 'room' | 'products'>,
    config: ModelConfig,
    k: Kernels,
  ): Learning => {
    const products = watched(k);
    const gpt = new Gpt(config, { kernels: products.kernels, batch: 1, slots, gradients: true });
    const inputs = gpt.arena.ids('lab.inputs', config.contextLength);
    const room = planRoom(gpt.arena, config.contextLength);
    gpt.arena.allocate(k.memory);
    return { ...parts, gpt, inputs, room, products };
  };

  /** The model that is looked at, as it is now. */
  const model = (): Learning => {
    if (looked === undefined) throw new Error('there is no model yet: train one, or open a run');
    const { training, gpt } = looked;
    if (training !== undefined && holders === 0 && looked.step !== training.modelStep) {
      gpt.arena.params.data.set(training.trainer.model.arena.params.data);
      looked.step = training.modelStep;
    }
    return looked;
  };

  /** The same, for something that takes a while: until it is done, the model stays as it is. */
  const hold = async <T>(use: (looked: Looked) => Promise<T>): Promise<T> => {
    const looked = model();
    holders += 1;
    return use(looked).finally(() => {
      holders -= 1;
    });
  };

  /** Makes a training the model that is looked at. */
  const follow = (name: string, fresh: Training, { kernels: k }: Machine): ModelInfo => {
    const { tokenizer, trainer } = fresh;
    const parts = { name, step: undefined, tokenizer, eosTokens: [], unequalDropouts: undefined };
    looked = look({ ...parts, training: fresh }, trainer.model.config, k);
    training = fresh;
    return infoOf(model());
  };

  /** One text after the other: they are written in the same slots. */
  const inTurn = <T>(work: (looked: Looked) => Promise<T>): Promise<T> => {
    const written = writing.then(() => hold(work));
    writing = written.then(
      () => {},
      () => {},
    );
    return written;
  };

  const current = (): Training => {
    if (training === undefined) throw new Error('there is no training yet');
    return training;
  };

  const answers: Answers = {
    open: async (given) => {
      wanted = given;
      const machine = await openMachine(host, wanted);
      machine.close();
      return { arithmetic: machine.arithmetic, threads: machine.threads };
    },
    load: async ({ files, name }) => {
      const checkpoint = await readModel(files, name);
      const { config, tokenizer, step, eosTokens, unequalDropouts } = checkpoint;
      const parts = { name, step, tokenizer, eosTokens, unequalDropouts, training: undefined };
      return renew(({ kernels: k }) => {
        const loaded = look(parts, config, k);
        loadParameters(loaded.gpt, checkpoint, name);
        [looked, training] = [loaded, undefined];
        return infoOf(loaded);
      });
    },
    model: () => (looked === undefined ? undefined : infoOf(model())),
    reopen: ({ files, name, text }) =>
      renew(async (machine) =>
        follow(name, new Training(await savedRun(files, name, text, machine)), machine),
      ),
    files: ({ baselines }) => current().files(baselines),
    kept: ({ step }) => current().kept(step) as Files,
    tokenize: ({ text }) => {
      const { tokenizer } = model();
      const tokens = encodePrompt(tokenizer, text);
      return { ...tokens, pieces: tokenTexts(tokenizer, tokens.ids) };
    },
    pieces: ({ ids }) => piecesOf(model().tokenizer, ids),
    distribution: ({ text }) => nextToken(model(), text, slots - 1),
    repetition: ({ text, n }) => {
      const characters = [...text];
      const repeated = repeatedTokens(characters, n);
      return { share: repN(characters, n), repeated, loop: tailLoop(characters) };
    },
    vocabularies,
    mergeAll,
    attention: ({ text, most }) => attentionOf(model(), text, most),
    lens: ({ text, best, most }) => lensOf(model(), text, best, most),
    embeddings: ({ ids }) => embeddingsOf(model(), ids),
    ablate: (given, tell, signal) => hold((looked) => ablate(looked, given, tell, signal)),
    product: (given) => productOf(model(), given),
    differences: (given) => differencesOf(model(), given),
    tree: (given) => inTurn(async (looked) => treeOf(looked, given)),
    baselines: ({ text }) => baselinesOf(text),
    train: async (request, tell, signal) => {
      const start = request.init === undefined ? undefined : startOf(model());
      const [fresh, info] = await renew(async (machine) => {
        const fresh = new Training(await newRun(request, machine, start));
        return [fresh, follow(start?.name ?? request.preset, fresh, machine)] as const;
      });
      const { settings, identity } = fresh;
      tell({ kind: 'begin', model: info, settings, corpusSha256: identity.corpusSha256 });
      return tellAll(fresh, tell, signal);
    },
    goOn: (_, tell, signal) => tellAll(current(), tell, signal),
    generate: (given, tell, signal) => inTurn((looked) => write(looked, given, tell, signal)),
    beam: (given, tell, signal) => inTurn((looked) => writeLikeliest(looked, given, tell, signal)),
  };

  return async (name, given, tell, signal) => {
    if (!Object.hasOwn(answers, name)) throw new Error(`the engine knows no ${name}`);
    const answer = answers[name as keyof Answers] as (...parts: unknown[]) => unknown;
    try {
      return await answer(given, tell, signal);
    } catch (error) {
      throw plainError(error);
    }
  };
}

/** Trains on, telling what is recorded. */
async function tellAll(
  training: Training,
  tell: (event: TrainingEvent) => void,
  signal: AbortSignal,
): Promise<TrainingEnd> {
  const run = training.run(signal);
  for (;;) {
    const { done, value } = await run.next();
    if (done) return value;
    tell({ kind: 'record', record: value });
  }
}

/** What a training begins with that goes on from a model. */
function startOf({ gpt, tokenizer, name, unequalDropouts }: Looked): Start & { readonly name: string } {
  if (unequalDropouts !== undefined) {
    throw new Error(
      `${name} has ${unequalDropouts}, and a training here has one dropout; give them one value in its config.json`,
    );
  }
  return { name, config: gpt.config, tokenizer, params: Float32Array.from(gpt.arena.params.data) };
}

function infoOf({ gpt, tokenizer, name, step }: Looked): ModelInfo {
  return {
    ...{ name, step, config: gpt.config, tokenizer: tokenizer.kind },
    parameters: gpt.parameters.reduce((sum, { value }) => sum + value.size, 0),
    tokens: Array.from({ length: tokenizer.vocabSize }, (_, id) => tokenizer.tokenText(id)),
  };
}

/** Over characters for every tokenizer, so that runs on one text have the same bars to clear. */
function baselinesOf(given: string): readonly number[] {
  const text = normalizeText(given);
  const characters = CharTokenizer.train(text);
  const { train, validation } = encodeSplit(oneText(text), characters);
  return ngramBaselines(train, validation, { V: characters.vocabSize });
}

/** An error in the page's words: of memory that is not there, and of fields that the command has flags for. */
function plainError(error: unknown): Error {
  const message = (error instanceof Error ? error.message : String(error))
    .replace('--unknown skip leaves them out', 'take them out of the text')
    .replace('--context ', 'a context of ')
    .replace(/(?<=\s)--(?=[a-z])/g, '');
  const full =
    error instanceof RangeError && /^(Invalid (typed )?array|Array buffer|WebAssembly\.Memory)/.test(message);
  return full ? new Error('there is not enough memory for this; choose smaller sizes') : new Error(message);
}
