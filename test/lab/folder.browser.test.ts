/** Run folders in a real browser: what is downloaded has the command's bytes, and what the command made is opened. */
import { execFileSync } from 'node:child_process';
import { cpSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { beforeAll, describe, expect } from 'vitest';
import { chromiumPath } from '../report/browser.ts';
import { inBrowser, labPage, smallState } from './open-lab.ts';
import { NodeEngine } from './support.ts';

const { open, evaluate, until, press, status, problem, expectPeace, runs, send } = labPage();
const state = `${smallState}&steps=20&math=portable&tokenizer=bpe&vocabulary=300`;
const bin = fileURLToPath(new URL('../../bin/inkling.js', import.meta.url));
const command = join(runs, 'command');

/** All files of a folder by their paths in it. */
function filesOf(folder: string): Map<string, Uint8Array> {
  const names = readdirSync(folder, { recursive: true, withFileTypes: true });
  const files = names.filter((name) => name.isFile()).map((name) => join(name.parentPath, name.name));
  return new Map(files.map((file) => [file.slice(folder.length + 1), readFileSync(file)]));
}

/** Chooses files or a folder, as somebody does in the dialog. */
async function choose(selector: string, ...files: string[]): Promise<void> {
  await until(`document.querySelector('details').textContent.includes('command')`); // until then the fields are made anew
  const { root } = (await send('DOM.getDocument', {})) as { root: { nodeId: number } };
  const { nodeId } = await send('DOM.querySelector', { nodeId: root.nodeId, selector });
  await send('DOM.setFileInputFiles', { nodeId, files });
}

describe('a run folder', () => {
  beforeAll(() => {
    if (chromiumPath === undefined) return;
    const data = join(dirname(runs), 'small.txt');
    const sizes = '--layers 1 --channels 32 --heads 2 --context 32 --tokenizer bpe --vocab-size 300';
    const settings = '--steps 20 --batch-size 4 --eval-every 3 --seed 1 --math portable --threads 1 --keep 1';
    mkdirSync(runs, { recursive: true });
    const flags = `train --data ${data} --out ${command} ${sizes} ${settings} --quiet`;
    execFileSync(process.execPath, [bin, ...flags.split(' ')], { stdio: 'pipe' });
  });

  inBrowser('is downloaded with the bytes that the command writes', async () => {
    await open(`train?${state}`);
    await press('Train');
    await status('finished, step 20 of 20');
    await evaluate(`void (() => {
      const make = URL.createObjectURL;
      URL.createObjectURL = (blob) => {
        globalThis.saved = blob;
        return make.call(URL, blob);
      };
    })()`);
    await press('Download');
    await until('globalThis.saved !== undefined');
    const bytes = await evaluate<string>(`saved.bytes().then((bytes) => bytes.toBase64())`);
    const place = join(dirname(runs), 'download');
    mkdirSync(place);
    writeFileSync(join(place, 'nano.tar'), Buffer.from(bytes, 'base64'));
    execFileSync('tar', ['-xf', 'nano.tar'], { cwd: place });
    const [here, there] = [filesOf(join(place, 'nano')), filesOf(command)];
    const lasting = (files: Map<string, Uint8Array>) =>
      [...files].filter(([path]) => path.includes('/')).sort(([a], [b]) => (a < b ? -1 : 1));
    expect(lasting(here)).toHaveLength(10);
    expect(lasting(here)).toEqual(lasting(there));
    expect(here.get('baselines.json')).toEqual(there.get('baselines.json'));
    expect([...here.keys()].sort().filter((path) => !path.includes('/'))).toEqual([
      'baselines.json',
      'metrics.jsonl',
      'run.json',
    ]);
    expectPeace();
  });

  inBrowser.each(['the list of the server', 'the disk'])(
    'that the command made is opened from %s',
    async (from) => {
      await open(`train?${smallState}&math=portable`);
      if (from === 'the disk') await choose('[webkitdirectory]', command);
      else await press('Open');
      await status('command, .* parameters, opened');
      await until(`document.querySelector('#loss .level') !== null`);
      const sample = await evaluate<string>(`document.querySelector('#view pre').textContent`);
      expect(filesOf(command).get('metrics.jsonl')!.toString()).toContain(`"text":${JSON.stringify(sample)}`);
      await evaluate(`location.hash = '#next-token?d=prompt&math=portable&prompt=The+cat'`);
      await until(`document.querySelector('.hint')?.textContent.startsWith('What command')`);
      const here = new NodeEngine();
      await here.call('open', { threads: 1, math: 'portable' });
      const { tokens } = await here.call('load', { files: filesOf(command), name: 'command' });
      const { logits } = await here.call('distribution', { text: 'The cat' });
      await until(`document.querySelectorAll('.bars tr[data-id]').length === 40`);
      const best = Number(await evaluate(`document.querySelector('.bars tr[data-id]').dataset.id`));
      expect(logits[best]).toBe(Math.max(...logits));
      expect(await evaluate(`document.querySelector('.bars tr[data-id] .token').textContent`)).toBe(
        tokens[best],
      );
      expectPeace();
    },
  );

  inBrowser(
    'that is damaged is refused in one sentence, and the training at hand goes on after it',
    async () => {
      const bad = join(runs, 'bad');
      cpSync(command, bad, { recursive: true });
      mkdirSync(join(dirname(runs), 'nothing'));
      writeFileSync(join(dirname(runs), 'nothing', 'notes.txt'), 'notes');
      const weights = readFileSync(join(bad, 'best', 'model.safetensors'));
      weights[weights.length - 1]! ^= 1;
      writeFileSync(join(bad, 'best', 'model.safetensors'), weights);
      await open(`train?${smallState}&steps=100000`);
      await press('Train');
      await status(': step \\d+ of');
      await choose('[webkitdirectory]', bad);
      await until(`!document.querySelector('[role=alert]').hidden`);
      expect(await problem()).toBe(
        'bad/best/model.safetensors is damaged or missing: its checksum is not the one in checksums.txt',
      );
      await status('nano, .*paused after step');
      await press('Go on');
      await status(': step \\d+ of');
      await choose('[webkitdirectory]', join(dirname(runs), 'nothing'));
      await until(`document.querySelector('[role=alert]').textContent.includes('nothing')`);
      expect(await problem()).toBe(
        'nothing holds no model: expected config.json, tokenizer.json, model.safetensors in it, in best/ or in step-.../',
      );
      await press('Go on');
      await press('Pause');
      await status('paused after step');
      expectPeace();
    },
  );
});
