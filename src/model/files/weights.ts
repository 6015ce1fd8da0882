/** The tensors of a model folder: model.safetensors, or else the files that model.safetensors.index.json lists. Hugging Face's
 * library cuts large models into such files:
 *
 *     { "metadata": { ... }, "weight_map": { "name of a tensor": "name of its file", ... } } */
import { isObject, quote, show } from '../json.ts';
import { readJson } from '../json-reader.ts';
import { readSafetensors, type StoredTensor } from './safetensors.ts';

/** A file of the folder, or undefined where there is none of that name. */
export type ReadFile = (file: string) => Uint8Array | undefined;

const whole = 'model.safetensors';
const index = `${whole}.index.json`;

/** All tensors by the names that they are stored under. Throws a RangeError of one line; `source` is the folder. */
export function readWeights(read: ReadFile, source: string): Map<string, StoredTensor> {
  const bytes = read(whole);
  const listed = bytes === undefined ? read(index) : undefined;
  if (listed === undefined) {
    return readSafetensors(bytes ?? missing(whole, source), `${source}/${whole}`);
  }
  const fileOf = readWeightMap(readJson(listed, `${source}/${index}`), `${source}/${index}`);
  const tensors = new Map<string, StoredTensor>();
  for (const file of new Set(fileOf.values())) {
    for (const [name, tensor] of readSafetensors(needed(read, file, source), `${source}/${file}`)) {
      if (fileOf.get(name) !== file) {
        const listing = fileOf.get(name) ?? 'nowhere';
        throw new RangeError(
          `${source}/${file}: tensor ${quote(name)} is here; ${index} has it in ${listing}`,
        );
      }
      tensors.set(name, tensor);
    }
  }
  for (const [name, file] of fileOf) {
    if (!tensors.has(name)) {
      throw new RangeError(`${source}/${index}: tensor ${quote(name)} is not in ${file}, where it should be`);
    }
  }
  return tensors;
}

/** A file that has to be there. */
export function needed(read: ReadFile, file: string, source: string): Uint8Array {
  return read(file) ?? missing(file, source);
}

function missing(file: string, source: string): never {
  throw new RangeError(`cannot read ${source}/${file}: no such file or folder`);
}

/** The file of each tensor. Only names of files are taken, never a path: it could lead out of the folder. */
function readWeightMap(value: unknown, source: string): Map<string, string> {
  const map = isObject(value) ? value['weight_map'] : undefined;
  if (!isObject(map)) throw new RangeError(`${source}: weight_map: expected an object, got ${show(map)}`);
  return new Map(
    Object.entries(map).map(([name, file]) => {
      if (typeof file === 'string' && /^[\w-][\w.-]*\.safetensors$/.test(file)) return [name, file];
      const expected = 'the name of a .safetensors file in this folder';
      throw new RangeError(`${source}: weight_map: ${quote(name)}: expected ${expected}, got ${show(file)}`);
    }),
  );
}
