/** Says which continuation is the likeliest: node choose.js runs/nano "The cat sat on the " "mat." "sea." */
import { loadModel, score } from 'inkling';

const [run, prompt, ...choices] = process.argv.slice(2);
const model = await loadModel(run);
const before = model.tokenizer.encode(prompt).length;

const found = choices.map((choice) => {
  const nats = score(model, prompt + choice).nlls.slice(before);
  return { choice, logProbability: -nats.reduce((sum, nll) => sum + nll, 0), tokens: nats.length };
});
found.sort((a, b) => b.logProbability - a.logProbability);
for (const { choice, logProbability, tokens } of found) {
  console.log(
    `${logProbability.toFixed(3).padStart(9)} nats  ${(logProbability / tokens).toFixed(3)} a token  ${choice}`,
  );
}
