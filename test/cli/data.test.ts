/** Texts as --data takes them: several, folders, JSON lines, gzip, standard input; and what bad ones are told. */
import { execFileSync } from 'node:child_process';
import { existsSync, readFileSync, symlinkSync } from 'node:fs';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { describe, expect, it } from 'vitest';
import { readCorpus } from '../../src/cli/data/corpus.ts';
import { sha256 } from '../../src/cli/host/files.ts';
import { bin, root } from '../support/root.ts';
import { filesIn, trainCommand } from '../support/runs.ts';
import { testFolder } from '../support/scratch.ts';

const { at, file } = testFolder();
const readTexts = (data: string[]) => readCorpus({ data, documents: 'file' });
const textsOf = async (...paths: string[]) =>
  (await readTexts(paths)).corpus.documents.map(({ text }) => text);
const read = async (...data: string[]) =>
  (await readCorpus({ data, documents: 'none' })).corpus.documents[0]!.text;

describe('texts', () => {
  it('are read in the order given, below a folder in that of their names, without hidden ones', async () => {
    const books = at('books');
    for (const name of ['b.txt', 'B.txt', 'a/z.txt', 'a.md', '.git/config', 'c.txt'])
      file(`books/${name}`, name);
    symlinkSync(books, join(books, 'd'));
    symlinkSync(join(books, 'nowhere'), join(books, 'e'));
    const last = file('last.txt', 'last');
    expect(await textsOf(last, books)).toEqual(['last', 'B.txt', 'a/z.txt', 'a.md', 'b.txt', 'c.txt']);
  });

  it('may be packed, whatever their names, and UTF-16', async () => {
    const packed = file('a.txt.gz', gzipSync('packed é'));
    const unnamed = file('b', gzipSync(Buffer.from('\ufeffwide é', 'utf16le')));
    expect(await textsOf(packed, unnamed)).toEqual(['packed é', 'wide é']);
  });

  it('are left out of a folder where they are none, with the reason', async () => {
    file('x/good.txt', 'good');
    const old = file('x/old.txt', Buffer.from('caf\xe9', 'latin1'));
    const none = file('x/none.txt', '');
    const { corpus, skipped } = await readTexts([at('x')]);
    expect(corpus.documents.map(({ text }) => text)).toEqual(['good']);
    expect(skipped).toEqual([
      `${none} is empty; expected a text`,
      `${old} is not UTF-8 text: byte 0xe9 at offset 3, line 1; if it is an older text: iconv -f WINDOWS-1252 -t UTF-8 ${old} > utf8.txt`,
    ]);
    await expect(readTexts([old])).rejects.toThrow(skipped[1]);
  });

  it('are missed in a folder without one', async () => {
    await expect(readTexts([at()])).rejects.toThrow(
      `${at()} is a folder without text; expected text files in it: it has no files`,
    );
    const picture = file('a.png', new Uint8Array([0x89, 0x50, 0, 0]));
    await expect(readTexts([at()])).rejects.toThrow(`1 left out, the first: ${picture} is not UTF-8 text`);
  });

  it('are refused where gzip is damaged', async () => {
    const torn = file('a.gz', gzipSync('some text').subarray(0, 15));
    await expect(readTexts([torn])).rejects.toThrow(`${torn} is damaged gzip: unexpected end of file`);
  });
});

describe('a corpus of one text', () => {
  it('is what cat would give, but that each text begins on a line of its own', async () => {
    const paths = [file('a', 'one\r\n'), file('b', 'two'), file('c', '\ufeffthree')];
    expect(await read(...paths)).toBe('one\ntwo\nthree');
  });

  it('has the checksum of its text, and is kept by its name alone', async () => {
    const { sha256: sum, choice, summary } = await readCorpus({ data: [file('a', 'one 🎉\n')] });
    expect(sum).toBe(sha256('one 🎉\n'));
    expect(choice).toBe(undefined);
    expect(summary).toBe('1 file, 6 characters');
  });

  it('keeps what it was made of where that is more', async () => {
    const [a, b] = [file('a', 'one'), file('b', 'two')];
    const both = await readCorpus({ data: [a, b] });
    const documents = 'none';
    expect([both.choice, both.sha256]).toEqual([{ data: [a, b], documents }, sha256('one\ntwo')]);
    const held = await readCorpus({ data: [a], valData: [b] });
    expect(held.choice).toEqual({ data: [a], valData: [b], documents });
    expect(held.corpus).toMatchObject({ documents: [{ text: 'one' }], heldOut: [{ text: 'two' }] });
    expect(held.summary).toBe('1 file, 3 characters; held out: 1 file, 3 characters');
    expect(new Set([held.sha256, (await readCorpus({ data: [b], valData: [a] })).sha256]).size).toBe(2);
  });
});

describe('JSON lines', () => {
  it('have a text in each line', async () => {
    const path = file('a.jsonl', '{"text": "one"}\n\n{"id": 1, "text": "tw\\r\\no"}\r\n');
    expect(await read(path)).toBe('one\ntw\no');
    const packed = file('a.jsonl.gz', gzipSync('{"body": "one"}'));
    expect((await readCorpus({ data: [packed], field: 'body' })).corpus.documents[0]!.text).toBe('one');
  });

  it('are one text if they are to be, each on a line of its own', async () => {
    const texts = ['', 'a', '', '', 'b\n', '\nc', ''];
    const path = file('a.jsonl', texts.map((text) => JSON.stringify({ text })).join('\n'));
    expect(await read(path, file('b', 'd'))).toBe('a\nb\n\nc\nd');
  });

  it('are plain text for a run that was begun before they were known', async () => {
    const path = file('a.jsonl', '{"text": "one"}');
    expect((await readCorpus({ data: [path] }, true)).corpus.documents[0]!.text).toBe('{"text": "one"}');
  });

  it.each([
    ['{"text": "a"}\n{"text": ', 'line 2: expected a JSON object in one line, got "{\\"text\\": "'],
    ['[1]', 'line 1: expected a JSON object, got [1]'],
    [
      '{"id": 1, "body": "x"}',
      'line 1: expected a text as "text", or as "prompt" and "completion"; --field NAME says where else the text is; got only "id", "body"',
    ],
    [
      '{"text": 5}',
      'line 1: expected a text as "text", or as "prompt" and "completion"; --field NAME says where else the text is; got 5',
    ],
    ['{"prompt": "a"}', 'line 1: expected a text as "completion"; got only "prompt"'],
    ['{"prompt": null, "completion": "a"}', 'line 1: expected a text as "prompt"; got null'],
    ['{"text": "\\ud800"}', 'line 1: "text" holds half a surrogate pair'],
    ['\n \n', ' holds no document; expected one JSON object a line'],
    ['{"text": ""}', ': every text is empty'],
  ])('are refused: %j', async (content, message) => {
    const path = file('a.jsonl', content);
    await expect(read(path)).rejects.toThrow(`${path}${message.startsWith('line') ? ' ' : ''}${message}`);
  });
});

describe('documents', () => {
  const documents = async (content: string, mode: 'file' | 'lines' | 'blocks' | 'jsonl') =>
    (await readCorpus({ data: [file('x.txt', content)], documents: mode })).corpus.documents.map(
      ({ text }) => text,
    );

  it('are lines, blocks, files or lines of JSON', async () => {
    const text = '\none\n\ntwo  \n   \n\n  three\n\n\n\n';
    expect(await documents(text, 'lines')).toEqual(['one', 'two', '  three']);
    expect(await documents(text, 'blocks')).toEqual(['one\n\ntwo', '  three']);
    expect(await documents(text, 'file')).toEqual([text]);
    expect(await documents('{"text": "a"}\n{"text": "b"}', 'jsonl')).toEqual(['a', 'b']);
  });

  it('are the lines of a .jsonl and the other files, if nothing else is said', async () => {
    const data = [file('a.jsonl', '{"text": "a"}\n{"text": " "}\n{"text": "b"}'), file('c.txt', 'c\nd')];
    const { corpus, choice, summary, skipped } = await readCorpus({ data });
    expect(corpus.documents.map(({ text }) => text)).toEqual(['a', 'b', 'c\nd']);
    expect(corpus.ends).toBe(true);
    expect(choice).toEqual({ data, documents: 'file' });
    expect(summary).toBe('2 files, 3 documents, 5 characters');
    expect(skipped).toEqual([`1 document of ${data.join(', ')} without a character`]);
  });

  it('have a checksum of their own, which their borders change', async () => {
    const sums = await Promise.all(
      ['a\nb\nc', 'a\nbc'].flatMap((text, i) =>
        (['none', 'lines'] as const).map(
          async (documents) => (await readCorpus({ data: [file(`${i}`, text)], documents })).sha256,
        ),
      ),
    );
    expect(new Set(sums).size).toBe(4);
  });
});

describe('prompts and completions', () => {
  const pair = '{"prompt": "1 + 1 =", "completion": " 2"}';

  it('are documents, of which completions are learned unless more is asked for', async () => {
    const path = file('a.jsonl', `${pair}\n{"text": "plain"}\n{"prompt": "x", "completion": ""}`);
    const { corpus, choice, skipped, summary } = await readCorpus({ data: [path] });
    expect(corpus.documents).toEqual([
      { prompt: '1 + 1 =', text: ' 2', where: `${path} line 1` },
      { text: 'plain' },
    ]);
    expect([corpus.loss, choice]).toEqual([
      'completion',
      { data: [path], documents: 'file', loss: 'completion' },
    ]);
    expect(skipped).toEqual([`1 document of ${path} without a character`]);
    expect(summary).toBe('1 file, 2 documents, 14 characters');
    expect((await readCorpus({ data: [path], loss: 'all' })).corpus.loss).toBe('all');
    const other = file('b.jsonl', pair.replace(' 2', ' 3').replace('1 =', '1 = '));
    expect((await readCorpus({ data: [other] })).sha256).not.toBe(
      (await readCorpus({ data: [path] })).sha256,
    );
  });

  it('are not cut, and have to be there for their loss', async () => {
    const path = file('a.jsonl', pair);
    for (const documents of ['none', 'lines', 'blocks'] as const) {
      await expect(readCorpus({ data: [path], documents })).rejects.toThrow(
        `${path} has prompts and completions, each pair a document; expected --documents file, got ${documents}`,
      );
    }
    const plain = file('b.jsonl', '{"text": "a"}');
    expect((await readCorpus({ data: [plain], loss: 'completion' })).corpus.loss).toBe(undefined);
    const refused = await trainCommand(['--data', plain, '--loss', 'all']);
    expect([refused.code, refused.err]).toEqual([2, expect.stringContaining('--loss goes with JSON lines')]);
  });
});

describe('a run on a list of names', () => {
  const list = Array.from(
    { length: 120 },
    (_, i) => `${'bdfgklmnprst'[i % 12]}${'aeiou'[i % 5]}${'lnrs'[i % 4]}a`,
  );
  const tiny =
    '--layers 1 --channels 16 --heads 2 --context 8 --batch-size 4 --accumulate 2 --eval-every 5 --seed 1';

  it.each([['char'], ['bpe --vocab-size 262'], ['char --sampling epoch']])(
    'ends with new ones, and with the same bytes after a stop: --tokenizer %s',
    { timeout: 120_000 },
    async (tokenizer) => {
      const data = file('names.txt', list.join('\n'));
      const begin = (name: string, ...more: string[]) => [
        ...`--data ${data} --documents lines --steps 20 --tokenizer ${tokenizer} ${tiny}`.split(' '),
        ...['--out', at(name), ...more],
      ];
      const straight = await trainCommand(begin('straight'));
      expect(straight.err).toMatch(/^(warning.*\n)*$/);
      expect(straight.out).toContain('names.txt: 1 file, 120 documents, 480 characters; ');
      expect(straight.out).toMatch(/20 samples, .*:\n( {4}.*\n){20}\nof these, \d+ (is|are) new, and/);
      await trainCommand(begin('pieces', '--stop-at', '7'));
      const resumed = await trainCommand(['--resume', at('pieces')]);
      expect(resumed.code).toBe(0);
      const files = (name: string) =>
        Object.entries(filesIn(at(name)))
          .filter(([path]) => /^(best|step-00000020)/.test(path))
          .map(([path, bytes]) => [path, sha256(bytes)]);
      expect(files('pieces')).toEqual(files('straight'));
      const { corpus } = JSON.parse(readFileSync(at('straight', 'step-00000020/state.json'), 'utf8'));
      expect(corpus).toEqual({ data: [data], documents: 'lines' });
    },
  );
});

describe('a model that is tuned', () => {
  const tiny = '--layers 1 --channels 16 --heads 2 --context 16 --batch-size 4 --seed 1';
  const train = (args: string) => trainCommand(args.split(' '));

  it('learns to complete, gets an end where it had none, and the same bytes after a stop', {
    timeout: 120_000,
  }, async () => {
    const [text, first] = [file('text.txt', 'ab cd ef gh. AB CD EF GH? '.repeat(20)), at('first')];
    expect((await train(`--data ${text} --steps 4 --out ${first} ${tiny}`)).code).toBe(0);
    const pairs = Array.from({ length: 60 }, (_, i) => ({
      prompt: `${'ab cd ef gh'.repeat(i % 5)} ${'acegbdfh'[i % 8]}?`,
      completion: ` ${'ACEGBDFH'[i % 8]}`,
    }));
    const data = file('pairs.jsonl', pairs.map((pair) => JSON.stringify(pair)).join('\n'));
    const begin = (name: string) =>
      `--init ${first} --data ${data} --steps 12 --accumulate 2 --batch-size 3 --eval-every 4 --seed 2 --out ${at(name)}`;
    const straight = await train(begin('straight'));
    expect(straight.out).toContain('left out: the beginning of ');
    await train(`${begin('pieces')} --stop-at 5`);
    expect((await train(`--resume ${at('pieces')}`)).code).toBe(0);
    const files = (name: string) =>
      Object.entries(filesIn(at(name)))
        .filter(([path]) => /^(best|step-00000012)/.test(path))
        .map(([path, bytes]) => [path, sha256(bytes)]);
    expect(files('pieces')).toEqual(files('straight'));
    const config = JSON.parse(readFileSync(at('straight/best/config.json'), 'utf8'));
    expect([config.vocab_size, config.eos_token_id]).toEqual([20, 19]);
    const long = file(
      'long.jsonl',
      JSON.stringify({ prompt: 'a', completion: 'ab cd ef gh. AB' }) +
        '\n' +
        JSON.stringify({ prompt: 'a', completion: 'ab cd ef gh. AB C' }),
    );
    const refused = await train(`--init ${first} --data ${long} --steps 4 --out ${at('never')}`);
    expect([refused.code, refused.err]).toEqual([
      1,
      `error: ${long} line 2: a completion of 17 tokens is too long; expected at most 15, so that with the end of text it fits into the context of 16; shorten it, or choose a longer --context\n`,
    ]);
    expect(existsSync(at('never'))).toBe(false);
  });
});

describe('standard input', () => {
  const train = (args: string[], input: string | Uint8Array) =>
    execFileSync(process.execPath, [bin, 'train', ...args, '--seed', '1'], {
      cwd: root,
      input,
      encoding: 'utf8',
      stdio: ['pipe', 'pipe', 'ignore'],
    });

  it('is read once', async () => {
    const refused = await trainCommand(['--data', '-', '--val-data', '-']);
    expect(refused.err).toBe('error: standard input can be read only once\n');
  });

  it('is a text, and the run goes on with the same', () => {
    const text = 'the cat sat on the mat. '.repeat(20);
    const out = at('run');
    const tiny = '--steps 4 --layers 1 --channels 8 --heads 2 --context 8 --batch-size 2'.split(' ');
    const first = train(['--data', '-', '--out', out, '--stop-at', '2', ...tiny], gzipSync(text));
    expect(first).toContain('-: 1 file, 480 characters; 432 tokens to learn from, 48 held out');
    expect(train(['--resume', out], text)).toContain('trained in');
    expect(() => train(['--resume', out, '--steps', '5'], `${text}!`)).toThrow();
  });
});
