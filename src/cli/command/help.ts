/** The help of a command, made from its table of flags, for terminals of 80 columns. */
import { wrapped, wrappedLines } from '../../evaluate/table.ts';
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
  const line = ({ left, section, help }: { left: string } & Flag, i: number): string => {
    const heading = section === undefined ? '' : `${i === 0 ? '' : '\n'}${wrappedLines(section, columns)}\n`;
    return heading + beside(left, help.replaceAll('\n', ' '), width);
  };
  return [
    ...(start === undefined
      ? [`npm run ${name} -- ${rest}`, `npx inkling ${name} ${rest}`]
      : [`${start} ${rest}`]),
    '',
    wrappedLines(summary, columns),
    '',
    ...rows.map(line),
    ...(rows.some(({ aliases }) => aliases !== undefined)
      ? ['', 'Their names in nanoGPT, Hugging Face and llama.cpp work for these flags, too.']
      : []),
    '',
    'Examples:',
    ...examples.map((example) => `  ${example}`),
    ...(notes === undefined ? [] : ['', wrappedLines(notes, columns)]),
  ].join('\n');
}

/** A text in a column that begins at `width`, with `left` before it, or above it if that is too wide. */
export function beside(left: string, text: string, width: number): string {
  const column = wrapped(text, ' '.repeat(width), columns);
  return left.length > width - 2 ? `${left}\n${column}` : left + column.slice(left.length);
}
