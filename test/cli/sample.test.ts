/** npm run sample as a user runs it, on the PyTorch folder: 13 characters, line break, space and a to k; context 16. */
import { spawn } from 'node:child_process';
import { describe, expect, it } from 'vitest';
import { beamSearch } from '../../src/sample/beam.ts';
import { generate, generateAll, sampleRequests } from '../../src/sample/generate.ts';
import { defaultSampling } from '../../src/sample/settings.ts';
import { Trace } from '../../src/sample/trace.ts';
import { reference } from '../../src/tensor/reference/index.ts';
import { ids } from '../../src/tensor/tensor.ts';
import { golden, openModel } from '../support/models.ts';
import { bin, root } from '../support/root.ts';

const { path, checkpoint } = golden('gpt2-tiny');
const { tokenizer } = checkpoint;
const model = openModel(checkpoint, { kernels: reference, batch: 1, slots: 6, gradients: false });

interface Result {
  readonly code: number | null;
  readonly out: string;
  readonly err: string;
}

/** The command on the reference kernels, whose bits are those of `model` here. */
const script = [bin, 'sample', '--run', path, '--backend', 'reference'];
function sample(args: readonly string[], input?: string): Promise<Result> {
  // A shell's pipe: the command reads a prompt from one, and from nothing else that is not a terminal.
  const shell = input === undefined ? 'exec "$@"' : `printf '${input}' | "$@"`;
  const child = spawn('sh', ['-c', shell, 'sh', process.execPath, ...script, ...args], { cwd: root });
  let [out, err] = ['', ''];
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    out += text;
  });
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    err += text;
  });
  return new Promise((resolve) => child.on('close', (code) => resolve({ code, out, err })));
}
const lines = (out: string) =>
  out
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line));
const options = (settings = {}, more = {}) => ({
  settings: { ...defaultSampling, ...settings },
  maxNewTokens: 24,
  seed: 9,
  contextPolicy: 'shift' as const,
  tokenizer,
  ...more,
});
const own = ['--tokens', '24', '--seed', '9'];
/** What stands on standard error around the text. */
const remarks = (tokens: number, { before = '', ended = '' } = {}) =>
  new RegExp(`^${path}, 7,056 parameters\n${before}${tokens} tokens, [\\d,]+ tokens/s${ended}\n$`);

describe.concurrent('npm run sample', { timeout: 120_000 }, () => {
  it('draws several samples of several prompts as one batch of numbered streams', async () => {
    const prompts = ['a fk', 'bead'];
    const args = [...own, '--prompt', prompts[0]!, '--prompt', prompts[1]!, '--samples', '2'];
    const expected = generateAll(
      model,
      sampleRequests(
        prompts.map((prompt) => tokenizer.encode(prompt)),
        2,
      ),
      options(),
    );
    const [json, plain] = await Promise.all([sample([...args, '--json']), sample(args)]);
    expect(json).toMatchObject({ code: 0, err: '' });
    expect(lines(json.out)).toEqual(
      expected.map((generation, stream) => ({
        prompt: prompts[stream >> 1],
        ...generation,
        seed: 9,
        stream,
      })),
    );
    const texts = expected.map(({ text }, row) => {
      const title = `--- prompt ${(row >> 1) + 1} of 2, sample ${(row % 2) + 1} of 2\n`;
      return `${title}${prompts[row >> 1]}${text}\n`;
    });
    expect(plain).toEqual({ code: 0, out: texts.join(''), err: expect.stringMatching(remarks(4 * 24)) });
  });

  it('ends at a stop string, prints it if asked to, and says on standard error only why else it ends', async () => {
    const settings = { repetitionPenalty: 1.3, bannedTokens: [...tokenizer.encode('j')] };
    const args = [...own, '--prompt', 'a', '--repetition-penalty', '1.3', '--ban', 'j'];
    const request = sampleRequests([tokenizer.encode('a')], 1);
    const [free] = generateAll(model, request, options(settings));
    expect(free!.text).not.toContain('j');
    const stop = free!.text.slice(5, 8);
    const escaped = stop.replaceAll('\n', '\\n');
    const cut = free!.text.slice(0, free!.text.indexOf(stop));
    const [before, behind, full] = await Promise.all([
      sample([...args, '--stop', 'kkkkkk', '--stop', escaped]),
      sample([...args, '--stop', escaped, '--include-stop']),
      sample(['--prompt', 'a', '--samples', '3', '--context-policy', 'stop']),
    ]);
    expect(before).toEqual({ code: 0, out: `a${cut}\n`, err: expect.stringMatching(remarks(8)) });
    expect(behind.out).toBe(`a${cut}${stop}\n`);
    const ended = '; ended: context-full \\(3 of 3\\)';
    expect(full.err).toMatch(remarks(3 * 15, { before: 'seed \\d+\n', ended }));
  });

  it('traces every token: numbers that follow from the logits', async () => {
    const { out } = await sample([
      ...own,
      '--prompt',
      'a fk',
      '--temperature',
      '0.7',
      '--top-k',
      '5',
      '--top-p',
      '1',
      '--trace',
      '--json',
    ]);
    const [{ tokens, trace }] = lines(out);
    expect(trace.map(({ token }: { token: number }) => token)).toEqual(tokens);
    const history = [...tokenizer.encode('a fk')];
    for (const step of trace.slice(0, 12)) {
      const logits = model.forward(ids('text', history), { batch: 1, time: history.length });
      const z = Array.from(logits.row(history.length - 1).data);
      const sum = z.reduce((total, x) => total + Math.exp(x), 0);
      const hot = z.map((x) => Math.exp(x / 0.7));
      const all = hot.reduce((a, b) => a + b, 0);
      const five = [...hot].sort((a, b) => b - a).slice(0, 5);
      const kept = five.reduce((a, b) => a + b, 0);
      expect(step.rawLogProbability).toBeCloseTo(z[step.token]! - Math.log(sum), 10);
      expect(step.logProbability).toBeCloseTo(Math.log(hot[step.token]! / kept), 10);
      expect(step.rank).toBe(1 + hot.filter((x) => x > hot[step.token]!).length);
      expect(step.entropy).toBeCloseTo(
        hot.reduce((entropy, x) => entropy - (x / all) * Math.log(x / all), 0),
        10,
      );
      expect(step.stages).toEqual([
        { name: 'masks', kept: 13, mass: expect.closeTo(1, 10) },
        { name: 'topK', kept: 5, mass: expect.closeTo(kept / all, 10) },
      ]);
      expect(step.text).toBe(tokenizer.tokenText(step.token));
      history.push(step.token);
    }
    const shared = new Trace();
    const events = generate(model, sampleRequests([tokenizer.encode('a fk')], 1), {
      ...options({ temperature: 0.7, topK: 5, topP: 1 }),
      trace: shared,
    });
    let step = 0;
    for (const { token } of events) expect([token, shared.rank]).toEqual([tokens[step], trace[step++].rank]);
  });

  it('prints the trace as a plain table when piped, and the text after it', async () => {
    const { out } = await sample(['--tokens', '3', '--prompt', 'a fk', '--greedy', '--trace']);
    const rows = out.split('\n');
    expect(rows[0]).toBe(' step  token  rank  bits    raw  drawn       masks      greedy');
    expect(rows[3]).toMatch(/^ {4}3 {2}d {9}1 {2}0\.00 {2}-\d\.\d\d {3}0\.00 {3}13 100\.0% {4}1 100\.0%$/);
    expect(rows.slice(4)).toEqual(['', 'a fkddd', '']);
  });

  it('finds with --beam what beamSearch finds, with the log-probability', async () => {
    const prompt = tokenizer.encode('bead');
    const expected = beamSearch(model, prompt, { ...options(), width: 3, lengthPenalty: 1 });
    const args = ['--tokens', '24', '--prompt', 'bead', '--beam', '3', '--length-penalty', '1'];
    const { out, err } = await sample([...args, '--samples', '2']);
    const texts = expected.map(({ text }, i) => `--- sample ${i + 1} of 2\nbead${text}\n`);
    expect(out).toBe(texts.slice(0, 2).join(''));
    expect(err).toMatch(/^.*, 7,056 parameters\n(log-probability -\d+\.\d{3}, -\d\.\d{3} a token\n){2}$/);
    const { out: json } = await sample([...args, '--json']);
    expect(lines(json)).toEqual([{ prompt: 'bead', ...expected[0], place: 0 }]);
  });

  it('explains the first token instead of drawing one', async () => {
    const [plain, json] = await Promise.all([
      sample(['--prompt', 'a fk', '--explain', '--top-k', '2']),
      sample(['--prompt', 'a fk', '--explain', '--json']),
    ]);
    expect(plain.out).toMatch(/^after "a fk", of 13 tokens:\n\n token +T=0\.5 .* p=0\.95 {2}as set\n d /);
    expect(plain.out).toMatch(/\n tokens kept +13 +13 +13 +13 .* 2\n/);
    const [{ views, tokens }] = lines(json.out);
    expect(views.length).toBe(8);
    expect(tokens.length).toBe(13);
    const sum = tokens.reduce(
      (total: number, token: { probabilities: number[] }) => total + token.probabilities[0]!,
      0,
    );
    expect(sum).toBeCloseTo(1, 10);
  });

  it('reads a prompt from a pipe, from --prompt - and from --prompt-file -, to the last byte', async () => {
    const [expected] = generateAll(model, sampleRequests([tokenizer.encode('a fk\n')], 1), options());
    const results = await Promise.all([
      sample(own, 'a fk\\n'),
      sample([...own, '--prompt', '-'], 'a fk\\r\\n'), // and prints it as the model sees it
      sample([...own, '--prompt-file', '-'], '\\357\\273\\277a fk\\n'),
    ]);
    for (const { out, code } of results) expect([code, out]).toEqual([0, `a fk\n${expected!.text}\n`]);
    const broken = await sample(['--prompt', '-'], '\\377');
    expect(broken).toMatchObject({
      code: 1,
      err: 'error: standard input is not UTF-8 text: byte 0xff at offset 0, line 1; if it is an older text: iconv -f WINDOWS-1252 -t UTF-8 - > utf8.txt\n',
    });
  });

  it('goes on with a conversation: lines typed and text printed make one text, turn i draws stream i', async () => {
    const typed = ['a fk', '', 'xyz', 'bead', 'cab', 'dig', 'hid'];
    const args = ['--interactive', '--tokens', '6', '--seed', '9', '--logit-bias', '\\n=1'];
    const { code, out, err } = await sample(args, typed.map((line) => `${line}\\n`).join(''));
    const [answers, joins] = [[] as string[], [] as string[]];
    let text = '';
    for (const line of typed.filter((line) => line !== 'xyz')) {
      const join = text === '' || text.endsWith('\n') || line === '' ? '' : '\n';
      if (text !== '' && line !== '') joins.push(join);
      text += join + line;
      const requests = [{ prompt: tokenizer.encode(text), stream: answers.length }];
      const given = options({ logitBias: [[0, 1]] }, { maxNewTokens: 6 });
      const whole = generateAll(model, requests, given)[0]!.text;
      const answer = /^\s*\S[^\n]*\n/.exec(whole)?.[0] ?? whole; // a line
      answers.push(answer);
      text += answer;
    }
    expect(new Set(joins)).toEqual(new Set(['', '\n']));
    expect(new Set(answers.map((answer) => answer.endsWith('\n')))).toEqual(new Set([true, false]));
    expect(out).toBe(answers.map((answer) => (answer.endsWith('\n') ? answer : `${answer}\n`)).join(''));
    const [loaded, unknown, last] = err.split('\n');
    expect(loaded).toBe(`${path}, 7,056 parameters`);
    expect(unknown).toMatch(
      /^error: encode: 3 characters are not in the vocabulary of 13: "x", "y", "z"; --unknown skip/,
    );
    expect(last).toMatch(/^6 answers: \d+ tokens, [\d,]+ tokens\/s$/);
    expect(code).toBe(0);
  });

  it('ends, well, when its reader has left, however much there was still to draw', async () => {
    const child = spawn(process.execPath, [...script, '--tokens', '1e15', '--prompt', 'a'], {
      cwd: root,
      stdio: ['ignore', 'pipe', 'pipe'],
      timeout: 60_000,
      killSignal: 'SIGKILL',
    });
    child.stdout.once('data', () => child.stdout.destroy());
    let err = '';
    child.stderr.setEncoding('utf8').on('data', (text: string) => {
      err += text;
    });
    const code = await new Promise((resolve) => child.on('exit', resolve));
    expect(code).toBe(0);
    expect(err).toMatch(/^.*, 7,056 parameters\nseed \d+\n$/);
  });

  it.each([
    [
      'a temperature beside mirostat’s cut',
      ['--mirostat', '2', '--top-p', '0.9'],
      2,
      /--mirostat and --top-p are both given/,
    ],
    ['nothing on standard input', ['--prompt', '-'], 1, /standard input is empty; expected a prompt/],
    [
      'masks that leave nothing, if they are to throw',
      ['--allow', 'a', '--no-repeat-ngram', '1', '--on-exhausted', 'throw'],
      1,
      /candidates must be at least 1 after masks, got 0/,
    ],
    [
      'roll without rotary positions',
      ['--context-policy', 'roll', '--prompt', 'a'],
      1,
      /roll needs rotary positions/,
    ],
  ] as const)('says in one line what is wrong: %s', async (_, args, code, message) => {
    const result = await sample([...own, ...args], '');
    expect(result.err).toMatch(message);
    const said = result.err.replace(`${path}, 7,056 parameters\n`, ''); // where drawing had begun
    expect(said.trim().split('\n')).toHaveLength(1);
    expect(result.code).toBe(code);
  });
});
