/** A small training and a text drawn from it, as the engine is asked for them: in Node here, in a browser there. */
import { readFileSync } from 'node:fs';
import { nodeHost } from '../../src/cli/host/simd-host.ts';
import { type Ask, createEngine } from '../../src/lab/engine/engine.ts';
import type { Calls, Streams } from '../../src/lab/engine/protocol.ts';
import type { Files } from '../../src/library/run-files.ts';

/** The beginning of the shipped stories. */
export const smallText = readFileSync(new URL('../../data/stories.txt', import.meta.url), 'utf8').slice(
  0,
  20_000,
);

export const smallRun: Omit<Streams['train'][0], 'text'> = {
  data: 'small.txt',
  preset: 'nano',
  sizes: { layers: 2, channels: 32, heads: 2, contextLength: 32, dropout: 0.1 },
  settings: { steps: 30, batchSize: 4, evalEvery: 10, evalTokens: 256, seed: 5 },
};
export const smallDraw: Streams['generate'][0] = {
  text: 'The ',
  settings: { temperature: 0.8, topP: 0.95, repetitionPenalty: 1.1 },
  seed: 7,
  maxNewTokens: 500,
};

/** The engine in this process, with the types of its questions. */
export class NodeEngine {
  readonly #ask: Ask = createEngine(nodeHost);

  call<K extends keyof Calls>(name: K, given: Calls[K][0]): Promise<Calls[K][1]> {
    return this.#ask(name, given, () => {}, new AbortController().signal) as Promise<Calls[K][1]>;
  }

  /** The end of a stream; `see` gets its events and may stop it. */
  stream<K extends keyof Streams>(
    name: K,
    given: Streams[K][0],
    see: (event: Streams[K][1], stop: () => void) => void = () => {},
  ): Promise<Streams[K][2]> {
    const controller = new AbortController();
    const tell = (event: unknown) => see(event as Streams[K][1], () => controller.abort());
    return this.#ask(name, given, tell, controller.signal) as Promise<Streams[K][2]>;
  }
}

/** The sums that a run's folders carry of all their files. */
export function checksums(files: Files): Record<string, string> {
  const sums = [...files].filter(([path]) => path.endsWith('checksums.txt'));
  return Object.fromEntries(sums.map(([path, bytes]) => [path, new TextDecoder().decode(bytes)]));
}
