/** The worker that the engine lives in: questions come in as messages, answers go out. */
import { browserHost } from '../../library/browser-host.ts';
import { createEngine } from './engine.ts';
import type { Question, Reply } from './protocol.ts';

/** What is used of a worker's global object. */
interface Scope {
  onmessage: (message: MessageEvent<Question>) => void;
  postMessage(reply: Reply): void;
}
const scope = globalThis as unknown as Scope;

const engine = createEngine(browserHost);
const running = new Map<number, AbortController>();

scope.onmessage = async ({ data }) => {
  const { id } = data;
  if ('cancel' in data) {
    running.get(id)?.abort();
    return;
  }
  const controller = new AbortController();
  running.set(id, controller);
  try {
    const tell = (event: unknown) => scope.postMessage({ id, event });
    scope.postMessage({ id, result: await engine(data.name, data.given, tell, controller.signal) });
  } catch (error) {
    scope.postMessage({ id, error: error instanceof Error ? error.message : String(error) });
  } finally {
    running.delete(id);
  }
};
