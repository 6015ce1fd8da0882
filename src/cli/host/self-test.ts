/** The program that nodeHost.tested runs in a process of its own: prints the operation that is wrong with wide vectors, if one
 * is. Arguments: whether multiply-add is fused. */
import { selfTest } from '../../tensor/simd/index.ts';
import { hasRelaxedSimd } from '../../tensor/simd/machine/target.ts';
import { nodeHost } from './simd-host.ts';

if (!hasRelaxedSimd()) nodeHost.enableRelaxedSimd();
nodeHost.mergeVectors(true);
process.stdout.write(selfTest(nodeHost, process.argv[2] === 'fma'));
