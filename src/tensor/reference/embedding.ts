/** Embedding: row n of y is the table's row ids[n]. It turns token ids into vectors, and position numbers too.
 *
 * Backward. A row of the table was copied to every n with that id, so the gradients of all these n are added to it:
 *     dtable[v] += sum of dy[n] over all n with ids[n] = v */
import { check, dims } from '../dims.ts';
import type { Ids, Tensor } from '../tensor.ts';

export function embedding(y: Tensor, table: Tensor, ids: Ids, start: 'set' | 'add'): void {
  const { N, C, V } = dims('embedding', { table: [table, 'V C'], ids: [ids, 'N'], y: [y, 'N C'] });
  for (let n = 0; n < N; n++) {
    const yRow = n * C;
    const tableRow = checked('embedding', ids, n, V) * C;
    for (let c = 0; c < C; c++) {
      const value = table.data[tableRow + c];
      y.data[yRow + c] = start === 'add' ? y.data[yRow + c] + value : value;
    }
  }
}

export function embeddingBackward(dtable: Tensor, dy: Tensor, ids: Ids): void {
  const { N, C, V } = dims('embeddingBackward', {
    dy: [dy, 'N C'],
    ids: [ids, 'N'],
    dtable: [dtable, 'V C'],
  });
  for (let n = 0; n < N; n++) {
    const dyRow = n * C;
    const tableRow = checked('embeddingBackward', ids, n, V) * C;
    for (let c = 0; c < C; c++) dtable.data[tableRow + c] += dy.data[dyRow + c];
  }
}

/** The id at n, which must be one of 0 .. V - 1. */
export function checked(operation: string, ids: Ids, n: number, V: number): number {
  const id = ids.data[n];
  if (!(id >= 0 && id < V)) check(operation, false, `${ids.name}[${n}] in 0 .. ${V - 1}`, { [ids.name]: id });
  return id;
}
