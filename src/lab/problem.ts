/** The place where a view says what went wrong, and actions that say it there. */
import { make } from './dom.ts';

export interface Problem {
  readonly element: HTMLElement;
  /** Says what an error says; undefined takes it back. */
  say(error: unknown): void;
  /** A listener that takes back what was said, acts, and says what goes wrong. */
  act(action: () => Promise<void>): () => void;
}

export function problemPlace(): Problem {
  const element = make('p', { className: 'problem', hidden: true, attributes: { role: 'alert' } });
  const say = (error: unknown) => {
    element.hidden = error === undefined;
    element.textContent = error === undefined ? '' : (error as Error).message;
  };
  const act = (action: () => Promise<void>) => () => {
    say(undefined);
    action().catch(say);
  };
  return { element, say, act };
}

/** Says in the place of the views why there are none. */
export function cannotStart(error: Error): void {
  const { element, say } = problemPlace();
  say(new Error(`the lab cannot start: ${error.message}`));
  document.getElementById('view')!.replaceChildren(element);
}
