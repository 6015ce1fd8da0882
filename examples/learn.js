/** Learns a text and keeps the run: node learn.js my-text.txt runs/mine 300 */
import { readFileSync } from 'node:fs';
import { generate, saveRun, train } from 'inkling';

const [file, folder, steps = '300'] = process.argv.slice(2);
const text = readFileSync(file, 'utf8');

for await (const event of train({ text, preset: 'nano', steps: Number(steps), evalEvery: 100, seed: 1 })) {
  if (event.kind === 'evaluation') {
    console.log(
      `step ${event.step}: ${event.nll.toFixed(3)} nats, perplexity ${event.perplexity.toFixed(2)}`,
    );
  }
  if (event.kind === 'end') {
    saveRun(folder, event.files);
    let written = '';
    for await (const { text } of generate(event.model, { maxNewTokens: 200, seed: 7 })) written += text;
    console.log(written);
  }
}
