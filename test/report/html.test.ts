import { describe, expect, it } from 'vitest';
import { beginning, clip, html, Markup, table } from '../../src/report/html.ts';
import { elementsOf } from './markup.ts';

describe('html', () => {
  it('escapes what is put in, in text and in attributes', () => {
    const name = `</p><script>alert("1")</script>&amp;'`;
    expect(html`<p title="${name}">${name}</p>`.text).toBe(
      '<p title="&lt;/p&gt;&lt;script&gt;alert(&#34;1&#34;)&lt;/script&gt;&amp;amp;&#39;">' +
        '&lt;/p&gt;&lt;script&gt;alert(&#34;1&#34;)&lt;/script&gt;&amp;amp;&#39;</p>',
    );
  });

  it('takes markup, numbers and lists as they are, and nothing for false and undefined', () => {
    expect(html`${new Markup('<b>')}${1.5}${['<', html`<i>`, [2]]}${false}${undefined}`.text).toBe(
      '<b>1.5&lt;<i>2',
    );
  });

  it('shows control characters as their pictures, keeps tabs and line breaks, mends halves of pairs', () => {
    expect(html`${'a\0\x1b[31m\tb\r\nc\rd\x7f\x85'}`.text).toBe('a\u2400\u241b[31m\tb\nc\u240dd\ufffd\ufffd');
    expect(html`${'\ud83d!\ude00 \u{1f600}'}`.text).toBe('\ufffd!\ufffd \u{1f600}');
  });
});

describe('cutting', () => {
  it('says how much is missing and never halves a pair', () => {
    expect(clip('abcdef', 6)).toBe('abcdef');
    expect(clip('abcdefg', 6)).toBe('abcdef... [1 more]');
    expect(beginning('ab\u{1f600}', 3)).toBe('ab');
    expect(beginning('ab\u{1f600}', 4)).toBe('ab\u{1f600}');
  });
});

describe('a table', () => {
  it('heads its columns and rows', () => {
    const { text } = table({ caption: '<c>', head: ['a', 'b'], rows: [['<r>', 1]], style: 'numbers' });
    expect(text).toContain('<caption>&lt;c&gt;</caption>');
    expect(text).toContain('<th scope="col">a</th><th scope="col">b</th>');
    expect(text).toContain('<tr><th scope="row">&lt;r&gt;</th><td>1</td></tr>');
    expect(elementsOf(text).map((e) => e.name)).toContain('table');
  });
});

describe('the check of the tests', () => {
  it.each([
    '<p>',
    '<p></b>',
    '<p a="1" a="2"></p>',
    '<p a=1></p>',
    'a & b',
    '<p id="x"></p><p id="x"></p>',
    '<p a="<"></p>',
  ])('refuses %s', (page) => {
    expect(() => elementsOf(page)).toThrow();
  });
});
