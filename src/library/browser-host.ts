/** What the fast kernels need from a browser: threads, which a page has where it is isolated from other sites. */
import type { SimdHost } from '../tensor/simd/machine/pool.ts';

export const browserHost: SimdHost = {
  enableRelaxedSimd() {}, // browsers have it or not
  mergeVectors: () => false, // nor is there a way to ask one for wider vectors
  optimized: (action) => action(),
  now: () => performance.now(),
  tested: () => '',

  /** The thread's code is text, as in Node, so that one file need not be found from another. */
  startWorker(source, data, ended) {
    const code = `onmessage = ({ data }) => (${source})(data, () => postMessage('ready'));`;
    const url = URL.createObjectURL(new Blob([code], { type: 'text/javascript' }));
    return new Promise((resolve, reject) => {
      const worker = new Worker(url);
      worker.onmessage = () => {
        URL.revokeObjectURL(url);
        resolve(worker);
      };
      worker.onerror = ({ message }) => {
        reject(new Error(message)); // does nothing if it was ready before
        ended(message);
      };
      worker.postMessage(data);
    });
  },
};

/** Lets messages in that have come meanwhile, a matter of microseconds: a timer would wait for milliseconds. */
export function breathe(): Promise<void> {
  return new Promise((resolve) => {
    const { port1, port2 } = new MessageChannel();
    port1.onmessage = () => {
      port1.close();
      resolve();
    };
    port2.postMessage(null);
  });
}
