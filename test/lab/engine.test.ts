/** The engine without a browser: its files are the command's, pausing and looking change nothing, what it shows is right. */
import { execFileSync } from 'node:child_process';
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { describe, expect, it } from 'vitest';
import type { Written } from '../../src/lab/engine/protocol.ts';
import { tar } from '../../src/lab/tar.ts';
import { breathe } from '../../src/library/browser-host.ts';
import { checksumFile, type Files, readModel } from '../../src/library/run-files.ts';
import { softmax } from '../../src/library/stages.ts';
import { loadParameters } from '../../src/model/files/checkpoint.ts';
import { Gpt } from '../../src/model/gpt.ts';
import { beamSearch } from '../../src/sample/beam.ts';
import { reference } from '../../src/tensor/reference/index.ts';
import { bin } from '../support/root.ts';
import { suiteFolder } from '../support/scratch.ts';
import { checksums, NodeEngine, smallDraw, smallRun, smallText } from './support.ts';

const folder = suiteFolder();

const text = (files: Files, path: string) => new TextDecoder().decode(files.get(path));

async function trained(engine: NodeEngine): Promise<Files> {
  await engine.call('open', { threads: 1, math: 'portable' });
  const end = await engine.stream('train', { text: smallText, ...smallRun });
  expect(end).toEqual({ outcome: 'finished', step: 30 });
  return engine.call('files', {});
}

describe('a run in memory', async () => {
  const engine = new NodeEngine();
  const files = await trained(engine);
  const records = text(files, 'metrics.jsonl')
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line));

  it('has the files of the command, byte for byte, and its records but for times and samples', () => {
    writeFileSync(join(folder, 'small.txt'), smallText);
    const sizes = '--layers 2 --channels 32 --heads 2 --context 32 --dropout 0.1';
    const settings = '--steps 30 --batch-size 4 --eval-every 10 --eval-tokens 256 --seed 5';
    const flags = `train --data small.txt --out run ${sizes} ${settings} --math portable --threads 1 --keep 1 --quiet`;
    execFileSync(process.execPath, [bin, ...flags.split(' ')], { cwd: folder, stdio: 'pipe' });
    const run = join(folder, 'run');
    for (const part of ['best', 'step-00000030']) {
      const names = [...files.keys()].filter((path) => path.startsWith(`${part}/`));
      expect(names.map((path) => path.split('/')[1]).sort()).toEqual(readdirSync(join(run, part)).sort());
      for (const path of names) {
        expect(Buffer.compare(files.get(path)!, readFileSync(join(run, path))), path).toBe(0);
      }
    }
    const lasting = (lines: readonly Record<string, unknown>[]) =>
      lines
        .filter(({ kind }) => kind !== 'sample')
        .map(({ tokensPerSecond: _, secondsLeft: __, ...record }) => record);
    const theirs = readFileSync(join(run, 'metrics.jsonl'), 'utf8').trimEnd().split('\n');
    expect(lasting(records)).toEqual(lasting(theirs.map((line) => JSON.parse(line))));
    const { environment: _, ...about } = JSON.parse(text(files, 'run.json'));
    const { environment: __, ...theirAbout } = JSON.parse(readFileSync(join(run, 'run.json'), 'utf8'));
    expect(about).toEqual(theirAbout);
  });

  it('samples after each evaluation and keeps the model of each', async () => {
    expect(records.filter(({ kind }) => kind === 'sample').map(({ step }) => step)).toEqual([10, 20, 30, 30]);
    const kept = await engine.call('kept', { step: 20 });
    expect([...kept.keys()]).toEqual(['config.json', 'tokenizer.json', 'model.safetensors']);
    await expect(engine.call('kept', { step: 21 })).rejects.toThrow('no model was kept of step 21');
  });

  it('is the same after a pause, with questions in between', async () => {
    const other = new NodeEngine();
    await other.call('open', { threads: 1, math: 'portable' });
    const paused = await other.stream('train', { text: smallText, ...smallRun }, (event, stop) => {
      if (event.kind === 'record' && event.record.step === 13) stop();
    });
    expect(paused).toEqual({ outcome: 'paused', step: 13 });
    await other.stream('generate', { ...smallDraw, maxNewTokens: 20 });
    await other.call('lens', { text: 'The cat' });
    const place = { text: 'The cat', layer: 1, matrix: 'up', row: 2, column: 3, input: 4 };
    await other.call('product', place); // which goes back from a loss, on the copy
    await other.call('differences', place);
    const half = await other.call('files', {});
    await other.stream('goOn', {});
    expect(checksums(await other.call('files', {}))).toEqual(checksums(files));

    const third = new NodeEngine();
    await third.call('open', { threads: 1, math: 'portable' });
    const info = await third.call('reopen', { files: half, name: 'half', text: smallText });
    expect(info.step).toBe(13);
    expect(text(await third.call('files', {}), 'metrics.jsonl')).toBe(text(half, 'metrics.jsonl'));
    await third.stream('goOn', {});
    expect(text(await third.call('files', {}), 'metrics.jsonl')).toContain('{"kind":"resume","step":13}\n');
    expect(checksums(await third.call('files', {}))).toEqual(checksums(files));
    await expect(third.call('reopen', { files: half, name: 'half', text: 'x' })).rejects.toThrow(
      'this is not the text that half was trained on (small.txt); open that text to go on',
    );
    const teachers = [{ path: 'runs/other', sha256: '0' }];
    const taught = new Map([...half].filter(([name]) => !name.endsWith(checksumFile)));
    for (const name of [...taught.keys()].filter((name) => name.endsWith('state.json'))) {
      const state = { ...JSON.parse(text(half, name)), teachers };
      taught.set(name, new TextEncoder().encode(JSON.stringify(state)));
    }
    await expect(third.call('reopen', { files: taught, name: 'half', text: smallText })).rejects.toThrow(
      'half was trained on other models; the command goes on with it',
    );
  });

  it('writes a text with one model from its first token to its last, whatever goes on meanwhile', async () => {
    const other = new NodeEngine();
    await other.call('open', { threads: 1, math: 'portable' });
    const draw = { ...smallDraw, maxNewTokens: 60 };
    let written: ReturnType<typeof other.stream<'generate'>> | undefined;
    await other.stream('train', { text: smallText, ...smallRun }, (event) => {
      if (event.kind === 'record' && event.record.kind === 'evaluation' && event.record.step === 10) {
        written = other.stream('generate', draw);
      }
      if (written !== undefined) void other.call('distribution', { text: 'A' }); // which may not bring a newer model in
    });
    const { ids } = await written!;
    expect(checksums(await other.call('files', {}))).toEqual(checksums(files));
    const then = new NodeEngine();
    await then.call('open', { threads: 1, math: 'portable' });
    await then.call('load', { files: await other.call('kept', { step: 10 }), name: 'step 10' });
    expect(ids).toEqual((await then.stream('generate', draw)).ids);
    await then.call('load', { files: await other.call('kept', { step: 20 }), name: 'step 20' });
    expect(ids).not.toEqual((await then.stream('generate', draw)).ids);
  });

  it('opens again as its best model, and a damaged file is named', async () => {
    const other = new NodeEngine();
    const info = await other.call('load', { files, name: 'run' });
    expect(info).toMatchObject({ name: 'run', tokenizer: 'char', config: { layers: 2, channels: 32 } });
    const here = await engine.call('distribution', { text: 'The c' });
    await other.call('open', { math: 'portable' });
    await other.call('load', { files, name: 'run' });
    const there = await other.call('distribution', { text: 'The c' });
    expect([...there.logits]).toEqual([...here.logits]);
    const bytes = Uint8Array.from(files.get('best/model.safetensors')!);
    bytes[bytes.length - 1]! ^= 1;
    const damaged = new Map([...files, ['best/model.safetensors', bytes] as const]);
    await expect(other.call('load', { files: damaged, name: 'run' })).rejects.toThrow(
      'run/best/model.safetensors is damaged or missing: its checksum is not the one in checksums.txt',
    );
    await expect(other.call('load', { files: new Map(), name: 'run' })).rejects.toThrow('run holds no model');
  });

  it('writes with what else there was: the alternatives are the distribution before the token', async () => {
    const events: { id: number; probability: number; alternatives: readonly { id: number }[] }[] = [];
    const { ids, finishReason } = await engine.stream('generate', { ...smallDraw, maxNewTokens: 5 }, (e) => {
      events.push(e);
    });
    expect(finishReason).toBe('max-tokens');
    expect(events.map(({ id }) => id)).toEqual(ids);
    const { logits } = await engine.call('distribution', { text: 'The ' });
    const probabilities = softmax(logits);
    expect(events[0]!.probability).toBe(probabilities[ids[0]!]);
    const best = [...probabilities.keys()].sort((a, b) => probabilities[b]! - probabilities[a]!);
    expect(events[0]!.alternatives.map(({ id }) => id)).toEqual(best.slice(0, 10));
    // A branch is a text that goes on from ids.
    const prompt = [...(await engine.call('tokenize', { text: 'The ' })).ids, ...ids.slice(0, 2)];
    const next = await engine.stream('generate', { ...smallDraw, text: '', ids: prompt, maxNewTokens: 1 });
    expect(next.ids).toHaveLength(1);
  });

  it('finds the text that beam search finds, and tells of each token what else there was', async () => {
    const request = { text: 'The ', settings: { frequencyPenalty: 0.5 }, maxNewTokens: 50 };
    const events: Written[] = [];
    let over = false;
    const search = engine.stream('beam', request, (event) => {
      events.push(event);
    });
    void search.then(() => (over = true));
    let looks = 0;
    for (; !over; looks++) {
      await engine.call('distribution', { text: `${looks}` }); // which may not disturb the search
      await breathe();
    }
    expect(looks).toBeGreaterThan(50);
    const { ids, finishReason, logProbability } = await search;
    const model = await readModel(files, 'run');
    const gpt = new Gpt(model.config, { kernels: reference, batch: 0, slots: 4, gradients: false });
    gpt.arena.allocate(reference.memory);
    loadParameters(gpt, model, 'run');
    const { settings, maxNewTokens } = request;
    const options = { settings, maxNewTokens, width: 4, lengthPenalty: 0, contextPolicy: 'shift' } as const;
    const [best] = beamSearch(gpt, model.tokenizer.encode('The '), options);
    expect([ids, finishReason]).toEqual([best!.tokens, 'max-tokens']);
    expect(events.map(({ id }) => id)).toEqual(ids);
    expect(events.map((event) => event.text).join('')).toBe(model.tokenizer.decode(ids));
    expect(logProbability).toBeCloseTo(best!.logProbability, 3); // other kernels: other last bits
    const sum = events.reduce((total, { probability }) => total + Math.log(probability), 0);
    expect(sum).toBeCloseTo(logProbability, 6); // longer than the context, so parts of it were read again
    const early = await engine.stream('beam', request, (_, stop) => stop());
    expect(early).toMatchObject({ ids: ids.slice(0, 1), finishReason: 'stopped' });
  });

  it('says how much a text repeats itself', async () => {
    const text = 'é, so it was. so it was. so it was.';
    const { share, repeated, loop } = await new NodeEngine().call('repetition', { text, n: 5 });
    expect(share).toBe(1 - 13 / 31); // of 31 runs, those from place 13 on were there 11 places before
    expect(repeated.indexOf(true)).toBe(13);
    expect(loop).toEqual({ length: 11, repeats: 3 });
  });

  it('gives a text in pieces, of which some end within a character', async () => {
    const other = new NodeEngine();
    await other.call('open', { threads: 1, math: 'portable' });
    const bpe = { ...smallRun, tokenizer: 'bpe', vocabSize: 260 } as const;
    await other.stream('train', { ...bpe, text: smallText, settings: { ...bpe.settings, steps: 1 } });
    const ids = [...(await other.call('tokenize', { text: 'Aé' })).ids];
    expect(await other.call('pieces', { ids })).toEqual(['A', '', 'é']);
    const rest = { ids: ids.slice(0, 2), text: '', settings: { allowedTokens: ids.slice(2) }, seed: 1 };
    const texts: string[] = [];
    await other.stream('generate', { ...rest, maxNewTokens: 2 }, ({ text }) => {
      texts.push(text);
    });
    expect(texts).toEqual(['é', '\ufffd']);
  });

  it('goes on from the model that is looked at as the command does with --init, byte for byte', async () => {
    const [learned, other] = [join(folder, 'more.txt'), new NodeEngine()];
    const more = smallText.slice(3000, 12_000);
    writeFileSync(learned, more);
    for (const [path, bytes] of files) {
      mkdirSync(dirname(join(folder, 'looked', path)), { recursive: true });
      writeFileSync(join(folder, 'looked', path), bytes);
    }
    const settings = '--preset nano --steps 20 --batch-size 4 --eval-every 10 --eval-tokens 256 --seed 6';
    const flags = `train --init looked --data more.txt --out on ${settings} --math portable --threads 1 --keep 1 --quiet`;
    execFileSync(process.execPath, [bin, ...flags.split(' ')], { cwd: folder, stdio: 'pipe' });

    await other.call('open', { threads: 1, math: 'portable' });
    await other.call('load', { files, name: 'looked' });
    const request = {
      ...({ text: more, data: 'more.txt', preset: 'nano', init: 'looked' } as const),
      settings: { steps: 20, batchSize: 4, evalEvery: 10, evalTokens: 256, seed: 6 },
    };
    const unknown = { ...request, text: `${more}\u00df` };
    await expect(other.stream('train', unknown)).rejects.toThrow(/: "ß"; take them out of the text$/);
    expect(await other.call('model', {})).toMatchObject({ name: 'looked', config: { layers: 2 } });
    await other.stream('train', request);
    const theirs = (path: string) => readFileSync(join(folder, 'on', path), 'utf8');
    const sums = checksums(await other.call('files', {}));
    expect(Object.keys(sums)).toEqual(['best/checksums.txt', 'step-00000020/checksums.txt']);
    for (const [path, text] of Object.entries(sums)) expect(text, path).toBe(theirs(path));
    expect(await other.call('model', {})).toMatchObject({ name: 'looked', step: 20 });
  });

  it('ends a text where the folder says that texts end', async () => {
    const other = new NodeEngine();
    await other.call('open', { threads: 1, math: 'portable' });
    const { ids } = await engine.stream('generate', { ...smallDraw, maxNewTokens: 40 });
    const json = new TextEncoder().encode(JSON.stringify({ eos_token_id: ids[20] }));
    const name = 'best/generation_config.json';
    const plain = [...files].filter(([path]) => !path.endsWith('checksums.txt'));
    await other.call('load', { files: new Map([...plain, [name, json] as const]), name: 'run' });
    const ended = await other.stream('generate', { ...smallDraw, maxNewTokens: 40 });
    expect(ended).toEqual({ ids: ids.slice(0, ids.indexOf(ids[20]!) + 1), finishReason: 'eos' });
  });

  it('looks inside: attention is causal and sums to 1, the last layer of the lens is the answer', async () => {
    const { ids, layers, heads } = await engine.call('attention', { text: 'The cat sat' });
    const T = ids.length;
    expect([layers.length, heads, T]).toEqual([2, 2, 11]);
    for (const layer of layers) {
      for (let row = 0; row < heads * T; row++) {
        const seen = layer.slice(row * T, (row + 1) * T);
        expect(seen.reduce((sum, p) => sum + p)).toBeCloseTo(1, 5);
        expect(seen.slice((row % T) + 1).every((p) => p === 0)).toBe(true);
      }
    }
    const lens = await engine.call('lens', { text: 'The cat sat' });
    expect(lens.layers).toHaveLength(3);
    const probabilities = softmax((await engine.call('distribution', { text: 'The cat sat' })).logits);
    const last = lens.layers[2]!.at(-1)!;
    expect(last.best[0]!.probability).toBe(Math.max(...probabilities));
    expect(last.rank).toBe(0);
    const before = softmax((await engine.call('distribution', { text: 'The cat sa' })).logits);
    const t = lens.ids.at(-1)!;
    expect(lens.layers[2]!.at(-2)).toMatchObject({
      probability: before[t],
      rank: 1 + before.filter((p) => p > before[t]!).length,
    });
  });

  it('says in one sentence what it cannot', async () => {
    const empty = new NodeEngine();
    await expect(empty.call('distribution', { text: 'x' })).rejects.toThrow(
      'there is no model yet: train one, or open a run',
    );
    await expect(empty.stream('train', { ...smallRun, text: 'short' })).rejects.toThrow(/too short/);
    const huge = { ...smallRun, sizes: { channels: 65536, heads: 4, layers: 1 } };
    await expect(empty.stream('train', { ...huge, text: smallText })).rejects.toThrow(/smaller/);
  });

  it('keeps its model where another cannot be made', async () => {
    const threaded = new NodeEngine();
    await threaded.call('open', { threads: 2, math: 'portable' });
    await threaded.call('load', { files, name: 'run' });
    const before = await threaded.call('distribution', { text: 'The' });
    await expect(threaded.stream('train', { ...smallRun, text: 'short' })).rejects.toThrow(/too short/);
    const bad = new Map([...files].filter(([path]) => !path.endsWith('checksums.txt')));
    bad.set('best/model.safetensors', Uint8Array.of(1, 2, 3));
    await expect(threaded.call('load', { files: bad, name: 'bad' })).rejects.toThrow('bad/best');
    expect(await threaded.call('distribution', { text: 'The' })).toEqual(before);
    expect((await threaded.call('model', {}))?.name).toBe('run');
  });

  it('is an archive that tar reads', () => {
    writeFileSync(
      join(folder, 'run.tar'),
      tar(new Map([...files].map(([path, bytes]) => [`x/${path}`, bytes]))),
    );
    execFileSync('tar', ['-xf', 'run.tar'], { cwd: folder });
    for (const [path, bytes] of files) {
      expect(Buffer.compare(readFileSync(join(folder, 'x', path)), bytes), path).toBe(0);
    }
  });
});
