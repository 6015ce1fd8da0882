/** Texts that are read in pieces and kept as a file of tokens: the same tokens, the same bits, and what bad ones are told. */
import {
  existsSync,
  readdirSync,
  readFileSync,
  rmSync,
  truncateSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { describe, expect, it } from 'vitest';
import { type ReadCorpus, readCorpus } from '../../src/cli/data/corpus.ts';
import { documentsIn } from '../../src/cli/data/cut.ts';
import { encodeText, keptTokens, largeBytes, readText } from '../../src/cli/data/large.ts';
import { textPieces } from '../../src/cli/data/pieces.ts';
import { openTokens, readNotes, writeTokens } from '../../src/cli/data/token-file.ts';
import { sha256 } from '../../src/cli/host/files.ts';
import { newestState } from '../../src/cli/runs/folder.ts';
import { CharTokenizer, normalizeText, type Tokenizer } from '../../src/model/text/tokenizer.ts';
import { reference } from '../../src/tensor/reference/index.ts';
import { learnTokenizer } from '../../src/train/choices.ts';
import type { CorpusChoice } from '../../src/train/corpus-choice.ts';
import { encodeSplit, type Split } from '../../src/train/dataset.ts';
import { type Document, splitCorpus } from '../../src/train/documents.ts';
import { freshTrainer } from '../../src/train/state.ts';
import { heldOutWindows } from '../../src/train/windows.ts';
import { tinyConfig } from '../support/models.ts';
import { filesIn, runSettings, story, trainCommand } from '../support/runs.ts';
import { suiteFolder, testFolder } from '../support/scratch.ts';

const scratch = suiteFolder();
const { at, file } = testFolder();

/** Everything that could go wrong at a border: marks, line ends, pairs of units, runs of white space, contractions. */
const odd = `\ufeff\ufeffIt's  \r\n\r\n\r\r\nwe'll \u00a0 x\u0085\n y '\u3000s 🎉🎉\t\n \ufeff\ufeffé\r 12 345. "'t 'll"\n\n\n  ende's `;
const sizes = [4, 5, 6, 7, 8, 9, 11, 13, 16, 23, 32, 64, 1 << 20];
const bpe = learnTokenizer(
  'bpe',
  { documents: [{ text: story.repeat(9) + odd.repeat(9) }], heldOut: [] },
  300,
);

async function piecesOf(paths: readonly string[], size: number): Promise<string[]> {
  const pieces: string[] = [];
  for await (const piece of textPieces(paths, size)) pieces.push(piece);
  return pieces;
}

describe('a text in pieces', () => {
  it('is the text, and has its tokens, wherever the pieces end', async () => {
    const path = file('odd', odd.repeat(3));
    const whole = normalizeText(odd.repeat(3));
    for (const size of sizes) {
      const pieces = await piecesOf([path], size);
      expect(pieces.join('')).toBe(whole);
      if (size < 32) expect(pieces.length).toBeGreaterThan(2);
      for (const tokenizer of [bpe, CharTokenizer.train(whole)]) {
        const ids = pieces.flatMap((piece) => [...tokenizer.encode(piece)]);
        expect(ids).toEqual([...tokenizer.encode(whole)]);
      }
    }
  });

  it('joins files as the text in memory does, without pieces that end between white space', async () => {
    const paths = ['one\r\n\n', 'two  ', '\ufeff\ufeffthree', 'four\n\n', '\n\nfive'].map((text, i) =>
      file(`${i}`, text),
    );
    const { corpus } = await readCorpus({ data: paths, documents: 'none' });
    const whole = corpus.documents[0]!.text;
    for (const size of sizes) {
      const pieces = await piecesOf(paths, size);
      expect(pieces.join('')).toBe(whole);
      expect(pieces.flatMap((piece) => [...bpe.encode(piece)])).toEqual([...bpe.encode(whole)]);
    }
  });

  it('is cut anywhere where it has no space, but not inside a character or a line end', async () => {
    const text = `${'ACGT🎉\ufeff'.repeat(100)}\r\n${'\u3000\r'.repeat(200)}\n`;
    const pieces = await piecesOf([file('dna', text)], 8);
    expect(pieces.join('')).toBe(normalizeText(text));
    expect(pieces.length).toBeGreaterThan(5);
  });

  it('may be packed, and UTF-16', async () => {
    const plain = odd.repeat(3).replace(/^\ufeff+/, '');
    const [bytes, wide] = [Buffer.from(odd.repeat(3)), Buffer.from(`\ufeff${plain}`, 'utf16le')];
    const half = bytes.length / 2;
    const packed = Buffer.concat([gzipSync(bytes.subarray(0, half)), gzipSync(bytes.subarray(half))]);
    const big = Buffer.from(wide).swap16();
    for (const [i, content] of [packed, wide, big, gzipSync(big)].entries()) {
      for (const size of sizes) {
        expect((await piecesOf([file(`${i}`, content)], size)).join('')).toBe(normalizeText(plain));
      }
    }
    const torn = file('torn.gz', gzipSync(bytes).subarray(0, 90));
    await expect(piecesOf([torn], 16)).rejects.toThrow(`${torn} is damaged gzip: unexpected end of file`);
    const cut = file('cut', wide.subarray(0, 101));
    await expect(piecesOf([cut], 16)).rejects.toThrow(`${cut} begins with the mark of UTF-16, but`);
    const none = file('none', gzipSync(''));
    await expect(piecesOf([none], 16)).rejects.toThrow(`${none} is empty; expected a text`);
  });

  it('is refused at the first bad byte, with its place in the file', async () => {
    const text = `${'a line é\n'.repeat(100)}caf`;
    const bytes = Buffer.concat([Buffer.from(text), Buffer.from([0xe9, 0x20, 0x61])]);
    for (const path of [file('bad', bytes), file('bad.gz', gzipSync(bytes))]) {
      for (const size of sizes) {
        await expect(piecesOf([path], size)).rejects.toThrow(
          `${path} is not UTF-8 text: byte 0xe9 at offset 1003, line 101; `,
        );
      }
      await expect(piecesOf([path], 64)).rejects.toThrow(/iconv -f .* \S*bad > utf8.txt/);
    }
    const torn = file('torn', Buffer.from(text).subarray(0, 8 * 10 + 8));
    await expect(piecesOf([torn], 8)).rejects.toThrow(/byte 0xc3 at offset 87, line 9/);
    await expect(piecesOf([file('nul', 'aaaa bbbb \0')], 4)).rejects.toThrow('holds NUL bytes');
  });
});

/** In place of tokens: of long rows equality takes a second to see, and a difference minutes to be printed. */
const digests = ({ train, validation }: Split) =>
  [train, validation]
    .map((part) => part.subarray(0, part.length))
    .map((ids) => sha256(new Uint8Array(ids.buffer, ids.byteOffset, ids.byteLength)));

describe('a large text', () => {
  /** Many pieces, with characters of two units on both sides of the cut. */
  const long = (story.repeat(40) + odd.repeat(8)).repeat(60);
  const wide = Array.from({ length: 700 }, (_, i) => String.fromCodePoint(0x4e00 + i)).join('') + long;
  const inFile = async (
    path: string | readonly string[],
    learn: (corpus: Parameters<typeof learnTokenizer>[1]) => Tokenizer,
  ) => {
    const data = typeof path === 'string' ? [path] : path;
    const read = await readText({ data }, false, 1);
    const tokenizer = learn(read.corpus);
    return {
      ...(await encodeText(read, tokenizer, { context: 9 }, at('.tokens'))),
      tokenizer,
      read,
    };
  };

  it.each([
    ['char', long, 1],
    ['char', wide, 2],
    ['bpe', long, 2],
    ['bpe', wide, 2],
  ] as const)(
    'has the checksum, tokenizer, tokens and losses that it has in memory: %s',
    async (kind, text, bytes) => {
      const path = file('text', text);
      const memory = await readCorpus({ data: [path] });
      const learn = (corpus: typeof memory.corpus) => learnTokenizer(kind, corpus, 300);
      const { split, tokenizer, read } = await inFile(path, learn);
      expect(read.sha256).toBe(memory.sha256);
      expect(read.choice).toBe(undefined);
      expect(tokenizer.toJSON()).toEqual(learn(memory.corpus).toJSON());
      const expected = encodeSplit(memory.corpus, tokenizer);
      expect(digests(split)).toEqual(digests(expected));
      expect(Object.is(split.charactersPerToken, expected.charactersPerToken)).toBe(true);
      const [bin] = readdirSync(at('.tokens')).filter((name) => name.endsWith('.bin'));
      const all = split.train.length + split.validation.length;
      expect(readFileSync(at('.tokens', bin!))).toHaveLength(bytes * all);

      const config = { ...tinyConfig, vocabSize: tokenizer.vocabSize };
      const trainers = [split, expected].map((one) =>
        freshTrainer(config, { ...runSettings, evalTokens: 200 }, one, { kernels: reference }),
      );
      const results = trainers.map((trainer) => {
        const losses = Array.from({ length: 3 }, () => trainer.train().loss);
        return [
          ...losses,
          trainer.evaluate().nll,
          trainer.evaluate().bitsPerChar,
          ...trainer.model.arena.params.data,
        ];
      });
      expect(results[0]!.every((x, i) => Object.is(x, results[1]![i]))).toBe(true);
    },
  );

  it('is several files or a folder as well, without those that are no text', async () => {
    const [a, b] = [file('x/a', 'one two\n'), file('x/b', 'three')];
    file('x/c', Buffer.from('caf\xe9', 'latin1'));
    const read = await readText({ data: [at('x'), a] }, false, 1);
    const memory = await readCorpus({ data: [at('x'), a] });
    expect([read.sha256, read.choice, read.skipped]).toEqual([memory.sha256, memory.choice, memory.skipped]);
    expect(read.summary).toBe('3 files, 22 characters, read in pieces');
    const onlyOther = at('y');
    file('y/c', Buffer.from('caf\xe9', 'latin1'));
    await expect(readText({ data: [a, onlyOther] }, false, 1)).rejects.toThrow(
      `${onlyOther} is a folder without text; expected text files in it: 1 left out, the first: `,
    );
    const blank = file('blank', ' \n \n');
    await expect(readText({ data: [blank] }, false, 1)).rejects.toThrow(`${blank}: every text is empty`);
    expect((await readText({ data: [b] }, false, 6)).large).toBe(undefined);
    const packed = file('p.gz', gzipSync('one two three'.repeat(100)));
    expect((await readText({ data: [packed] }, false, 1300)).large).toBeDefined();
    expect((await readText({ data: [packed] }, false, 1301)).large).toBe(undefined);
  });

  it('is written once, opened while its files are as they were, and written anew where the tokens are damaged', async () => {
    const path = file('text', long);
    const char = (corpus: Parameters<typeof learnTokenizer>[1]) => learnTokenizer('char', corpus);
    const { tokenizer, read, split } = await inFile(path, char);
    const tokens = at('.tokens');
    const kept = (paths: string[] = []) =>
      keptTokens(tokens, { sha256: read.sha256, loss: undefined, context: 9 }, tokenizer, paths);
    const original = digests(split);
    expect(digests(kept()!.split)).toEqual(original);
    expect(kept([path])).toBeDefined();
    expect(kept([file('other', long)])).toBe(undefined);
    utimesSync(path, 1, 1);
    expect(kept()).toBe(undefined);
    await inFile(path, char); // reads it again, and notes when it was written
    expect(kept()).toBeDefined();
    rmSync(path);
    expect(digests(kept()!.split)).toEqual(digests(split));

    const bin = join(tokens, readdirSync(tokens).find((name) => name.endsWith('.bin'))!);
    const before = readFileSync(bin);
    file('text', long);
    for (const damage of [
      () => truncateSync(bin, 100),
      () => writeFileSync(bin.replace('.bin', '.json'), '{'),
      () => writeFileSync(bin, Buffer.from(before).fill(before[6]! ^ 1, 6, 7)),
    ]) {
      damage();
      expect(kept()).toBe(undefined);
      await inFile(path, char);
      expect(readFileSync(bin).equals(before)).toBe(true);
    }
    utimesSync(bin, 1, 1); // as after a copy
    expect(digests(kept()!.split)).toEqual(original);
  });

  it('is refused where its vocabulary does not fit into two bytes, and nothing is left of what could not be written', async () => {
    const path = at('t.bin');
    const write = (V: number, signed: boolean, write: Parameters<typeof writeTokens>[3]) =>
      writeTokens(path, V, signed, write);
    await expect(write(65_537, false, () => expect.fail())).rejects.toThrow(
      /^a vocabulary of 65,537 tokens is too large .* at most 65,536;/,
    );
    await expect(write(32_769, true, () => expect.fail())).rejects.toThrow('at most 32,768;');
    await expect(
      write(65_536, false, async (put) => {
        put([1, 65_535]);
        throw new Error('full');
      }),
    ).rejects.toThrow('full');
    expect(readdirSync(at())).toEqual([]);
    await write(65_536, false, async (put) => {
      put([1, 65_535]);
      put([300]);
      return { tokens: 3, train: 2, files: [] };
    });
    expect([...readFileSync(path)]).toEqual([1, 0, 255, 255, 44, 1]);
    const { train, validation } = openTokens(path, readNotes(path, 65_536)!, 65_536);
    expect([...train.subarray(0, 9)]).toEqual([1, 65_535]);
    expect([...validation.subarray(0, 1)]).toEqual([300]);
    expect(readNotes(path, 100)).toBe(undefined);
    expect(() => openTokens(path, readNotes(path, 65_536)!, 400).train.subarray(0, 2)).toThrow(
      `${path} is damaged: token 65535 is none of the 400; remove it, and the text is read anew`,
    );
    await write(128, true, async (put) => {
      put([127, ~127, 0]);
      return { tokens: 3, train: 3, files: [] };
    });
    expect([...readFileSync(path)]).toEqual([127, 128, 0]);
    const signed = readNotes(path, 128)!;
    expect([...openTokens(path, signed, 128).train.subarray(0, 3)]).toEqual([127, ~127, 0]);
    expect(() => openTokens(path, signed, 127).train.subarray(1, 3)).toThrow('token -128 is none of the 127');
  });

  it('is evaluated on windows spread over what is held out', () => {
    const validation = new Int32Array(1000);
    const windows = (budget: number | 'full', mostScored: number) =>
      heldOutWindows({ train: validation, validation, mostScored }, 10, budget);
    expect(windows('full', 50)).toEqual(windows(50, 2000));
    expect(windows('full', 50).map(({ start }) => start)).toEqual([0, 247, 494, 741, 989]);
    expect(windows('full', 2000)).toHaveLength(100);
  });
});

describe('documents of a large text', () => {
  const words = (i: number) => `n${(i * 7919) % 500} ${'é🎉b'.repeat(i % 5)}${i % 3}`;
  const lines = Array.from({ length: 3000 }, (_, i) => words(i));
  const blocks = lines.map((line, i) => `${line}\n${'\n \n\n'.repeat(i % 3)}`).join('');
  const json = lines.map((text) => JSON.stringify({ text })).join('\n');
  const pairs = lines.map((text, i) =>
    JSON.stringify({ prompt: text.slice(i % 4), completion: words(i % 90) }),
  );
  const cases: [string, () => CorpusChoice, boolean?][] = [
    ['lines', () => ({ data: [file('a', lines.join('\n'))], documents: 'lines' })],
    ['packed blocks', () => ({ data: [file('a', gzipSync(blocks))], documents: 'blocks' })],
    ['JSON lines', () => ({ data: [file('a.jsonl', `${json}\n\n{"text": " "}`), file('b', blocks)] })],
    [
      'files, and others held out',
      () => {
        for (let i = 0; i < 300; i++) file(`x/${i}`, words(i));
        return { data: [at('x')], valData: [file('v', `${words(7)}é`)], documents: 'file' };
      },
    ],
    ['pairs', () => ({ data: [file('a.jsonl', pairs.join('\n'))] })],
    ['pairs, all learned', () => ({ data: [file('a.jsonl', pairs.join('\n'))], loss: 'all' })],
    [
      'one text, and another held out',
      () => ({ data: [file('a', blocks)], valData: [file('v', `🎉${json}"`)] }),
    ],
  ];
  const context = 30;

  it.each(
    cases.flatMap(([name, make]) => (['char', 'bpe'] as const).map((kind) => [name, kind, make] as const)),
  )('are what they are in memory: %s, %s', async (_, kind, make) => {
    const choice = make();
    const [read, memory] = [await readText(choice, false, 1), await readCorpus(choice)];
    expect(read.large).toBeDefined();
    const about = ({ sha256, choice, jsonLines, skipped }: ReadCorpus) => ({
      sha256,
      choice,
      jsonLines,
      skipped,
    });
    expect(about(read)).toEqual(about(memory));
    expect(read.summary).toBe(`${memory.summary}, read in pieces`);
    const tokenizer = learnTokenizer(kind, memory.corpus, 280);
    expect(learnTokenizer(kind, read.corpus, 280).toJSON()).toEqual(tokenizer.toJSON());
    const cut = [0, 0, 0];
    const encode = (i: number) =>
      encodeText(
        i === 0 ? memory : read,
        tokenizer,
        { context, onLongPrompt: () => cut[i]!++ },
        at('.tokens'),
      );
    const [expected, fresh, kept] = [await encode(0), await encode(1), await encode(2)];
    expect(readdirSync(at('.tokens'))).toHaveLength(2);
    expect(cut).toEqual([cut[0], cut[0], cut[0]]);
    for (const { split, corpus } of [fresh, kept]) {
      expect(digests(split)).toEqual(digests(expected.split));
      expect(Object.is(split.charactersPerToken, expected.split.charactersPerToken)).toBe(true);
      expect(split.end).toBe(expected.split.end);
      if (kind === 'char' && cut[0] === 0 && memory.corpus.ends) {
        const { training, heldOut } = splitCorpus(memory.corpus);
        const plain = (part: typeof training) => part.map(({ prompt = '', text }) => prompt + text);
        expect([corpus.documents, corpus.heldOut!].map(plain)).toEqual([training, heldOut].map(plain));
      }
    }
    const other = encodeText(read, tokenizer, { context: 31 }, at('.tokens'));
    expect(digests((await other).split)).toEqual(
      digests(encodeSplit(memory.corpus, tokenizer, { context: 31 })),
    );
  });

  it('give the losses that they give in memory, prompts hidden', async () => {
    const choice = cases[4]![1]();
    const memory = await readCorpus(choice);
    const tokenizer = learnTokenizer('char', memory.corpus);
    const config = { ...tinyConfig, vocabSize: tokenizer.vocabSize };
    const results = await Promise.all(
      [memory, await readText(choice, false, 1)].map(async (read) => {
        const { split } = await encodeText(read, tokenizer, { context }, at('.tokens'));
        const trainer = freshTrainer(config, { ...runSettings, evalTokens: 200 }, split, {
          kernels: reference,
        });
        const losses = Array.from({ length: 4 }, () => trainer.train().loss);
        return [...losses, trainer.evaluate().nll, ...trainer.model.arena.params.data];
      }),
    );
    expect(results[0]!.every((x, i) => Object.is(x, results[1]![i]))).toBe(true);
  });

  it('are cut alike, however small the pieces are', async () => {
    const texts = [
      blocks.slice(0, 3000),
      '\n\n\n',
      'a',
      ' \n\n \n\nb',
      'a\n\n\n  b\n \n\n\n',
      '{"text": "a\\n\\n\\nb"}\n\n',
    ];
    for (const text of texts) {
      for (const documents of ['lines', 'blocks', 'file'] as const) {
        const isRecords = text.startsWith('{');
        const documentsOf = async (size: number) => {
          const pieces = Array.from({ length: Math.ceil(text.length / size) }, (_, i) =>
            text.slice(i * size, (i + 1) * size),
          );
          const all: Document[] = [];
          for await (const document of documentsIn('x', pieces, { documents, isRecords })) all.push(document);
          return all;
        };
        const whole = await documentsOf(text.length);
        for (const size of [1, 2, 3, 7, 50]) expect(await documentsOf(size)).toEqual(whole);
      }
    }
  });

  it('are refused with the line, and nothing is left', async () => {
    const path = file('a.jsonl', `${`${json}\n`.repeat(9)}{"text": 5}\n`);
    await expect(readText({ data: [path] }, false, 1)).rejects.toThrow(
      `${path} line 27001: expected a text as`,
    );
    const none = file('b.jsonl', '\n\n');
    await expect(readText({ data: [none] }, false, 1)).rejects.toThrow(`${none} holds no document`);
    const long = file('c.jsonl', pairs.join('\n'));
    const read = await readText({ data: [long] }, false, 1);
    const tokenizer = learnTokenizer('char', read.corpus);
    await expect(encodeText(read, tokenizer, { context: 9 }, at('.tokens'))).rejects.toThrow(
      /^.*c\.jsonl line \d+: a completion of \d+ tokens is too long/,
    );
    expect(readdirSync(at('.tokens'))).toEqual([]);
    const one = file('d', 'a\na\n');
    await expect(readText({ data: [one], documents: 'lines' }, false, 1)).rejects.toThrow(
      'expected at least 2 different documents',
    );
  });
});

describe('npm run train on a large text', () => {
  const text = join(scratch, 'large.txt');
  const small = ['--layers', '1', '--channels', '8', '--heads', '2', '--context', '32', '--batch-size', '2'];
  const begin = (out: string, ...more: string[]) => [
    ...['--data', text, '--out', out, '--steps', '4', '--seed', '3', '--eval-every', '2', ...small, ...more],
  ];

  it('says what it looked at, goes on without the text, and ends as the straight run does', async () => {
    writeFileSync(text, story.repeat(Math.ceil(largeBytes / story.length)));
    const [straight, pieces] = [join(scratch, 'straight'), join(scratch, 'pieces')];
    const limited = await trainCommand(begin(straight), { shell: 'ulimit -f 2000' });
    expect(limited.err).toMatch(/^error: cannot write .*\.bin: the file would be larger than allowed\n$/);
    expect([limited.code, readdirSync(join(scratch, '.tokens')), existsSync(straight)]).toEqual([
      1,
      [],
      false,
    ]);

    const whole = await trainCommand(begin(straight));
    expect([whole.code, whole.err]).toEqual([0, '']);
    expect(whole.out).toMatch(
      /large\.txt: 1 file, 67,108,\d+ characters, read in pieces; 60,39\d,\d+ tokens to learn/,
    );
    expect(whole.out).toContain(
      'to beat (counted on a sample: the first 4,194,304 characters, and 524,288 characters that are held out): ',
    );
    expect(whole.out).toContain('over windows spread over what is held out, with 1,048,576 held-out tokens');
    expect(whole.out).toMatch(/words: \d+ % of \d+ in a sample of the corpus/);

    // An order of all its windows would take memory.
    expect(newestState(straight).state.settings.sampling).toBe('random');
    expect((await trainCommand(begin(pieces, '--stop-at', '1'))).code).toBe(0);
    rmSync(text);
    const second = await trainCommand(['--resume', pieces]);
    expect([second.code, second.err]).toEqual([0, '']);
    const last = (run: string) => filesIn(newestState(run).folder);
    expect(last(pieces)).toEqual(last(straight));
    writeFileSync(text, 'another text');
    const other = await trainCommand(['--resume', pieces, '--steps', '6']);
    expect(other.err).toMatch(/^error: .*large\.txt is not the text that .*pieces was trained on/);
  }, 240_000);
});
