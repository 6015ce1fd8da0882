/** Reads a page the strict way: every tag closed in order, every attribute quoted and unique, no stray < or &, no id twice. */

export interface Element {
  readonly name: string;
  readonly attributes: ReadonlyMap<string, string>;
}

const voids = new Set(['meta', 'link', 'br']);

/** All elements in order. Anything a careful parser would have to mend is an error. */
export function elementsOf(page: string): Element[] {
  const found: Element[] = [];
  const open: string[] = [];
  let at = page.startsWith('<!doctype html>') ? '<!doctype html>'.length : 0;
  while (at < page.length) {
    const tag = page.indexOf('<', at);
    const text = page.slice(at, tag < 0 ? page.length : tag);
    const stray = /&(?!(amp|lt|gt|#34|#39);)/.exec(text);
    if (stray !== null) throw new Error(`stray ${stray[0]} in ${JSON.stringify(text.slice(0, 80))}`);
    if (tag < 0) break;
    const match = /<(\/?)([a-z][a-z0-9]*)((?:\s+[A-Za-z][A-Za-z0-9-]*(?:="[^"<]*")?)*)\s*(\/?)>/y;
    match.lastIndex = tag;
    const parts = match.exec(page);
    if (parts === null) throw new Error(`no tag at ${JSON.stringify(page.slice(tag, tag + 80))}`);
    at = match.lastIndex;
    const [, closing, name, attributes, selfClosed] = parts;
    if (closing === '/') {
      const expected = open.pop();
      if (expected !== name) throw new Error(`</${name}> where </${expected}> is due`);
      continue;
    }
    const pairs = [...attributes!.matchAll(/([A-Za-z][A-Za-z0-9-]*)(?:="([^"]*)")?/g)].map(
      (a) => [a[1]!, a[2] ?? ''] as const,
    );
    if (new Set(pairs.map(([key]) => key)).size !== pairs.length)
      throw new Error(`twice in <${name}${attributes}>`);
    found.push({ name: name!, attributes: new Map(pairs) });
    if (name === 'style' || name === 'script') {
      at = page.indexOf(`</${name}>`, at); // raw text up to its end tag
      open.push(name);
    } else if (selfClosed !== '/' && !voids.has(name!)) {
      open.push(name!);
    }
  }
  if (open.length > 0) throw new Error(`never closed: ${open.join(' ')}`);
  const ids = found.flatMap((e) => e.attributes.get('id') ?? []);
  if (new Set(ids).size !== ids.length) throw new Error('an id is there twice');
  return found;
}
