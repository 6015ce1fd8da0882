/** The engine as the page sees it. The page's own thread only asks and draws: everything is computed in a worker. */
import type { Calls, Question, Reply, Streams } from './protocol.ts';

/** Many answers, then one. Leaving the loop early cancels. */
export interface Stream<Event, End> extends AsyncIterable<Event> {
  readonly end: Promise<End>;
  cancel(): void;
}

interface Waiting {
  event(value: unknown): void;
  result(value: unknown): void;
  error(reason: Error): void;
}

/** How a worker is started: from its file. A page that is one file has its text instead. */
export const workers = {
  start: () => new Worker(new URL('./worker.ts', import.meta.url), { type: 'module' }),
};

export class Engine {
  readonly #worker: Worker;
  readonly #waiting = new Map<number, Waiting>();
  #next = 0;

  constructor(worker = workers.start()) {
    this.#worker = worker;
    worker.onmessage = ({ data }: MessageEvent<Reply>) => {
      const waiting = this.#waiting.get(data.id);
      if ('event' in data) waiting?.event(data.event);
      else {
        this.#waiting.delete(data.id);
        if ('error' in data) waiting?.error(new Error(data.error));
        else waiting?.result(data.result);
      }
    };
    worker.onerror = ({ message }) => {
      for (const { error } of this.#waiting.values()) error(new Error(`the engine has stopped: ${message}`));
      this.#waiting.clear();
    };
  }

  call<K extends keyof Calls>(name: K, given: Calls[K][0]): Promise<Calls[K][1]> {
    return new Promise((resolve, reject) => {
      this.#ask(name, given, {
        event: () => {},
        result: (value) => resolve(value as Calls[K][1]),
        error: reject,
      });
    });
  }

  stream<K extends keyof Streams>(name: K, given: Streams[K][0]): Stream<Streams[K][1], Streams[K][2]> {
    const events: Streams[K][1][] = [];
    let [wake, over] = [() => {}, false];
    let id = 0;
    const end = new Promise<Streams[K][2]>((resolve, reject) => {
      const settle =
        <T>(then: (value: T) => void) =>
        (value: T) => {
          over = true;
          then(value);
          wake();
        };
      id = this.#ask(name, given, {
        event: (value) => {
          events.push(value as Streams[K][1]);
          wake();
        },
        result: settle((value) => resolve(value as Streams[K][2])),
        error: settle(reject),
      });
    });
    end.catch(() => {}); // who iterates gets the error there
    const cancel = () => this.#send({ id, cancel: true });
    return {
      end,
      cancel,
      async *[Symbol.asyncIterator]() {
        try {
          for (;;) {
            while (events.length > 0) yield events.shift()!;
            if (over) break;
            await new Promise<void>((resolve) => (wake = resolve));
          }
          await end;
        } finally {
          if (!over) cancel();
        }
      },
    };
  }

  /** Ends the worker and all that it computes. */
  close(): void {
    this.#worker.terminate();
  }

  #ask(name: string, given: unknown, waiting: Waiting): number {
    const id = this.#next++;
    this.#waiting.set(id, waiting);
    this.#send({ id, name, given });
    return id;
  }

  #send(question: Question): void {
    this.#worker.postMessage(question);
  }
}
