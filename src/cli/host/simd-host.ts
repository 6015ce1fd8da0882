/** What the fast backend needs from Node and cannot have in pure code: a V8 flag, and threads. */
import v8 from 'node:v8';
import { Worker } from 'node:worker_threads';
import type { SimdHost } from '../../tensor/simd/machine/pool.ts';

export const nodeHost: SimdHost = {
  /** Node 20 has relaxed SIMD, with its final opcodes, behind a V8 flag, which holds for all threads of the process
   * and may be set at any time before a module that needs it is compiled. Newer Nodes have it without, and no longer
   * know the flag. Whether multiply-add then really is fused is found out by running it: see target.ts. */
  enableRelaxedSimd() {
    v8.setFlagsFromString('--experimental-wasm-relaxed-simd');
  },

  /** The worker's code is text, not a file: on Node 20 a worker cannot load a TypeScript file under tsx without
   * starting tsx again, which takes six times as long. It is unref'ed, so it never keeps the process alive. */
  startWorker(source, data, ended) {
    const code = `const { parentPort, workerData } = require('node:worker_threads');
      (${source})(workerData, () => parentPort.postMessage('ready'));`;
    return new Promise((resolve, reject) => {
      const worker = new Worker(code, { eval: true, workerData: data, execArgv: [] });
      let reason = '';
      let closing = false;
      worker.once('message', () => {
        worker.unref();
        resolve({
          terminate() {
            closing = true;
            void worker.terminate();
          },
        });
      });
      worker.once('error', (error) => {
        reason = error.message;
      });
      worker.once('exit', (code) => {
        reason ||= `it ended with exit code ${code}`;
        reject(new Error(reason)); // does nothing if it was ready before
        if (!closing) ended(reason);
      });
    });
  },
};
