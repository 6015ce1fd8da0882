/** Runs that the browser keeps for this page, in its IndexedDB: files by name. */
import type { Files } from '../library/run-files.ts';

const database = 'inkling';
const runs = 'runs';

export async function keepRun(name: string, files: Files): Promise<void> {
  try {
    await inStore('readwrite', (store) => store.put(new Map(files), name));
  } catch (error) {
    const full = (error as Error).name === 'QuotaExceededError';
    throw new Error(
      full
        ? `the browser has no room for ${name}; nothing was lost: download it, or delete a run that is kept`
        : `the browser keeps nothing here (${(error as Error).message}); download the run instead`,
    );
  }
}

/** The names of all runs that are kept, sorted; none where the browser keeps nothing. */
export async function keptRuns(): Promise<string[]> {
  try {
    return ((await inStore('readonly', (store) => store.getAllKeys())) as string[]).sort();
  } catch {
    return [];
  }
}

export async function keptRun(name: string): Promise<Files> {
  const files = await inStore('readonly', (store) => store.get(name));
  if (files === undefined) throw new Error(`no run called ${name} is kept here any more`);
  return files as Files;
}

export async function forgetRun(name: string): Promise<void> {
  await inStore('readwrite', (store) => store.delete(name));
}

function inStore(mode: IDBTransactionMode, act: (store: IDBObjectStore) => IDBRequest): Promise<unknown> {
  return new Promise((resolve, reject) => {
    const open = indexedDB.open(database, 1);
    open.onupgradeneeded = () => open.result.createObjectStore(runs);
    open.onerror = () => reject(open.error);
    open.onsuccess = () => {
      const transaction = open.result.transaction(runs, mode);
      let request: IDBRequest;
      try {
        request = act(transaction.objectStore(runs));
      } catch (error) {
        open.result.close();
        return reject(error);
      }
      transaction.oncomplete = () => {
        open.result.close();
        resolve(request.result);
      };
      transaction.onabort = () => {
        open.result.close();
        reject(transaction.error ?? request.error);
      };
    };
  });
}
