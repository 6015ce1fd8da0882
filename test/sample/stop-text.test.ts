/** Stop strings in streamed text: published cases, then any text in any pieces against the whole text at once. */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { findStop, StopMatcher } from '../../src/sample/stop.ts';

// Cases of tests/detokenizer/test_check_stop_strings.py in vllm-project/vllm, restated.
describe('findStop', () => {
  const found = (text: string, added: number, stops: string[]) => {
    const match = findStop(text, text.length - added, stops);
    return match && [match.stop, match.start, match.end];
  };

  test('the match complete first wins, in either order of the list: "is" before "a"', () => {
    expect(found(' The user is a', 5, ['a', 'is'])).toEqual(['is', 10, 12]);
    expect(found(' The user is a', 5, ['is', 'a'])).toEqual(['is', 10, 12]);
  });

  test('a match that begins later but ends sooner wins: "b" in "abc" before "abc"', () => {
    expect(found('abc', 3, ['abc', 'b'])).toEqual(['b', 1, 2]);
  });

  test('of matches that end together the first in the list wins', () => {
    expect(found('ab', 2, ['ab', 'b'])).toEqual(['ab', 0, 2]);
    expect(found('ab', 2, ['b', 'ab'])).toEqual(['b', 1, 2]);
  });

  test('a match at the very end', () => expect(found('hello world.', 1, ['.'])).toEqual(['.', 11, 12]));

  test('nothing new means no match, and what was complete before does not count', () => {
    expect(found('hello world.', 0, ['.'])).toBeUndefined();
    expect(found('a.b', 1, ['.'])).toBeUndefined();
    expect(found('stop', 1, ['stop', 'sto'])).toEqual(['stop', 0, 4]);
    expect(found('text', 4, [])).toBeUndefined();
  });
});

/** Pushes the pieces; what is shown after each, the rest, and the stop. */
function stream(stops: string[], pieces: string[], options?: { include: boolean }) {
  const matcher = new StopMatcher(stops, options);
  const shown = pieces.map((piece) => matcher.push(piece));
  const rest = matcher.finish();
  return { shown, rest, all: shown.join('') + rest, stop: matcher.stop };
}

describe('StopMatcher', () => {
  test('holds back one character less than the longest stop, and no more', () => {
    expect(stream(['END', '.'], ['a', 'b', 'c', 'defg'])).toMatchObject({
      shown: ['', '', 'a', 'bcde'],
      rest: 'fg',
    });
    expect(stream(['.'], ['a', 'b']).shown).toEqual(['a', 'b']);
    expect(stream([], ['a', 'b']).shown).toEqual(['a', 'b']);
  });

  test('finds a stop over any token boundary, cuts before it, or behind it if asked to', () => {
    for (const pieces of [
      ['one END two'],
      ['one E', 'ND two'],
      ['one ', 'E', 'N', 'D', ' two'],
      [...'one END two'],
    ]) {
      expect(stream(['END'], pieces)).toMatchObject({ all: 'one ', stop: 'END' });
      expect(stream(['END'], pieces, { include: true })).toMatchObject({ all: 'one END', stop: 'END' });
    }
  });

  test('shows nothing more after a match', () => {
    const matcher = new StopMatcher(['.']);
    expect([matcher.push('a.b'), matcher.push('c.d'), matcher.skip('e'), matcher.finish()]).toEqual([
      'a',
      '',
      '',
      '',
    ]);
  });

  test('does not stop in text that is skipped, but may in a match that begins there', () => {
    const matcher = new StopMatcher(['ab']);
    expect(matcher.skip('xaba') + matcher.push('x')).toBe('xaba');
    expect(matcher.stop).toBeUndefined();
    expect(matcher.skip('a') + matcher.push('b')).toBe('x');
    expect(matcher.stop).toBe('ab');
  });

  test('does not complete a skipped match a second time', () => {
    const matcher = new StopMatcher(['abc', 'b']);
    expect(matcher.skip('ab') + matcher.push('x') + matcher.finish()).toBe('abx');
    expect(matcher.stop).toBeUndefined();
  });

  test('never shows half a surrogate pair, whether the hold or a piece would split it', () => {
    expect(stream(['xx'], ['a😀', 'b', 'c']).shown).toEqual(['a', '😀', 'b']);
    expect(stream([], ['a\ud83d', '\ude00b']).shown).toEqual(['a', '😀b']);
    expect(stream([], ['a\ud83d']).all).toBe('a\ufffd');
    expect(stream(['😀'], ['a\ud83d', '\ude00b'])).toMatchObject({ shown: ['a', ''], all: 'a', stop: '😀' });
    expect(stream(['😁'], ['a😀b']).all).toBe('a😀b'); // the same first half is not a match
  });

  const letters = fc.constantFrom('a', 'b', 'c', '😀', '😁');
  const word = fc.array(letters, { minLength: 1, maxLength: 3 }).map((w) => w.join(''));
  const text = fc.array(letters, { maxLength: 14 }).map((w) => w.join(''));
  const cuts = fc.array(fc.nat(30), { maxLength: 8 });
  const inPieces = (whole: string, at: number[]): string[] => {
    const ends = [...at.map((x) => Math.min(x, whole.length)), whole.length].sort((a, b) => a - b);
    return ends.map((end, i) => whole.slice(i === 0 ? 0 : ends[i - 1], end));
  };

  test('any text in any pieces gives what the whole text gives, and every stage shown is a prefix of it', () => {
    fc.assert(
      fc.property(text, fc.array(word, { maxLength: 3 }), cuts, fc.boolean(), (whole, stops, at, include) => {
        const matches = stops
          .map((stop, i) => ({ stop, i, end: whole.indexOf(stop) + stop.length }))
          .filter((m) => whole.includes(m.stop))
          .sort((a, b) => a.end - b.end || a.i - b.i);
        const first = matches[0];
        const expected = first ? whole.slice(0, first.end - (include ? 0 : first.stop.length)) : whole;
        const pieces = inPieces(whole, at);
        const streamed = stream(stops, pieces, { include });
        expect([streamed.all, streamed.stop]).toEqual([expected, first?.stop]);
        const hold = Math.max(0, ...stops.map((s) => s.length - 1));
        let [shown, given] = ['', ''];
        for (const [i, piece] of pieces.entries()) {
          shown += streamed.shown[i]!;
          given += piece;
          expect(/\p{Surrogate}/u.test(shown)).toBe(false);
          if (shown !== expected) expect(shown.length).toBeGreaterThanOrEqual(given.length - hold - 1);
        }
        if (!include) for (const stop of stops) expect(streamed.all.includes(stop)).toBe(false);
        else if (first) expect(streamed.all.endsWith(first.stop)).toBe(true);
      }),
      { seed: 89, numRuns: 3000 },
    );
  });
});
