/** What is bad is said in one sentence in the page, and nothing is lost by it; no text is ever markup. */
import { describe, expect } from 'vitest';
import { inBrowser, labPage, smallState } from './open-lab.ts';
import { NodeEngine, smallRun, smallText } from './support.ts';

const { open, evaluate, until, press, status, problem, expectPeace, send } = labPage();

const told = (part: string) =>
  until(`document.querySelector('[role=alert]:not([hidden])')?.textContent.includes('${part}')`);
/** Drops a file on the view, as if it came from the desktop. */
const drop = (name: string, content: string) =>
  evaluate(`(() => {
    const dataTransfer = new DataTransfer();
    dataTransfer.items.add(new File([${content}], ${JSON.stringify(name)}));
    document.querySelector('#view section').dispatchEvent(new DragEvent('drop', { dataTransfer, cancelable: true }));
  })()`);
const own = () => evaluate<string>(`document.querySelector('textarea[name=text]').value`);

describe('a text of one\u2019s own', () => {
  inBrowser('is pasted or dropped, and stays where the next file is no text', async () => {
    await open(`train?${smallState}&steps=5&data=a+text+of+your+own`);
    await evaluate(`(() => {
      const box = document.querySelector('textarea[name=text]');
      box.value = 'a short text';
      box.dispatchEvent(new Event('input'));
    })()`);
    await press('Train');
    await told('too short');
    await drop('own.txt', JSON.stringify(smallText));
    await until(`document.querySelector('textarea[name=text]').value.length > 100`);
    expect(await own()).toBe(smallText);
    for (const [name, content, what] of [
      ['empty.txt', `''`, 'is empty'],
      ['<i>picture.png', 'Uint8Array.of(0x89, 0x50, 0, 1)', 'holds NUL bytes, so it is no text'],
      ['latin.txt', 'Uint8Array.of(0x63, 0x61, 0x66, 0xe9)', 'is not UTF-8 text'],
    ] as const) {
      await drop(name, content);
      await told(name);
      expect(await problem()).toBe(`${name} ${what}; choose a plain text file in UTF-8`);
      expect(await own()).toBe(smallText);
    }
    await evaluate(
      `void (File.prototype.arrayBuffer = () => Promise.reject(new DOMException('', 'NotReadableError')))`,
    );
    await drop('large.txt', `'x'`);
    await told('large.txt cannot be read');
    await press('Train');
    await status('finished, step 5 of 5');
    expectPeace();
  });

  inBrowser('is never markup, in no view', async () => {
    await open(`train?${smallState}&steps=5&tokenizer=bpe&vocabulary=290&data=a+text+of+your+own`);
    const markup =
      '<img src=x onerror="globalThis.ran=1"><b>bold</b> &lt;i&gt; <script>ran=2</script>\n'.repeat(200);
    await drop('page.html', JSON.stringify(markup));
    await until(`document.querySelector('textarea[name=text]').value.length > 100`);
    await press('Train');
    await status('finished, step 5 of 5');
    await until(`document.querySelector('#view pre').textContent.includes('<')`);
    for (const [state, there] of [
      [
        'next-token?d=prompt&prompt=%3Cb',
        `[...document.querySelectorAll('.bars .token')].some((e) => e.textContent.includes('<'))`,
      ],
      [
        `tokens?merges=20`,
        `[...document.querySelectorAll('.boxes')].some((e) => e.textContent.includes('<'))`,
      ],
    ] as const) {
      await evaluate(`location.hash = '#${state}'`);
      await until(there);
    }
    const found = `[globalThis.ran, document.querySelectorAll('#view img, #view script').length]`;
    expect(await evaluate(found)).toEqual([null, 0]);
    expectPeace();
  });
});

describe('memory', () => {
  inBrowser('that a model would not fit into is said before anything is lost', async () => {
    await open(`train?${smallState}&steps=5`);
    await press('Train');
    await status('finished, step 5 of 5');
    await evaluate(`location.hash = '#train?channels=4096&heads=64&layers=48&context=32'`);
    await until(`document.querySelector('[name=channels]').value === '4096'`);
    await press('Train');
    await told('simd memory');
    expect(await problem()).toMatch(
      /^simd memory: too much is asked for; expected at most 2147 MB, got \d+ MB; use a smaller model or batch$/,
    );
    // What was trained is still there, and can be asked.
    await status('finished, step 5 of 5');
    expect(
      await evaluate(
        `[document.querySelector('#loss') !== null, ...['Keep', 'Download'].map((name) =>
          [...document.querySelectorAll('button')].find((b) => b.textContent === name).disabled)]`,
      ),
    ).toEqual([true, false, false]);
    await evaluate(`location.hash = '#train?context=3000'`);
    await until(`document.querySelector('[name=context]').value === '3000'`);
    await press('Train');
    await told('too short');
    expect(await problem()).toMatch(/; use a longer text or a context of 1999 or less$/);
    await evaluate(`location.hash = '#next-token?d=prompt'`);
    await until(`document.querySelectorAll('.bars tr[data-id]').length === 40`);
    expectPeace();
  });

  inBrowser('that the browser has none of to keep a run is said, and the run stays', async () => {
    await open(`train?${smallState}&steps=5`);
    await press('Train');
    await status('finished, step 5 of 5');
    const origin = await evaluate<string>('location.origin');
    await send('Storage.overrideQuotaForOrigin', { origin, quotaSize: 10_000 });
    await press('Keep');
    await told('no room');
    expect(await problem()).toBe(
      'the browser has no room for nano; nothing was lost: download it, or delete a run that is kept',
    );
    await send('Storage.overrideQuotaForOrigin', { origin });
    await press('Keep');
    await until(`document.querySelector('details').textContent.includes('nano, kept by this browser')`);
    await press('Forget');
    await evaluate(
      `void (indexedDB.open = () => { throw new DOMException('The operation is insecure.', 'SecurityError'); })`,
    );
    await press('Keep');
    await told('keeps nothing here');
    expect(await problem()).toBe(
      'the browser keeps nothing here (The operation is insecure.); download the run instead',
    );
  });
});

describe('a tab without shared memory', () => {
  const alone = labPage({ isolated: false });

  inBrowser('says so and computes the same on one thread', async () => {
    await alone.open(`train?${smallState.replace('threads=1', 'threads=4')}&steps=5`);
    expect(
      await alone.evaluate('[crossOriginIsolated, document.querySelector("footer").innerText.split("\\n")]'),
    ).toEqual([
      false,
      expect.arrayContaining([
        expect.stringMatching(/^computes on one thread/),
        'this tab cannot share memory between threads, so it has one; npm run lab serves pages that can',
      ]),
    ]);
    await alone.press('Train');
    await alone.status('finished, step 5 of 5');
    const ids = await alone.evaluate<number[]>(`(async () => {
      const { Engine } = await import('/src/lab/engine/client.ts');
      const engine = new Engine();
      await engine.call('open', { threads: 4, math: 'portable' });
      for await (const event of engine.stream('train', ${JSON.stringify({ text: smallText, ...smallRun })}));
      const { logits } = await engine.call('distribution', { text: 'The ' });
      engine.close();
      return [...logits];
    })()`);
    const here = new NodeEngine();
    await here.call('open', { threads: 1, math: 'portable' });
    await here.stream('train', { text: smallText, ...smallRun });
    expect(ids).toEqual([...(await here.call('distribution', { text: 'The ' })).logits]);
    alone.expectPeace();
  });
});
