/** Labelled inputs that keep what is set in the address, under their names there, and how it is read back: an address may
 * say anything, so a number is brought within its limits and an unknown choice is the usual one. */
import type { Address } from './address.ts';
import { make } from './dom.ts';

export interface NumberSetting {
  readonly name: string;
  readonly label: string;
  readonly from: number;
  readonly to: number;
  /** 1: whole numbers. */
  readonly step: number;
  /** What it is without being set; then it is not in the address. */
  readonly otherwise: number;
}
export interface Choice {
  readonly name: string;
  readonly label: string;
  /** By value, what is shown. */
  readonly choices: Readonly<Record<string, string>>;
  readonly otherwise: string;
}

export const seedSetting: NumberSetting = {
  ...{ name: 'seed', label: 'Seed', from: 0, to: Number.MAX_SAFE_INTEGER, step: 1 },
  otherwise: 1,
};

export function numberOf(address: Address, { name, from, to, step, otherwise }: NumberSetting): number {
  const value = Math.min(to, Math.max(from, address.number(name, otherwise)));
  return step === 1 ? Math.round(value) : value;
}

export function choiceOf(address: Address, { name, choices, otherwise }: Choice): string {
  const value = address.text(name, otherwise);
  return Object.hasOwn(choices, value) ? value : otherwise;
}

/** A slider that shows its number. */
export function slider(address: Address, setting: NumberSetting, changed: () => void): HTMLLabelElement {
  const output = make('output', {}, String(numberOf(address, setting)));
  const input = numberInput(address, setting, 'range', () => {
    output.textContent = input.value;
    changed();
  });
  return make('label', { className: 'slider' }, setting.label, input, output); // a label belongs to the first: the input
}

/** A box for a number; what does not fit is said and not taken. */
export function numberBox(address: Address, setting: NumberSetting, changed = () => {}): HTMLLabelElement {
  return make('label', {}, setting.label, numberInput(address, setting, 'number', changed));
}

function numberInput(
  address: Address,
  setting: NumberSetting,
  type: 'range' | 'number',
  changed: () => void,
): HTMLInputElement {
  const { name, from, to, step, otherwise } = setting;
  const value = numberOf(address, setting);
  const limits = { min: String(from), max: String(to), step: String(step), value: String(value) };
  const input = make('input', {
    ...{ type, name, attributes: limits },
    on: {
      input: () => {
        if (input.value === '' || !input.reportValidity()) return;
        const number = Number(input.value);
        address.set({ [name]: number === otherwise ? undefined : number });
        changed();
      },
    },
  });
  return input;
}

/** Throws for the first number box in an element that holds no number that fits. */
export function checkBoxes(element: Element): void {
  for (const input of element.querySelectorAll<HTMLInputElement>('input[type=number]')) {
    if (input.value !== '' && input.checkValidity()) continue;
    const label = input.labels?.[0]?.textContent ?? input.name;
    throw new Error(`${label} must be a whole number from ${input.min} to ${input.max}`);
  }
}

/** A choice out of a few. */
export function choice(address: Address, setting: Choice, changed: () => void): HTMLLabelElement {
  const { name, label, choices, otherwise } = setting;
  const set = choiceOf(address, setting);
  const select = make(
    'select',
    {
      name,
      on: {
        change: () => {
          address.set({ [name]: select.value === otherwise ? undefined : select.value });
          changed();
        },
      },
    },
    ...Object.entries(choices).map(([value, text]) =>
      make('option', { value, selected: value === set }, text),
    ),
  );
  return make('label', {}, label, select);
}
