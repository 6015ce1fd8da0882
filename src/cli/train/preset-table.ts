/** The presets as a table, for npm run train -- --help. */
import { textTable } from '../../evaluate/table.ts';
import { type Preset, presetNames, presets } from '../../train/presets.ts';
import { beside } from '../command/help.ts';
import { trainFlags } from './flags.ts';
import { meaning } from './settings.ts';

/** Each preset in words, then each flag with its value in every preset; flags that are equal in all stand below. */
export function presetTable(): string {
  const settings = presetNames.map((name): Readonly<Record<string, unknown>> => {
    const { tokenizer = 'char', model, train }: Preset = presets[name];
    return { tokenizer, ...model, ...train };
  });
  const settingOf: Readonly<Record<string, string>> = { ...meaning, steps: 'steps' };
  const rows: string[][] = [];
  const shared: string[] = [];
  for (const flag of Object.keys(trainFlags)) {
    const setting = settingOf[flag] ?? '';
    const values = settings.map((of) => of[setting]);
    if (values.every((value) => value === undefined)) continue;
    if (values.every((value) => value === values[0])) shared.push(`--${flag} ${values[0]}`);
    else rows.push([`  --${flag}`, ...values.map((value) => String(value ?? '-'))]);
  }
  return [
    'Presets:',
    ...presetNames.map((name) => beside(`  ${name}`, presets[name].summary, 15)),
    '',
    textTable([['', ...presetNames], ...rows]),
    beside('  all presets', shared.join(', '), 15),
  ].join('\n');
}
