/** The help of a command, made from its table of flags, for terminals of 80 columns. */
import { wrapped, wrappedLines } from '../evaluate/table.ts';
import type { Command, Flag, Flags } from './flags.ts';

const columns = 80;
/** The widest column of flags; a longer flag has a line of its own. */
const widest = 26;

export function helpText<F extends Flags>(command: Command<F>): string {
  const { name, summary, positionals, flags, examples, notes, start } = command;
  const rest = positionals === undefined ? '[flags]' : `${positionals} [flags]`;
  const all: Flags = { ...flags, help: { kind: 'switch', help: 'this text' } };
  const rows = Object.entries(all).map(([flag, { value, ...others }]) => ({
    left: `  --${flag}${value === undefined ? '' : ` ${value}`}`,
    ...others,
  }));
  const width = Math.min(widest, 2 + Math.max(...rows.map(({ left }) => left.length)));
  const line = ({ left, section, help }: { left: string } & Flag): string => {
    const heading = section === undefined ? '' : `\n${wrappedLines(section, columns)}\n`;
    const text = wrapped(help.replaceAll('\n', ' '), ' '.repeat(width), columns);
    return `${heading}${left.length > width - 2 ? `${left}\n${text}` : left + text.slice(left.length)}`;
  };
  return [
    start === undefined
      ? `npx inkling ${name} ${rest}   or   npm run ${name} -- ${rest}`
      : `${start} ${rest}`,
    '',
    wrappedLines(summary, columns),
    '',
    ...rows.map(line),
    '',
    'Examples:',
    ...examples.map((example) => `  ${example}`),
    ...(notes === undefined ? [] : ['', wrappedLines(notes, columns)]),
  ].join('\n');
}
