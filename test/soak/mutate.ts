/** tsx test/soak/mutate.ts --mutations 2000: damaged checkpoints are refused with one line or load to identical numbers. */
import { parseArgs } from 'node:util';
import { mutate } from '../support/mutations.ts';

const { values } = parseArgs({
  options: { mutations: { type: 'string', default: '2000' }, seed: { type: 'string', default: '2' } },
});
const [count, seed] = [Number(values.mutations), Number(values.seed)];
let failures = 0;
for (const checksums of [true, false]) {
  const { refused, same, wrong } = await mutate(count, seed, { checksums });
  for (const what of wrong) console.log(`FAILED: ${what}`);
  failures += wrong.length;
  const rest = checksums ? '' : `, ${count - refused - same} to others: without checksums nobody can tell`;
  console.log(`${refused} refused, ${same} loaded to identical numbers${rest}`);
}
console.log(`${2 * count} mutations, ${failures} failures`);
process.exitCode = failures === 0 ? 0 : 1;
