/** Tokens of a text without a browser: after n merges they are those of a tokenizer of n merges, and all of them are seen. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { afterMerges, boxes, tokenText } from '../../src/lab/token-text.ts';
import { escapeBytes } from '../../src/model/text/bpe-bytes.ts';
import { trainBpe } from '../../src/model/text/bpe-train.ts';
import { CharTokenizer } from '../../src/model/text/tokenizer.ts';
import { anyText } from '../model/text/any-text.ts';
import { NodeEngine, smallRun, smallText } from './support.ts';

const engine = new NodeEngine();

/** The ids of a text after n of the merges that another gives, for each n asked. */
async function idsAfter(learnFrom: string, text: string, most: number, steps: readonly number[]) {
  const { merges } = await engine.call('vocabularies', { text: learnFrom, most });
  const ids = await engine.call('mergeAll', { text, merges });
  return steps.map((n) => afterMerges(ids, merges, n));
}

describe('a text after the first merges', () => {
  it('has the ids of a tokenizer that learned no more of them', async () => {
    const steps = [0, 1, 2, 50, 255, 499, 500];
    const text = `${smallText.slice(3000, 4000)} naïve 🙂🙂`;
    const all = await idsAfter(smallText, text, 500, steps);
    for (const [i, n] of steps.entries()) {
      expect(all[i], String(n)).toEqual([...trainBpe(smallText, 256 + n).encode(text)]);
    }
  });

  it('so for any text', async () => {
    await fc.assert(
      fc.asyncProperty(anyText, async (text) => {
        const { merges } = await engine.call('vocabularies', { text: text + text, most: 40 });
        const steps = [...Array(merges.length + 1).keys()];
        const all = await idsAfter(text + text, text, 40, steps);
        for (const n of steps) expect(all[n]).toEqual([...trainBpe(text + text, 256 + n).encode(text)]);
      }),
      { seed: 14, numRuns: 100 },
    );
  });
});

describe('what is learned from a text', () => {
  it('has each character and each piece by its id', async () => {
    const text = '\ufeffé é é\r\n🙂🙂';
    const { characters, pieces, merges, counts } = await engine.call('vocabularies', { text, most: 3 });
    expect(characters).toEqual(['\n', ' ', 'é', '🙂']);
    expect(characters).toEqual([...CharTokenizer.train(text).decode([0, 1, 2, 3])]);
    expect(pieces).toHaveLength(259);
    // C3 A9 three times; then of the pairs that occur twice that of the smallest id: F0 is 172, the space 220, 9F 253.
    expect(pieces.slice(256).map((piece) => piece.replace(/\p{Cs}/gu, '?'))).toEqual(['é', '??', ' é']);
    expect(pieces[257]).toBe(escapeBytes(Uint8Array.of(0xf0, 0x9f)));
    expect(merges[0]).toEqual([127, 102, 256]);
    expect(counts).toEqual([3, 2, 2]);
  });

  it('is nothing but the bytes for an empty text', async () => {
    const { characters, pieces, merges } = await engine.call('vocabularies', { text: '', most: 10 });
    expect([characters.length, pieces.length, merges.length]).toEqual([0, 256, 0]);
  });

  it('is what the model at hand has, with the pieces of its own tokens', async () => {
    await engine.call('open', { threads: 1, math: 'portable' });
    const bpe = {
      ...smallRun,
      tokenizer: 'bpe',
      vocabSize: 300,
      settings: { ...smallRun.settings, steps: 1 },
    } as const;
    await engine.stream('train', { ...bpe, text: smallText });
    const { ids, pieces, unknown } = await engine.call('tokenize', { text: 'The cat é' });
    expect(pieces.join('').replace(/\p{Cs}/gu, '?')).toBe('The cat ??');
    expect([pieces.length, unknown]).toEqual([ids.length, 0]);
    await engine.stream('train', { ...smallRun, ...{ settings: bpe.settings, text: smallText } });
    expect((await engine.call('tokenize', { text: 'The é\n' })).pieces).toEqual(['T', 'h', 'e', ' ', '\n']);
  });
});

describe('the text of a token on the page', () => {
  const shown = (piece: string) => tokenText(piece).text;

  it('shows spaces, line ends, tabs and what is invisible by signs that are no letters', () => {
    expect(shown(' the\n\t')).toBe('<i>␣</i>the<i>↵</i><i>⇥</i>');
    expect(shown('␣')).toBe('␣');
    expect(shown('a\u200b\u202e\0')).toBe('a<i>U+200B</i><i>U+202E</i><i>U+0000</i>');
  });

  it('shows bytes that are no whole character in hexadecimal, after and before whole ones', () => {
    expect(shown(escapeBytes(Uint8Array.of(0x61, 0xf0, 0x9f)))).toBe('a<i>F0</i><i>9F</i>');
    expect(shown(escapeBytes(Uint8Array.of(0x99, 0x82, 0x20)))).toBe('<i>99</i><i>82</i><i>␣</i>');
  });

  it('leaves a mark on its letter and emoji joined, and shows a mark or a joiner alone', () => {
    expect(shown('e\u0301')).toBe('e\u0301');
    expect(shown('👩\u200d💻')).toBe('👩\u200d💻');
    expect(shown('\u0301')).toBe('<i>U+0301</i>');
    expect(shown('👩\u200d')).toBe('👩<i>U+200D</i>');
  });

  it('is never markup', () => {
    expect(shown('<b>&"')).toBe('&lt;b&gt;&amp;&#34;');
    expect(boxes([7, -1], ['<i>', '\n'], 7).text).toBe(
      '<p class="boxes"><span class="shade3 fresh" data-id="7"><b>&lt;i&gt;</b><br><small>7</small></span>' +
        '<span class="none" data-id="-1"><b><i>↵</i></b><br><small>none</small></span><br></p>',
    );
  });
});
