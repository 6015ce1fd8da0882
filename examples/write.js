/** Continues a prompt with a trained model: node write.js runs/nano "The " */
import { freeze, generate, loadModel } from 'inkling';

const [run = 'runs/nano', prompt = 'The '] = process.argv.slice(2);
const model = await loadModel(run);
freeze(model);

process.stdout.write(prompt);
for await (const { text } of generate(model, { prompt, maxNewTokens: 300, seed: 7 })) {
  process.stdout.write(text);
}
process.stdout.write('\n');
