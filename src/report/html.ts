/** HTML from templates. Every value that is put in is escaped, unless it is Markup already.
 *
 *     html`<p title="${name}">${text}</p>`
 *
 * So no text of a run can become a tag or leave its attribute: forgetting to escape is not possible, only asking not
 * to. Attributes are always written in double quotes. */

export class Markup {
  readonly text: string;

  constructor(text: string) {
    this.text = text;
  }
}
/** What can be put into a template; undefined and false become nothing. */
export type Part = Markup | string | number | undefined | false | readonly Part[];

export function html(strings: TemplateStringsArray, ...parts: readonly Part[]): Markup {
  let text = strings[0]!;
  for (const [i, part] of parts.entries()) text += render(part) + strings[i + 1]!;
  return new Markup(text);
}

function render(part: Part): string {
  if (part === undefined || part === false) return '';
  if (part instanceof Markup) return part.text;
  if (typeof part === 'number') return String(part);
  return typeof part === 'string' ? escapeHtml(part) : part.map(render).join('');
}

const entities: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&#34;',
  "'": '&#39;',
};

/** Control characters, which HTML forbids even as entities, become their pictures: NUL is U+2400. Characters that turn
 * the direction of writing around, also that of their neighbours, become the escapes that JSON has for them. */
function escapeHtml(text: string): string {
  return text
    .replace(/[&<>"']/g, (c) => entities[c]!)
    .replace(/\r\n/g, '\n')
    .replace(/[^\P{Cc}\t\n]/gu, (c) => String.fromCharCode(c < ' ' ? 0x2400 + c.charCodeAt(0) : 0xfffd))
    .replace(/\p{Bidi_Control}/gu, (c) => `\\u${c.charCodeAt(0).toString(16).padStart(4, '0')}`)
    .replace(/\p{Cs}/gu, '\uFFFD'); // half of a surrogate pair
}

/** At most `limit` UTF-16 units of a text, never half a surrogate pair. */
export const beginning = (text: string, limit: number): string =>
  text.length <= limit ? text : text.slice(0, limit).replace(/[\uD800-\uDBFF]$/, '');

/** The same, saying how much is missing. */
export function clip(text: string, limit: number): string {
  const cut = beginning(text, limit);
  return cut === text ? text : `${cut}... [${text.length - cut.length} more]`;
}

export interface Table {
  readonly caption?: string;
  /** Read out to people who cannot see the table; absent: the caption. */
  readonly label?: string;
  readonly head: readonly Part[];
  /** The first cell of each row is its heading. */
  readonly rows: readonly (readonly Part[])[];
  /** 'numbers' sets all columns but the first flush right, 'settings' breaks no line, 'words' any. */
  readonly style: 'numbers' | 'settings' | 'words';
}

/** A table in a box of its own, which scrolls sideways where the page is too narrow. */
export function table({ caption, label = caption, head, rows, style }: Table): Markup {
  return html`<div class="scroll" tabindex="0" role="region" aria-label="${label}"><table class="${style}">
${caption !== undefined && html`<caption>${caption}</caption>`}
${head.length > 0 && html`<thead><tr>${head.map((cell) => html`<th scope="col">${cell}</th>`)}</tr></thead>`}
<tbody>
${rows.map(([first, ...rest]) => html`<tr><th scope="row">${first}</th>${rest.map((cell) => html`<td>${cell}</td>`)}</tr>\n`)}</tbody>
</table></div>`;
}

/** A part of a page that is closed until a reader opens it. */
export function folded(summary: Part, content: Part, { open = false } = {}): Markup {
  return html`<details${open && new Markup(' open')}><summary>${summary}</summary>${content}</details>`;
}
