/** The runs that the lab may show, read only and by plain names: the folders under runs/, and one that was named. */
import { readdirSync, realpathSync, statSync } from 'node:fs';
import { basename, dirname, join, resolve, sep } from 'node:path';
import { isFolder } from '../host/files.ts';
import { holdsRecords } from '../runs/folder.ts';

export interface RunFile {
  /** Within the run, with slashes: 'best/config.json'. */
  readonly path: string;
  readonly bytes: number;
}

/** What a run or a model folder holds that a page can use; never a report, a lock or a hidden file. */
const runFile = /^((best|step-\d{8})\/)?\w[\w.-]*\.(json|jsonl|safetensors|txt)$/;
const parts = /^(best|step-\d{8})$/;

export class Shelf {
  /** The name of the run that was asked for, if one was. */
  readonly chosen: string | undefined;
  readonly #folder: string;
  readonly #chosenPath: string | undefined;

  /** @param folder of runs; it need not exist. @param run a run or model folder anywhere */
  constructor(folder: string, run?: string) {
    this.#folder = folder;
    if (run === undefined) return;
    if (!isFolder(run)) throw new Error(`cannot show ${run}: no such folder; expected a run or a model`);
    this.chosen = basename(resolve(run));
    this.#chosenPath = run;
  }

  /** The names of all runs, sorted. */
  names(): string[] {
    const there = isFolder(this.#folder) ? readdirSync(this.#folder) : [];
    const runs = there.filter((name) => this.#isInFolder(name));
    return [...new Set([...runs, ...(this.chosen === undefined ? [] : [this.chosen])])].sort();
  }

  /** What a run holds; undefined for a name that is no run's. */
  files(run: string): RunFile[] | undefined {
    const root = this.#rootOf(run);
    if (root === undefined) return undefined;
    const list = (folder: string): string[] => {
      const names = isFolder(join(root, folder)) ? readdirSync(join(root, folder)) : [];
      return names.map((name) => (folder === '' ? name : `${folder}/${name}`));
    };
    return list('')
      .flatMap((name) => (parts.test(name) ? list(name) : [name]))
      .flatMap((path) => {
        const file = this.file(run, path);
        return file === undefined ? [] : [{ path, bytes: statSync(file).size }];
      })
      .sort((a, b) => (a.path < b.path ? -1 : 1));
  }

  /** Where a file of a run really is; undefined unless it is one of its own, inside of its folder whatever links say. */
  file(run: string, path: string): string | undefined {
    const root = this.#rootOf(run);
    if (root === undefined || !runFile.test(path)) return undefined;
    const file = realPath(join(root, path));
    return file?.startsWith(root + sep) && statSync(file).isFile() ? file : undefined;
  }

  /** The real path of a run's folder. */
  #rootOf(name: string): string | undefined {
    if (name === this.chosen) return realPath(this.#chosenPath!);
    return this.#isInFolder(name) ? realPath(join(this.#folder, name)) : undefined;
  }

  #isInFolder(name: string): boolean {
    if (name.startsWith('.') || /[/\\\0]/.test(name)) return false;
    const path = realPath(join(this.#folder, name));
    return path !== undefined && dirname(path) === realPath(this.#folder) && holdsRecords(path);
  }
}

function realPath(path: string): string | undefined {
  try {
    return realpathSync(path);
  } catch {
    return undefined; // not there, or not for us
  }
}
