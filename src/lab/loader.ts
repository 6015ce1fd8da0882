/** The one script of an exported page that stands in it as it is: unpacks the other, exported.ts, and runs it. The page's
 * policy names both by their checksums. */
import { make } from './dom.ts';
import { unpacked } from './packed.ts';
import { cannotStart } from './problem.ts';

const load = async () =>
  document.body.append(make('script', { type: 'module', text: await unpacked('script') }));
load().catch(cannotStart);
