/** What Inside asks of the engine, without a browser: heads switched off, the map of embeddings, and what the page makes of it. */
import { describe, expect, it } from 'vitest';
import { nodeHost } from '../../src/cli/host/simd-host.ts';
import { scoreText } from '../../src/evaluate/text-score.ts';
import { withoutHeads } from '../../src/lab/engine/ablation.ts';
import { embeddingsOf } from '../../src/lab/engine/embeddings.ts';
import { principal } from '../../src/lab/engine/principal.ts';
import type { Head } from '../../src/lab/engine/protocol.ts';
import { follow } from '../../src/lab/inside/embeddings.ts';
import { headsOf, setsOf, textOfHeads } from '../../src/lab/inside/heads.ts';
import { kindOf, signs } from '../../src/lab/inside/letters.ts';
import { hundredths, shadeOf } from '../../src/lab/inside/shades.ts';
import { seen } from '../../src/lab/token-text.ts';
import { openMachine } from '../../src/library/machine.ts';
import { mostProbable } from '../../src/library/stages.ts';
import { archs, configOf } from '../../src/model/config.ts';
import { Gpt } from '../../src/model/gpt.ts';
import { CharTokenizer } from '../../src/model/text/tokenizer.ts';
import { RandomStream } from '../../src/tensor/random.ts';
import { NodeEngine, smallRun, smallText } from './support.ts';

/** A model of large random weights, some of them -0, and how well it knows a text. */
async function model(arch: (typeof archs)[number]) {
  const tokenizer = CharTokenizer.train('The cat saw a bird.');
  const V = tokenizer.vocabSize;
  const sizes = { vocabSize: V, contextLength: 24, channels: 24, heads: 3, layers: 2, feedForward: 32 };
  const { kernels } = await openMachine(nodeHost, { threads: 1, math: 'portable' });
  const gpt = new Gpt(configOf(arch, { ...sizes, dropout: 0 }), {
    kernels,
    batch: 1,
    slots: 2,
    gradients: true,
  });
  const buffers = { inputs: gpt.arena.ids('inputs', 24), targets: gpt.arena.ids('targets', 24) };
  gpt.arena.allocate(kernels.memory);
  const { data } = gpt.arena.params;
  const random = new RandomStream(3, 'init');
  for (let i = 0; i < data.length; i++) data[i] = i % 11 === 0 ? -0 : random.uniform(i, 0) - 0.5;
  const weights = (name: string) => gpt.parameters.find((p) => p.name.endsWith(name))!.value.data;
  const ids = tokenizer.encode('The cat saw a bird.');
  const loss = () => scoreText({ model: gpt, tokenizer, buffers }, ids, { mode: 'blocks' }).nll;
  return { gpt, tokenizer, buffers, weights, loss };
}

describe.each(archs)('heads of %s that are switched off', (arch) => {
  it('say nothing: the loss is that of a model whose values of this head are 0', async () => {
    const { gpt, weights, loss } = await model(arch);
    const D = 8;
    for (const [layer, head] of [
      [0, 0],
      [0, 2],
      [1, 1],
    ] as const) {
      const off = withoutHeads(gpt, [[layer, head]], loss);
      const params = gpt.arena.params.data.slice();
      // The other end of the head: what it would gather is 0, too, if its part of v is.
      if (arch === 'gpt2') {
        const [v, bias] = [weights(`${layer}.attn.c_attn.weight`), weights(`${layer}.attn.c_attn.bias`)];
        for (let c = 48 + head * D; c < 48 + (head + 1) * D; c++) {
          for (let row = 0; row < 24; row++) v[row * 72 + c] = 0;
          bias[c] = 0;
        }
      } else weights(`${layer}.self_attn.v_proj.weight`).fill(0, head * D * 24, (head + 1) * D * 24);
      expect(off).toBe(loss());
      gpt.arena.params.data.set(params);
      expect(off).not.toBe(loss());
    }
  });

  it('are the part of the projection that reads them, and no other', async () => {
    const { gpt, weights, loss } = await model(arch);
    const heads: Head[] = [
      [1, 0],
      [1, 2],
    ];
    const name = arch === 'gpt2' ? '1.attn.c_proj.weight' : '1.self_attn.o_proj.weight';
    const before = weights(name).slice();
    const kept = (i: number) => Math.floor((arch === 'gpt2' ? Math.floor(i / 24) : i % 24) / 8) === 1;
    const off = withoutHeads(gpt, heads, () => {
      for (const [i, x] of weights(name).entries())
        expect(Object.is(x, kept(i) ? before[i] : 0), String(i)).toBe(true);
      return loss();
    });
    for (const i of before.keys()) if (!kept(i)) weights(name)[i] = 0;
    expect(loss()).toBe(off);
  });

  it('have their bits again afterwards, also after an error', async () => {
    const { gpt, loss } = await model(arch);
    const before = gpt.arena.params.data.slice();
    const whole = loss();
    const same = () => {
      const now = gpt.arena.params.data;
      expect(before.every((x, i) => Object.is(x, now[i]))).toBe(true);
      expect(loss()).toBe(whole);
    };
    expect(before.some((x) => Object.is(x, -0))).toBe(true);
    withoutHeads(
      gpt,
      [
        [1, 1],
        [1, 1],
        [0, 2],
      ],
      loss,
    );
    same();
    const fail = () => {
      throw new Error('in between');
    };
    expect(() => withoutHeads(gpt, [[1, 1]], fail)).toThrow('in between');
    same();
    for (const wrong of [
      [2, 0],
      [0, 3],
      [0, -1],
      [0.5, 0],
    ] as const) {
      expect(() => withoutHeads(gpt, [[0, 1], wrong], loss)).toThrow(
        `there is no head ${wrong[1]} in layer ${wrong[0]}; expected one of 2 layers of 3 heads`,
      );
      same();
    }
  });
});

describe('the engine', async () => {
  const engine = new NodeEngine();
  await engine.call('open', { threads: 1, math: 'portable' });
  await engine.stream('train', { text: smallText, ...smallRun });
  const text = 'The cat saw a bird. The bird';
  const losses = async (off: readonly (readonly Head[])[], given: object = {}) => {
    const all: number[] = [];
    const { scored } = await engine.stream('ablate', { text, off, ...given }, (loss) => all.push(loss));
    return { all, scored };
  };

  it('gives the loss of the model itself where nothing is off, and as many losses as sets', async () => {
    const sets = setsOf(2, 2, [
      [0, 0],
      [1, 1],
    ]);
    const { all, scored } = await losses(sets);
    expect([all.length, scored]).toEqual([6, 27]);
    const lens = await engine.call('lens', { text });
    const nats = lens.layers
      .at(-1)!
      .slice(0, -1)
      .map(({ probability }) => -Math.log(probability));
    expect(all[0]).toBeCloseTo(nats.reduce((sum, x) => sum + x) / 27, 12);
    expect(new Set(all).size).toBe(6);
    expect((await losses([[]])).all).toEqual([all[0]]);
    expect((await losses([[[1, 0]]])).all).toEqual([all[4]]);
  });

  it('reads the newest tokens, no more than it is asked for', async () => {
    const { ids } = await engine.call('attention', { text, most: 10 });
    expect(ids).toEqual((await engine.call('tokenize', { text })).ids.slice(-10));
    expect((await engine.call('lens', { text, most: 10 })).layers[0]).toHaveLength(10);
    const short = await losses([[]], { most: 10 });
    expect(short.scored).toBe(9);
    expect(short.all).toEqual((await losses([[]], { text: text.slice(-10) })).all);
    await expect(losses([[]], { text: 'T' })).rejects.toThrow('a loss takes a text of two tokens or more');
  });

  it('stops when it is told to', async () => {
    let told = 0;
    await engine.stream('ablate', { text, off: Array(100_000).fill([]) }, (_, stop) => {
      told += 1;
      stop();
    });
    expect(told).toBeLessThan(50_000);
  });

  it('weighs one model, whatever is trained meanwhile, and leaves the training as it is', async () => {
    const other = new NodeEngine();
    await other.call('open', { threads: 1, math: 'portable' });
    const all: number[] = [];
    let weighing: Promise<unknown> | undefined;
    const sets = Array.from({ length: 400 }, (_, i): Head[] =>
      i % 2 === 0 ? [] : [[1, i % 4 === 1 ? 0 : 1]],
    );
    await other.stream('train', { text: smallText, ...smallRun }, (event) => {
      if (event.kind !== 'record' || event.record.step < 5) return;
      void other.call('distribution', { text }); // for which the copy would be brought up to date
      weighing ??= other.stream('ablate', { text, off: sets }, (loss) => all.push(loss));
    });
    await weighing;
    expect(all).toHaveLength(400);
    for (const [i, loss] of all.entries()) expect(loss).toBe(all[i % 4]);
    const after = new NodeEngine();
    await after.call('open', { threads: 1, math: 'portable' });
    await after.call('load', { files: await other.call('files', {}), name: 'run' });
    const { logits } = await after.call('distribution', { text });
    expect((await engine.call('distribution', { text })).logits).toEqual(logits);
  });

  it('places tokens by their embeddings and finds the nearest', async () => {
    const { tokens } = (await engine.call('model', {}))!;
    const { places, shares, neighbours } = await engine.call('embeddings', { ids: [...tokens.keys()] });
    expect(places).toHaveLength(2 * tokens.length);
    expect(shares[0]).toBeGreaterThanOrEqual(shares[1]);
    expect(shares[0] + shares[1]).toBeLessThan(1);
    for (const [id, others] of neighbours.entries()) {
      expect(others).toHaveLength(5);
      expect(others.some((other) => other.id === id)).toBe(false);
    }
    const some = await engine.call('embeddings', { ids: [30, 7, 12] });
    expect(some.places).toHaveLength(6);
    expect(some.neighbours.map((those) => those.map(({ id }) => id).sort())).toEqual([
      [12, 7],
      [12, 30],
      [30, 7],
    ]);
    await expect(engine.call('embeddings', { ids: [0, 999] })).rejects.toThrow('there is no token 999');
  });
});

describe('the map of embeddings', () => {
  it('has the cosines of the table, and 0 for an embedding that is nothing', async () => {
    const { gpt, tokenizer } = await model('qwen3');
    const table = gpt.parameters.find(({ name }) => name === 'model.embed_tokens.weight')!.value.data;
    table.fill(0);
    const rows = [
      [3, 4],
      [6, 8],
      [4, -3],
      [-3, -4],
      [0, 0],
    ];
    for (const [n, row] of rows.entries()) table.set(row, 24 * (n + 2));
    const looked = {
      gpt,
      tokenizer,
      inputs: gpt.arena.ids('more', 1),
      name: '',
      step: 0,
      training: undefined,
      eosTokens: [],
      unequalDropouts: undefined,
    };
    const { neighbours } = embeddingsOf(looked, [2, 3, 4, 5, 6], 4);
    expect(neighbours[0]).toEqual([
      { id: 3, cosine: 1 },
      { id: 4, cosine: 0 },
      { id: 6, cosine: 0 },
      { id: 5, cosine: -1 },
    ]);
  });

  it('keeps its axes while a model learns', () => {
    const before = Float64Array.of(1, 2, -3, 4);
    expect(follow(Float64Array.of(-1, 2, 3, 5), before)).toEqual(Float64Array.of(1, 2, -3, 5));
    expect(follow(Float64Array.of(1, -2, -3, -5), before)).toEqual(Float64Array.of(1, 2, -3, 5));
    const other = Float64Array.of(-1, -2);
    expect(follow(other, before)).toBe(other);
    expect(follow(other, undefined)).toBe(other);
  });
});

describe('principal components', () => {
  /** Points at a u + b v + c w around some middle; u, v, w stand at right angles, and so do the columns of `along`. */
  const axes = [
    [0.6, 0.8, 0],
    [-0.48, 0.36, 0.8],
    [0.64, -0.48, 0.6],
  ];
  const along = [
    [4, 0, 0],
    [-1, 3, 0],
    [-1, -1, 0.2],
    [-1, -1, -0.1],
    [-1, -1, -0.1],
  ];
  const points = Float64Array.from(
    along.flatMap((row) =>
      [7, -3, 11].map((middle, i) => row.reduce((sum, x, k) => sum + x * axes[k]![i]!, middle)),
    ),
  );

  it('are the directions of the largest variance, each towards its farthest point', () => {
    const { places, shares } = principal(points, 5, 3, 3);
    for (const [i, x] of along.flat().entries()) expect(places[i]).toBeCloseTo(x, 9);
    for (const [k, variance] of [20, 12, 0.06].entries()) expect(shares[k]).toBeCloseTo(variance / 32.06, 12);
    const turned = principal(
      points.map((x) => -x),
      5,
      3,
      2,
    ).places;
    for (const [i, x] of along.flatMap(([a, b]) => [a!, b!]).entries()) expect(turned[i]).toBeCloseTo(x, 9);
  });

  it('are the same each time, and nothing where all points are one', () => {
    expect(principal(points, 5, 3, 2)).toEqual(principal(points.slice(), 5, 3, 2));
    expect(principal(Float64Array.of(1, 2, 1, 2), 2, 2, 2)).toEqual({
      places: new Float64Array(4),
      shares: [0, 0],
    });
  });
});

describe('what the page says', () => {
  it('knows vowels from consonants, with accents and in three scripts', () => {
    const kinds = (text: string) => new Set([...text].map(kindOf));
    expect([...kinds('aeiouAEIOUäÉøαωыЯё')]).toEqual(['vowel']);
    expect([...kinds('bcdyzBñçßλψжЩ')]).toEqual(['consonant']);
    expect([...kinds('0129٣')]).toEqual(['digit']);
    expect([...kinds(' .,!"字が-')]).toEqual(['other']);
    for (const token of ['\\n', 'th', ' a', '', 'U+0000']) expect(kindOf(token), token).toBe('other');
    expect(seen(' the cat')).toBe('␣the␣cat');
    expect(signs(['<0xC3>', 'a', 'U+0000', '\\n', '<', 'U', 'b'], 4)).toEqual([1, 3, 4, 5]);
  });

  it('shades by the root, and calls nothing all or nothing that is not', () => {
    expect([0, 0.003, 0.004, 0.25, 0.9, 1].map(shadeOf)).toEqual([0, 0, 1, 4, 8, 8]);
    expect([0, 1e-9, 0.0049, 0.005, 0.5, 0.994, 0.996, 1].map(hundredths)).toEqual(
      ['0', '<1', '<1', '1', '50', '99', '>99', '100'], // 0.5 % is 1 after rounding
    );
  });

  it('finds the most probable tokens as sorting all of them does, ties by id', () => {
    const random = new RandomStream(1, 'sample');
    const p = Float64Array.from({ length: 300 }, (_, i) => Math.round(20 * random.uniform(i, 0)) / 20);
    const sorted = [...p.keys()].sort((a, b) => p[b]! - p[a]! || a - b);
    for (const count of [0, 1, 2, 7, 150, 299, 300, 400]) {
      expect(mostProbable(p, count)).toEqual(sorted.slice(0, count));
    }
  });

  it('reads the heads in an address, and leaves out what is none', () => {
    expect(headsOf('0.1-1.3-x-9.0-0.4--1.2.3', 2, 4)).toEqual([
      [0, 1],
      [1, 3],
    ]);
    expect(headsOf('', 2, 4)).toEqual([]);
    expect(
      textOfHeads([
        [0, 1],
        [1, 3],
      ]),
    ).toBe('0.1-1.3');
    expect(setsOf(1, 2, [[0, 1]])).toEqual([[], [[0, 1]], [[0, 0]], [[0, 1]]]);
  });
});
