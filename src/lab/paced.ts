/** Asking the engine again and again while a model is trained, without slowing that down much. */

export interface Paced {
  /** Something has changed: asks when it is time. */
  again(): void;
  /** Somebody waits for it: asks as soon as the question at work is answered. */
  now(): void;
  stop(): void;
}

/** Asks one question at a time. Between two it rests for three times as long as the answer took, so that at most a quarter of
 * the engine's time goes into looking; and for a quarter of a second at least, as nobody sees more pictures than that. */
export function paced(ask: () => Promise<void>): Paced {
  let [asking, free] = [false, 0];
  let waiting: 'no' | 'again' | 'now' | 'for good' = 'no';
  let timer: ReturnType<typeof setTimeout> | undefined;
  const start = async () => {
    clearTimeout(timer);
    [asking, waiting, timer] = [true, 'no', undefined];
    const began = performance.now();
    await ask();
    const ended = performance.now();
    free = ended + Math.max(250, 3 * (ended - began));
    asking = false;
    next();
  };
  const next = () => {
    if (asking) return;
    if (waiting === 'now') void start();
    else if (waiting === 'again' && timer === undefined)
      timer = setTimeout(() => void start(), Math.max(0, free - performance.now()));
  };
  const want = (how: typeof waiting) => {
    if (waiting === 'for good' || (waiting === 'now' && how === 'again')) return;
    waiting = how;
    next();
  };
  return {
    again: () => want('again'),
    now: () => want('now'),
    stop: () => {
      clearTimeout(timer);
      waiting = 'for good';
    },
  };
}
