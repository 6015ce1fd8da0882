/** The tree as a picture: a column for each token, what the search considered there from best to worst, a line under what it
 * kept, and drawn texts as lines of their own. */
import { html, type Markup } from '../../report/html.ts';
import type { Tree, TreeNode } from '../engine/tree-protocol.ts';
import { brief } from '../numbers.ts';
import { percent } from '../wording.ts';

/** Pixels. */
const [columnWidth, rowHeight, top] = [95, 27, 26];
const [boxWidth, boxHeight] = [76, 21];
/** Characters of a token that fit into its box. */
const mostLetters = 4;

/** What became of a token: on the way to the best text, to another that was found, dropped later, at once, or only drawn. */
export type Fate = 'best' | 'found' | 'kept' | 'dropped' | 'drawn';

export interface Layout {
  readonly fates: readonly Fate[];
  /** Of each depth from 1 on, the nodes from top to bottom. */
  readonly columns: readonly (readonly number[])[];
}

export function layoutOf({ nodes, found }: Tree): Layout {
  const fates = nodes.map(({ rank, kept }): Fate => (kept ? 'kept' : rank > 0 ? 'dropped' : 'drawn'));
  for (const [place, { node }] of [...found.entries()].reverse())
    for (let at = node; at >= 0; at = nodes[at].parent) fates[at] = place === 0 ? 'best' : 'found';
  const depth = nodes.reduce((most, node) => Math.max(most, node.depth), 0);
  const columns = Array.from({ length: depth }, (_, i) =>
    [...nodes.keys()]
      .filter((at) => nodes[at].depth === i + 1)
      .sort((a, b) => (nodes[a].rank || Infinity) - (nodes[b].rank || Infinity) || a - b),
  );
  return { fates, columns };
}

/** @param names of the tokens, by id. @param prompt what the tree grows from */
export function picture(
  tree: Tree,
  { fates, columns }: Layout,
  names: readonly string[],
  prompt: string,
): Markup {
  const { nodes, drawn } = tree;
  const rows = columns.flatMap((column) => column.map((at, row) => [at, row] as const));
  const rowOf = new Map(rows);
  const x = (at: number) => (at < 0 ? 0 : nodes[at].depth * columnWidth);
  /** What was only drawn stands apart. */
  const y = (at: number) => top + (rowOf.get(at) ?? 0) * rowHeight + (fates[at] === 'drawn' ? 12 : 0);
  const middle = (at: number, lower = 0) => y(at) + boxHeight / 2 + lower;
  const line = (at: number, lower = 0) => {
    const { parent } = nodes[at];
    const [from, to] = [x(parent) + boxWidth, x(at)];
    const half = (from + to) / 2;
    return `M${from} ${middle(parent, lower)}C${half} ${middle(parent, lower)} ${half} ${middle(at, lower)} ${to} ${middle(at, lower)}`;
  };
  const order: readonly Fate[] = ['dropped', 'kept', 'found', 'best'];
  const edges = order.map((fate) => {
    const d = [...nodes.keys()]
      .filter((at) => fates[at] === fate)
      .map((at) => line(at))
      .join('');
    return d !== '' && html`<path class="${fate}" d="${d}"/>`;
  });
  const draws = drawn.map((_, i) => {
    const path = [...nodes.keys()].filter((at) => nodes[at].drawn.includes(i));
    return html`<path class="draw" d="${path.map((at) => line(at, 3 + 2 * i)).join('')}"/>`;
  });
  const cuts = columns.map((column) => {
    const kept = column.filter((at) => nodes[at].kept).length;
    const [left, level] = [x(column[0]) - 6, top + kept * rowHeight - (rowHeight - boxHeight) / 2];
    return (
      column.some((at) => fates[at] === 'dropped') &&
      html`<path class="cut" d="M${left} ${level}h${boxWidth + 12}"/>`
    );
  });
  const box = (left: number, upper: number, content: Markup) =>
    html`<rect x="${left}" y="${upper}" width="${boxWidth}" height="${boxHeight}" rx="3"/>${content}`;
  const [width, height] = [
    columns.length * columnWidth + boxWidth + 8,
    Math.max(0, ...nodes.map((_, at) => y(at))) + rowHeight + 4,
  ];
  const end = [...prompt].slice(-8).join('').replaceAll('\n', '↵');
  return html`<svg class="tree" width="${width}" height="${height}" role="tree" aria-label="What beam search considered">
${columns.map((column, i) => html`<text class="depth" x="${x(column[0]) + boxWidth / 2}" y="14" text-anchor="middle">${i + 1}</text>`)}
${edges}${draws}${cuts}
<g class="root" role="none">${box(0, top, html`<text x="${boxWidth - 6}" y="${top + 15}" text-anchor="end">${end}</text>`)}</g>
${nodes.map((node, at) => {
  const [left, upper] = [x(at), y(at)];
  const text = html`<text class="token" x="${left + 5}" y="${upper + 15}">${shortened(names[node.id])}</text><text x="${left + boxWidth - 5}" y="${upper + 15}" text-anchor="end">${percent(node.probability)}</text>`;
  return html`<g class="node ${fates[at]}" role="treeitem" tabindex="-1" aria-level="${node.depth}" aria-selected="false" aria-label="${labelOf(node, names[node.id], fates[at])}" data-node="${at}" data-id="${node.id}" data-p="${node.probability}" data-log="${node.logProbability}">${box(left, upper, text)}</g>\n`;
})}</svg>`;
}

const shortened = (token: string): string =>
  token.length > mostLetters ? `${[...token].slice(0, mostLetters - 1).join('')}…` : token;

const endings: Readonly<Record<Fate, string>> = {
  best: 'part of the best text',
  found: 'part of a text that was found',
  kept: 'kept, and dropped later',
  dropped: 'dropped',
  drawn: 'not considered, only drawn',
};

/** What is read out, and told of the node that is looked at. */
export function labelOf(
  { probability, logProbability, rank, drawn }: TreeNode,
  token: string,
  fate: Fate,
): string {
  const place = rank > 0 ? `, place ${rank}` : '';
  const too = drawn.length > 0 && fate !== 'drawn' ? ', drawn as well' : '';
  return `“${token}”, probability ${percent(probability)}, log P ${brief(logProbability)}${place}: ${endings[fate]}${too}`;
}
