/** npm run export: one page with a model in it, to be handed on. */
import { existsSync } from 'node:fs';
import { basename, resolve } from 'node:path';
import type { Packet } from '../lab/packet.ts';
import { type Checkpoint, encodeCheckpoint, loadParameters } from '../model/files/checkpoint.ts';
import { toHalf } from '../model/files/half.ts';
import { readSafetensors, writeSafetensors } from '../model/files/safetensors.ts';
import { Gpt } from '../model/gpt.ts';
import { reference } from '../tensor/reference/index.ts';
import { runCommand, version } from './command/command.ts';
import { bundlePage } from './export/bundle.ts';
import { exportedPage } from './export/page.ts';
import { recordsOf } from './export/records.ts';
import { isFolder, writeFile } from './host/files.ts';
import { oneLine } from './host/printable.ts';
import { findCheckpoint, readCheckpoint, runOf } from './runs/folder.ts';
import { size } from './train/lines.ts';

const precisions = ['f32', 'f16'] as const;

const command = {
  name: 'export',
  summary:
    'Writes one HTML file with a model, its tokenizer and the lab in it. A double click opens it in any browser, without a network: it writes, shows how, and trains on, on one thread.',
  flags: {
    run: { kind: 'text', value: 'DIR', help: 'a run folder or a model folder (default: the newest run)' },
    out: { kind: 'text', value: 'FILE', help: "where the page goes (default the run's name and .html)" },
    weights: {
      kind: 'choice',
      choices: precisions,
      help: 'f32 keeps every bit, so the page writes the text of npm run sample (default); f16 rounds the weights: half the size, and texts may differ',
    },
    overwrite: { kind: 'switch', help: 'replace the file if it is there', aliases: ['force'] },
  },
  examples: [
    'npm run export',
    'npm run export -- --run runs/nano --out story.html',
    'npm run export -- --run runs/nano --out small.html --weights f16',
  ],
} as const;

/** Bytes of weights. In base64 they are a third more, and a browser's texts end at half a gigabyte. */
const mostBytes = 2 ** 28;

await runCommand(command, async ({ run, out: given, weights = 'f32', overwrite = false }) => {
  const source = findCheckpoint(run);
  const records = runOf(source);
  const name = basename(resolve(records ?? source));
  const out = given ?? `${name}.html`;
  if (existsSync(out) && (isFolder(out) || !overwrite)) {
    throw new Error(
      isFolder(out)
        ? `cannot write ${out}: this is a folder; expected a file`
        : `${out} is there already; choose another --out, or say --overwrite to replace it`,
    );
  }
  const { worker, ...scripts } = await bundlePage();
  const [tensors, texts] = filesOf(readCheckpoint(source), source, weights);
  const files = { ...texts, ...(records === undefined ? {} : recordsOf(records)) };
  const packet: Packet = { version: version(), name, weights, worker, files };
  const content = exportedPage(scripts, packet, tensors);
  writeFile(out, content);
  const all = Buffer.byteLength(content);
  const part = Math.ceil(tensors.length / 3) * 4;
  console.log(
    `wrote ${oneLine(out)}: ${size(part)} of weights and ${Math.ceil((all - part) / 1e3)} kB of page; a double click opens it`,
  );
});

/** The weights as one file, and the model's other files. Sizes and names are Inkling's own, whatever software saved them. */
function filesOf(
  checkpoint: Checkpoint,
  source: string,
  precision: (typeof precisions)[number],
): [weights: Uint8Array, texts: Record<string, string>] {
  const model = new Gpt(checkpoint.config, { kernels: reference, batch: 0, slots: 0, gradients: false });
  const width = precision === 'f16' ? 2 : 4;
  const bytes = width * model.parameters.reduce((sum, { value }) => sum + value.size, 0);
  if (bytes > mostBytes) {
    const advice = precision === 'f32' && bytes / 2 <= mostBytes ? '; try --weights f16' : '';
    throw new Error(
      `${source} is too large for a page: expected at most ${size(mostBytes)} of weights, got ${size(bytes)}${advice}`,
    );
  }
  model.arena.allocate(model.kernels.memory);
  loadParameters(model, checkpoint, source);
  const { 'model.safetensors': whole, ...rest } = Object.fromEntries(
    encodeCheckpoint(model, checkpoint.tokenizer),
  );
  const texts = Object.fromEntries(
    Object.entries(rest).map(([name, bytes]) => [name, new TextDecoder().decode(bytes)]),
  );
  const { eosTokens } = checkpoint;
  if (eosTokens.length > 0) texts['generation_config.json'] = JSON.stringify({ eos_token_id: eosTokens });
  return [precision === 'f16' ? rounded(whole!, source) : whole!, texts];
}

/** The same weights as F16. */
function rounded(bytes: Uint8Array, source: string): Uint8Array {
  const tensors = [...readSafetensors(bytes, source).values()].map(({ name, shape, data }) => {
    const halves = toHalf(data);
    const large = halves.findIndex((half) => (half & 0x7fff) === 0x7c00);
    if (large < 0) return { name, shape, data: halves };
    throw new Error(`${source}: ${name} holds ${data[large]}, which f16 cannot hold; use --weights f32`);
  });
  return writeSafetensors(tensors, { format: 'pt' });
}
