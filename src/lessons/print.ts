/** A lesson as text: for the terminal, and for docs/lessons.md. */
import { textTable, wrapped } from '../evaluate/table.ts';
import type { Claim } from './claims/claim.ts';
import type { Finding, Table } from './lesson.ts';

const columns = 100;

/** The verdict; where the numbers at hand do not bear it out, that is said. */
const judgement = ({ verdict }: Claim, { confirmed }: Finding): string =>
  confirmed ? verdict : `${verdict}; but here the numbers do not show it`;

const label = (name: string, text: string): string => {
  const indent = ' '.repeat(11);
  return name.padEnd(indent.length) + wrapped(text, indent, columns).slice(indent.length);
};

/** All of a lesson in lines; its answer only if asked for. */
export function terminalText(claim: Claim, finding: Finding, { answer = false } = {}): string {
  const tables = (finding.tables ?? []).map((table) => `\n${textTable(table, { indent: '  ' })}\n`);
  return [
    `${claim.number}  ${claim.title}`,
    '',
    label('claimed', claim.claim),
    label('came out', finding.found),
    ...tables,
    label('verdict', judgement(claim, finding)),
    label('shown by', claim.shown),
    label('computed', claim.source),
    label('question', claim.question),
    label('answer', answer ? claim.answer : `npm run lessons -- ${claim.number} --answer`),
  ].join('\n');
}

/** Text that Markdown and HTML take as it is. */
const plain = (text: string): string =>
  text
    .replace(/[&<>]/g, (c) => ({ '&': '&amp;', '<': '&lt;', '>': '&gt;' })[c]!)
    .replace(/[*_`|\\[\]]/g, '\\$&');

function markdownTable([head, ...rows]: Table): string {
  const line = (cells: readonly string[]) => `| ${cells.map(plain).join(' | ')} |`;
  return [line(head!), line(head!.map(() => '---')), ...rows.map(line)].join('\n');
}

/** The same as a section of a page in docs/. */
export function markdownText(claim: Claim, finding: Finding): string {
  return [
    `## ${claim.number}. ${plain(claim.title)}`,
    `*Claimed*: ${plain(claim.claim)}`,
    `*Came out*: ${plain(finding.found)}`,
    ...(finding.tables ?? []).map(markdownTable),
    `*Verdict*: **${judgement(claim, finding)}**`,
    `*Shown by*: ${plain(claim.shown)}. *Computed by*: [${claim.source}](../${claim.source})`,
    `*Question*: ${plain(claim.question)}`,
    `<details><summary>Answer</summary>\n\n${plain(claim.answer)}\n\n</details>`,
  ].join('\n\n');
}

/** docs/lessons.md: all of them, after a table of their verdicts. */
export function pageText(all: readonly Claim[], findings: readonly Finding[]): string {
  const verdicts: Table = [
    ['', 'lesson', 'verdict'],
    ...all.map((claim, i) => [String(claim.number), claim.title, judgement(claim, findings[i]!)]),
  ];
  return `${[
    '# Lessons: what lecture notes claim, checked by running',
    `Each of these ${all.length} claims about language models is made in some lecture notes. Here each is run and measured, and some turn out wrong. \`npm run lessons -- N\` runs lesson N, on your own model with \`--run DIR\`.`,
    'This page is what `npm run lessons -- --write` has written: every number comes from the engine. The model that lessons look at is the preset `nano` with seed 1 on the shipped stories; it and the small models that some lessons train give these numbers on every machine with fused multiply-add. Times are those of one machine. A small model of letters shows what a method does; what a large one can do it does not show.',
    markdownTable(verdicts),
    ...all.map((claim, i) => markdownText(claim, findings[i]!)),
  ].join('\n\n')}\n`;
}
