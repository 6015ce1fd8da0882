/** What the fast backend needs from Node and cannot have in pure code: a V8 flag, and threads. */
import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, writeFileSync } from 'node:fs';
import { cpus, tmpdir } from 'node:os';
import { extname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
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

  /** Node 22 and newer know the flag where they are built for x64; from 24 on it has an effect. Asking the build first,
   * because a flag that V8 does not know makes it print a complaint. */
  mergeVectors(on) {
    const { v8_enable_wasm_simd256_revec: built } = process.config.variables as Record<string, unknown>;
    if (process.arch !== 'x64' || built !== 1) return false;
    v8.setFlagsFromString(on ? '--experimental-wasm-revectorize' : '--no-experimental-wasm-revectorize');
    return on;
  },

  now: () => performance.now(),

  optimized(action) {
    v8.setFlagsFromString('--wasm-sync-tier-up');
    v8.setFlagsFromString('--wasm-tiering-budget=100');
    try {
      return action();
    } finally {
      v8.setFlagsFromString('--no-wasm-sync-tier-up');
      v8.setFlagsFromString('--wasm-tiering-budget=13000000'); // V8's own
    }
  },

  /** The test runs in a process of its own, for on some code V8 does not go wrong but breaks off. Only that all is well is
   * remembered, by an empty file of that name: one that cannot be written or read costs the test anew. 'wx' writes to no
   * file or link that is there. */
  tested(code, { fma }) {
    const processor = cpus()[0]?.model ?? '';
    const key = createHash('sha256').update(`${process.version} ${process.arch} ${processor}\n`).update(code);
    const path = join(tmpdir(), `inkling-tested-${key.digest('hex').slice(0, 32)}`);
    if (existsSync(path)) return '';
    const program = fileURLToPath(new URL(`self-test${extname(import.meta.url)}`, import.meta.url));
    const args = ['--no-warnings', program, fma ? 'fma' : 'portable'];
    const { status, stdout } = spawnSync(process.execPath, args, { encoding: 'utf8', timeout: 10_000 });
    if (status !== 0) return 'compiling';
    if (stdout === '') {
      try {
        writeFileSync(path, '', { flag: 'wx' });
      } catch {
        // The next start tests again.
      }
    }
    return stdout;
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
