/** What `npm run micro` does: a list of words teaches src/model/micro.ts to make up words like them. */
import { newModel, newOptimizer, trainStep, write } from '../../model/micro.ts';
import { RandomStream } from '../../tensor/random.ts';
import { counted } from '../../train/metrics.ts';
import { oneLine } from '../host/printable.ts';
import type { Terminal } from '../host/terminal.ts';

const sizes = { context: 16, channels: 16, heads: 4, layers: 1 } as const;
const settings = { learningRate: 0.01, beta1: 0.9, beta2: 0.95, weightDecay: 0, clip: 1 } as const;
const batchSize = 4; // words in one step
const made = 20; // words at the end
const temperature = 0.8;

/** The longest word that fits into the context, with the token before it. */
export const longest = sizes.context - 1;
const fits = (word: string): boolean => [...word].length <= longest;

/** The distinct lines of a list, or the distinct words of a text, in lower case and of at least 3 letters. A file is a list if
 * most of its lines are no longer than `longest`; longer lines and words are left out, and so are empty lines. */
export function wordsOf(text: string): string[] {
  const lines = text.split('\n').flatMap((line) => line.trim() || []);
  const isList = lines.filter(fits).length > lines.length / 2;
  const words = isList ? lines : (text.toLowerCase().match(/[\p{L}\p{M}]{3,}/gu) ?? []);
  return [...new Set(words.filter(fits))];
}

/** Trains on the words and writes new ones; the same seed gives the same lines. */
export async function runMicro(
  words: readonly string[],
  { steps, seed }: { readonly steps: number; readonly seed: number },
  terminal: Pick<Terminal, 'line' | 'progress'>,
): Promise<void> {
  // One character is one token. Token 0 stands before and after every word.
  const characters = ['\n', ...[...new Set(words.join(''))].sort()];
  const idOf = new Map(characters.map((character, id) => [character, id]));
  const texts = words.map((word) => [0, ...Array.from(word, (character) => idOf.get(character)!), 0]);

  const noise = new RandomStream(seed, 'init');
  let drawn = 0;
  const model = newModel({ vocabulary: characters.length, ...sizes }, () => noise.uniform(drawn++));
  const parameters = [...model.parameters.values()].flat(2).length;
  terminal.line(
    `${counted(words.length, 'word')} of ${characters.length - 1} characters; a model of ${counted(parameters, 'parameter')}; seed ${seed}`,
  );

  const update = newOptimizer(model, settings);
  const choice = new RandomStream(seed, 'batch');
  const stretch = Math.ceil(steps / 10); // steps between two lines
  let [sum, count] = [0, 0];
  for (let step = 0; step < steps; step++) {
    const batch = Array.from({ length: batchSize }, (_, i) => texts[choice.below(texts.length, step, 0, i)]);
    const learningRate = settings.learningRate * (1 - step / steps);
    const loss = trainStep(model, batch, () => update(learningRate));
    [sum, count] = [sum + loss, count + 1];
    const line = `step ${String(step + 1).padStart(String(steps).length)}/${steps}  loss ${(sum / count).toFixed(4)}`;
    if (count < stretch && step + 1 < steps) terminal.progress(line);
    else {
      await terminal.line(line);
      [sum, count] = [0, 0];
    }
  }

  const darts = new RandomStream(seed, 'sample');
  const written = Array.from({ length: made }, (_, word) => {
    let dart = 0;
    const tokens = write(model, [0], temperature, () => darts.uniform(dart++, word));
    return tokens.flatMap((id) => (id === 0 ? [] : characters[id])).join('');
  });
  const known = written.filter((word) => words.includes(word)).length;
  const fresh = written.filter((word) => word !== '' && !words.includes(word)).length;
  await terminal.line(`\n${made} words that it made up:`);
  for (const word of written) await terminal.line(`  ${oneLine(word) || '(empty)'}`);
  await terminal.line(`\n${fresh} of them are new, ${known} in the list`);
}
