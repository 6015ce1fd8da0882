import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

/** The checkout. */
export const root = fileURLToPath(new URL('../..', import.meta.url));
/** As bin/inkling.js asks for it: Node strips types, and needs no tsx. */
export const stripsTypes = 'typescript' in process.features && Boolean(process.features.typescript);
/** What `npm pack` makes of src, where the tests are better off with that (see built.ts). */
export const built = process.env['INKLING_BUILT'];
/** The command that tests start. */
export const bin = join(built ?? root, 'bin/inkling.js');
