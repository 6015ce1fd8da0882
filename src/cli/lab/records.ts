/** A run's records as server-sent events, while they are written: see
 * https://html.spec.whatwg.org/multipage/server-sent-events.html
 *
 *     data: {"kind":"step", ...}     one line of metrics.jsonl
 *     id: 4711, with empty data      the byte after those so far, from which a page that lost the line goes on
 *
 * `event: again` says that the file begins anew, as when a run was started over: what came before no longer counts. */
import { statSync } from 'node:fs';
import type { ServerResponse } from 'node:http';
import { linesFrom } from '../host/lines.ts';

/** Milliseconds between two looks at the file. */
const interval = 500;

/** Sends all records from byte `start` on, then those that come, until the page has gone. */
export function sendRecords(response: ServerResponse, path: string, start: number): void {
  let next = start;
  const look = () => {
    const size = statSync(path, { throwIfNoEntry: false })?.size ?? 0;
    if (size < next) {
      response.write('event: again\ndata:\n\n');
      next = 0;
    }
    // A slow page is not sent more than it takes.
    while (next < size && !response.writableNeedDrain) {
      const { lines, end } = linesFrom(path, next);
      if (end === next) break; // the last line is still being written
      next = end;
      const events = lines.map((line) => `data: ${line.replaceAll('\r', '')}\n\n`).join('');
      response.write(`${events}id: ${end}\ndata:\n\n`);
    }
  };
  const timer = setInterval(look, interval);
  response.on('drain', look);
  response.on('close', () => clearInterval(timer));
  look();
}
