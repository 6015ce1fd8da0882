/** npm run export as a user runs it: what is in the page, how large it is, and what it refuses. */
import { createHash } from 'node:crypto';
import { copyFileSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { gunzipSync } from 'node:zlib';
import { beforeAll, describe, expect, it } from 'vitest';
import { bundlePage } from '../../src/cli/export/bundle.ts';
import { exportedPage } from '../../src/cli/export/page.ts';
import { readSafetensors, writeSafetensors } from '../../src/model/files/safetensors.ts';
import { NodeEngine, smallRun, smallText } from '../lab/support.ts';
import { elementsOf } from '../report/markup.ts';
import { inklingIn, inklings } from '../support/command.ts';
import { readExported } from '../support/exported.ts';
import { suiteFolder } from '../support/scratch.ts';

const folder = suiteFolder();
const path = (...parts: string[]) => join(folder, ...parts);
const golden = fileURLToPath(new URL('../golden/gpt2-tiny', import.meta.url));
/** What the issue of this command allows besides the weights. */
const mostOfPage = 300_000;

beforeAll(async () => {
  const engine = new NodeEngine();
  await engine.call('open', { threads: 1, math: 'portable' });
  await engine.stream('train', { text: smallText, ...smallRun });
  for (const [name, bytes] of await engine.call('files', { baselines: [3, 2] })) {
    mkdirSync(dirname(path('run', name)), { recursive: true });
    writeFileSync(path('run', name), bytes);
  }
  mkdirSync(path('foreign'));
  for (const name of ['config.json', 'tokenizer.json', 'model.safetensors']) {
    copyFileSync(join(golden, name), path('foreign', name));
  }
  writeFileSync(path('foreign/generation_config.json'), '{"eos_token_id": [12, 99]}');
});

const exporting = (...args: string[]) => inklingIn(folder, 'export', ...args);
/** What `npm run sample` writes, and the page's engine from what stands in the page. */
async function texts(run: string, page: string): Promise<[command: string, engine: string]> {
  const settings = ['--temperature', '0.7', '--top-p', '0.9', '--tokens', '120', '--seed', '11'];
  const prompt = 'a bed';
  const { out } = await inklingIn(folder, 'sample', '--run', run, '--prompt', prompt, ...settings, '--json');
  const engine = new NodeEngine();
  await engine.call('open', {});
  await engine.call('load', { files: readExported(path(page)).files, name: 'page' });
  let text = '';
  await engine.stream(
    'generate',
    { text: prompt, settings: { temperature: 0.7, topP: 0.9 }, seed: 11, maxNewTokens: 120 },
    (token) => {
      text += token.text;
    },
  );
  return [(JSON.parse(out) as { text: string }).text, text];
}

describe('npm run export', () => {
  it('writes a page with the best model, bit for bit, and at most 300 kB besides', async () => {
    expect(await exporting('--run', 'run', '--out', 'story.html')).toMatchObject({
      code: 0,
      out: expect.stringMatching(
        /^wrote story\.html: 0\.1 MB of weights and \d+ kB of page; a double click opens it\n$/,
      ),
      err: '',
    });
    const { page, packet, weights, files } = readExported(path('story.html'));
    expect(
      Buffer.compare(files.get('model.safetensors')!, readFileSync(path('run/best/model.safetensors'))),
    ).toBe(0);
    expect(Buffer.byteLength(page) - weights.length).toBeLessThan(mostOfPage);
    expect(packet).toMatchObject({ name: 'run', weights: 'f32' });
    const [command, engine] = await texts('run', 'story.html');
    expect(engine).toBe(command);
    expect(engine.length).toBeGreaterThan(100);
  });

  it('is one strict page that loads nothing and says so in its policy', async () => {
    await exporting('--run', 'run', '--out', 'strict.html');
    const { page } = readExported(path('strict.html'));
    const elements = elementsOf(page);
    const [charset, policy] = elements.filter(({ name }) => name === 'meta');
    expect(charset!.attributes.get('charset')).toBe('utf-8');
    expect(policy!.attributes.get('content')).toMatch(
      /^default-src 'none'; script-src 'sha256-[\w+/]+=' 'sha256-[\w+/]+=' 'wasm-unsafe-eval'; worker-src blob:; style-src 'sha256-[\w+/]+='; img-src data: blob:; base-uri 'none'; form-action 'none'$/,
    );
    const addresses = elements.flatMap(({ attributes }) => [attributes.get('src'), attributes.get('href')]);
    expect(addresses.filter((address) => address !== undefined)).toEqual(['data:,']);
    expect(elements.filter(({ name }) => name === 'script')).toHaveLength(4);
  });

  it('tells what the run recorded, but not where its text was, nor the machine', async () => {
    await exporting('--run', 'run', '--out', 'told.html');
    const { packet } = readExported(path('told.html'));
    const { files } = packet;
    expect(files['metrics.jsonl']).toBe(readFileSync(path('run/metrics.jsonl'), 'utf8'));
    expect(JSON.parse(files['run.json']!)).toMatchObject({ preset: 'nano', settings: { steps: 30 } });
    expect(JSON.parse(files['baselines.json']!)).toEqual({
      baselines: [
        { order: 0, nll: 3 },
        { order: 1, nll: 2 },
      ],
    });
    expect(Object.keys(files).sort()).toEqual([
      'baselines.json',
      'config.json',
      'metrics.jsonl',
      'run.json',
      'tokenizer.json',
    ]);
    expect(JSON.stringify(files)).not.toMatch(/small\.txt|environment/);
  });

  it('thins the records of a long run, the last of each kind kept, and passes over damage', async () => {
    mkdirSync(path('long/best'), { recursive: true });
    for (const name of readdirSync(path('run/best')))
      copyFileSync(path('run/best', name), path('long/best', name));
    const step = (n: number) =>
      JSON.stringify({
        ...{ kind: 'step', step: n, loss: 1 + 1 / n, learningRate: 1 / n, gradNorm: Math.sin(n) + 2 },
        ...{ tokensPerSecond: 1e5 * Math.cos(n) ** 2, secondsLeft: 9 },
      });
    const evaluation = JSON.stringify({
      ...{ kind: 'evaluation', step: 20_000, nll: 1, perplexity: 3, bitsPerChar: 2 },
      ...{ standardError: 0.1, tokensScored: 100, best: true },
    });
    const lines = [...Array(20_000).keys()].map((n) => step(n + 1));
    writeFileSync(path('long/metrics.jsonl'), [...lines, '{"kind":"st\u0000', evaluation, '{"ki'].join('\n'));
    writeFileSync(path('long/run.json'), '{');
    expect(await exporting('--run', 'long')).toMatchObject({ code: 0, err: '' });
    const { page, packet, weights } = readExported(path('long.html'));
    expect(Buffer.byteLength(page) - weights.length).toBeLessThan(mostOfPage);
    const told = packet.files['metrics.jsonl']!.trimEnd().split('\n');
    expect(told.length).toBeGreaterThan(150);
    expect(told.at(-1)).toBe(evaluation);
    const steps = told.slice(0, -1).map((line) => (JSON.parse(line) as { step: number }).step);
    expect(steps.at(-1)).toBe(20_000);
    expect(new Set(steps.slice(1).map((n, i) => n - steps[i]!)).size).toBe(1);
    expect(packet.files['run.json']).toBeUndefined();
  });

  it('takes a folder of other software, with the tokens that end its texts', async () => {
    expect(await exporting('--run', 'foreign', '--out', 'foreign.html')).toMatchObject({ code: 0 });
    const { packet } = readExported(path('foreign.html'));
    expect(packet.name).toBe('foreign');
    expect(packet.files['generation_config.json']).toBe('{"eos_token_id":[12]}');
    const [command, engine] = await texts('foreign', 'foreign.html');
    expect(engine).toBe(command);
    expect(engine.length).toBeGreaterThan(0);
  });

  it('rounds the weights to half the size, and refuses those that do not fit', async () => {
    await exporting('--run', 'run', '--out', 'half.html', '--weights', 'f16');
    const { page, weights, files, packet } = readExported(path('half.html'));
    const whole = readSafetensors(readFileSync(path('run/best/model.safetensors')), 'whole');
    const tensors = readSafetensors(files.get('model.safetensors')!, 'half');
    expect(packet.weights).toBe('f16');
    expect([...tensors.keys()]).toEqual([...whole.keys()]);
    for (const [name, { data, dtype }] of tensors) {
      expect(dtype).toBe('F16');
      const exact = whole.get(name)!.data;
      for (let i = 0; i < data.length; i++) {
        expect(Math.abs(data[i]! - exact[i]!)).toBeLessThanOrEqual(Math.abs(exact[i]!) * 2 ** -11 + 2 ** -25);
      }
    }
    const f32 = readFileSync(path('run/best/model.safetensors')).length;
    expect(weights.length).toBeLessThan(0.52 * 4 * Math.ceil(f32 / 3));
    expect(Buffer.byteLength(page) - weights.length).toBeLessThan(mostOfPage);

    const file = path('foreign/model.safetensors');
    const before = readFileSync(file);
    const stored = [...readSafetensors(before, file).values()];
    const data = stored.map((tensor) => Float32Array.from(tensor.data));
    data[0]![3] = 70_000;
    writeFileSync(
      file,
      writeSafetensors(stored.map(({ name, shape }, i) => ({ name, shape, data: data[i]! }))),
    );
    const refused = await exporting('--run', 'foreign', '--out', 'large.html', '--weights', 'f16');
    writeFileSync(file, before);
    expect(refused).toMatchObject({ code: 1, out: '' });
    expect(refused.err).toMatch(
      /^error: foreign: transformer\.\S+ holds 70000, which f16 cannot hold; use --weights f32\n$/,
    );
  });

  it('has its script to the end, whatever the texts in it say, and under its checksum', () => {
    const script = "globalThis.said = '</script><!-- <SCRIPT> $& $1 – 🙂'; // <b>";
    const packet = { version: '1', name: '', weights: 'f32', worker: '', files: {} } as const;
    const page = exportedPage({ loader: 'load()', page: script }, packet, new Uint8Array(3));
    expect(elementsOf(page).filter(({ name }) => name === 'script')).toHaveLength(4);
    const packed = /<script type="text\/plain" id="script">(.*?)<\/script>/.exec(page)![1]!;
    expect(gunzipSync(Buffer.from(packed, 'base64')).toString('utf8')).toBe(script);
    for (const code of ['load()', script])
      expect(page).toContain(`'sha256-${createHash('sha256').update(code).digest('base64')}'`);
  });

  it('unpacks it with a script that nothing in it ends', async () => {
    const { loader } = await bundlePage();
    expect(loader).toContain('DecompressionStream');
    expect(loader).not.toMatch(/<!--|<\/?script/i);
  });

  it('writes a name as text, whatever it is', async () => {
    const name = '<!--<script>"&\u202e';
    mkdirSync(path(name));
    for (const file of readdirSync(path('foreign'))) copyFileSync(path('foreign', file), path(name, file));
    expect(await exporting('--run', name, '--out', 'name.html')).toMatchObject({ code: 0 });
    const { page, packet } = readExported(path('name.html'));
    expect(packet.name).toBe(name);
    expect(page).toContain('<h1>&lt;!--&lt;script&gt;&#34;&amp;\\u202e</h1>');
    expect(elementsOf(page).filter((element) => element.name === 'script')).toHaveLength(4);
  });

  it('refuses in one line what it cannot read or write, and leaves nothing half done', async () => {
    mkdirSync(path('void'));
    mkdirSync(path('pages'));
    writeFileSync(path('mine.html'), 'mine');
    const before = readdirSync(folder);
    const cases: [line: string, ...args: string[]][] = [
      ['cannot read none: no such folder; npm run train makes a run', '--run', 'none', '--out', 'a.html'],
      [
        'void holds no model: expected best/, step-.../ or config.json in it; did the run save anything yet?',
        ...['--run', 'void', '--out', 'a.html'],
      ],
      [
        'mine.html is there already; choose another --out, or say --overwrite to replace it',
        '--run',
        'run',
        '--out',
        'mine.html',
      ],
      [
        'cannot write pages: this is a folder; expected a file',
        '--run',
        'run',
        '--out',
        'pages',
        '--overwrite',
      ],
      ['cannot write nowhere/a.html: no such file or folder', '--run', 'run', '--out', 'nowhere/a.html'],
      [
        'cannot write mine.html/a.html: a part of this path is a file; expected a folder',
        '--run',
        'run',
        '--out',
        'mine.html/a.html',
      ],
    ];
    const refused = await inklings(
      cases.map(([, ...args]) => ['export', ...args]),
      { cwd: folder },
    );
    expect(refused).toEqual(cases.map(([line]) => ({ code: 1, out: '', err: `error: ${line}\n` })));
    expect(readFileSync(path('mine.html'), 'utf8')).toBe('mine');
    expect(readdirSync(folder)).toEqual(before);
    expect(await exporting('--run', 'run', '--out', 'mine.html', '--overwrite')).toMatchObject({ code: 0 });
    expect(readExported(path('mine.html')).packet.name).toBe('run');
  });
});
