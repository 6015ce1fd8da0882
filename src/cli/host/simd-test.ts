/** node src/cli/host/simd-test.ts '{"fma":true,"wide":true}': prints the operation that is wrong with this target, or nothing.
 * simd-host.ts runs it in a process of its own. */

import { testOf } from '../../tensor/simd/index.ts';
import type { Target } from '../../tensor/simd/machine/target.ts';
import { nodeHost } from './simd-host.ts';

const target = JSON.parse(process.argv[2] ?? '{}') as Target;
nodeHost.mergeVectors(target.wide);
process.stdout.write(testOf(nodeHost, target));
