/** Small helpers around the page's own elements. Text that is put in stays text; markup comes from report's html`...` only. */
import type { Markup } from '../report/html.ts';

type Child = Node | string | undefined | false;
type Properties<K extends keyof HTMLElementTagNameMap> = Partial<
  Pick<
    HTMLElementTagNameMap[K],
    {
      [P in keyof HTMLElementTagNameMap[K]]: HTMLElementTagNameMap[K][P] extends string | number | boolean
        ? P
        : never;
    }[keyof HTMLElementTagNameMap[K]]
  >
> & {
  readonly attributes?: Readonly<Record<string, string>>;
  readonly on?: Readonly<Record<string, (event: Event) => void>>;
};

/** make('button', { type: 'button', on: { click } }, 'Train') */
export function make<K extends keyof HTMLElementTagNameMap>(
  tag: K,
  { attributes = {}, on = {}, ...properties }: Properties<K> = {},
  ...children: readonly Child[]
): HTMLElementTagNameMap[K] {
  const element = document.createElement(tag);
  Object.assign(element, properties);
  for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
  for (const [name, listener] of Object.entries(on)) element.addEventListener(name, listener);
  element.append(
    ...children.filter((child): child is Node | string => child !== undefined && child !== false),
  );
  return element;
}

/** Replaces what an element holds. */
export function show(element: Element, content: Markup): void {
  element.innerHTML = content.text;
}

/** Once a frame at most, however often it is called; and not at all while the page is hidden. */
export function onceAFrame(draw: () => void): () => void {
  let waiting = false;
  return () => {
    if (waiting) return;
    waiting = true;
    requestAnimationFrame(() => {
      waiting = false;
      draw();
    });
  };
}

/** Draws what is due, one part a frame: together they would keep the page from answering. A part that is due already keeps
 * its place. */
export function inTurn(): (...parts: readonly (() => void)[]) => void {
  const due = new Set<() => void>();
  const next = onceAFrame(() => {
    const [part] = due;
    if (part === undefined) return;
    due.delete(part);
    part();
    if (due.size > 0) next();
  });
  return (...parts) => {
    for (const part of parts) due.add(part);
    next();
  };
}

/** Hands a file to the person, as a download. */
export function download(name: string, bytes: Uint8Array): void {
  const url = URL.createObjectURL(new Blob([Uint8Array.from(bytes)]));
  make('a', { href: url, download: name }).click();
  setTimeout(() => URL.revokeObjectURL(url), 60_000);
}

/** The files of a chosen folder by their paths within it. */
export async function filesOf(list: Iterable<File>): Promise<Map<string, Uint8Array>> {
  const files = new Map<string, Uint8Array>();
  for (const file of list) {
    const [, ...path] = file.webkitRelativePath.split('/');
    const name = path.length > 0 ? path.join('/') : file.name;
    if (/\.(json|jsonl|safetensors|txt)$/.test(name)) files.set(name, await bytesOf(file));
  }
  return files;
}

/** A file as text, or an error in one sentence. */
export async function textOf(file: File): Promise<string> {
  const bytes = await bytesOf(file);
  const refuse = (what: string) => new Error(`${file.name} ${what}; choose a plain text file in UTF-8`);
  if (bytes.length === 0) throw refuse('is empty');
  if (bytes.includes(0)) throw refuse('holds NUL bytes, so it is no text');
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes);
  } catch {
    throw refuse('is not UTF-8 text');
  }
}

async function bytesOf(file: File): Promise<Uint8Array> {
  try {
    return new Uint8Array(await file.arrayBuffer());
  } catch {
    throw new Error(
      `${file.name} cannot be read; it has changed or gone since, or this tab has no memory for it`,
    );
  }
}
