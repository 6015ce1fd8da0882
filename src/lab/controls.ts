/** Labelled inputs that keep what is set in the address, under their names there. */
import type { Address } from './address.ts';
import { make } from './dom.ts';

export interface SliderOptions {
  readonly name: string;
  readonly label: string;
  readonly from: number;
  readonly to: number;
  readonly step: number;
  /** What it is without being set; then it is not in the address. */
  readonly otherwise: number;
}

/** A slider that shows its number. */
export function slider(address: Address, options: SliderOptions, changed: () => void): HTMLLabelElement {
  const { name, label, from, to, step, otherwise } = options;
  const value = Math.min(to, Math.max(from, address.number(name, otherwise)));
  const output = make('output', {}, String(value));
  const input = make('input', {
    type: 'range',
    name,
    attributes: { min: String(from), max: String(to), step: String(step), value: String(value) },
    on: {
      input: () => {
        output.textContent = input.value;
        const number = Number(input.value);
        address.set({ [name]: number === otherwise ? undefined : number });
        changed();
      },
    },
  });
  return make('label', { className: 'slider' }, label, input, output); // a label belongs to the first: the input
}

/** A box for a whole number of at least `least`; what is none is said and not taken. */
export function numberBox(
  address: Address,
  options: {
    readonly name: string;
    readonly label: string;
    readonly least: number;
    readonly most?: number;
    otherwise: number;
  },
  changed: () => void,
): HTMLLabelElement {
  const { name, label, least, most = Number.MAX_SAFE_INTEGER, otherwise } = options;
  const input = make('input', {
    type: 'number',
    name,
    attributes: {
      min: String(least),
      max: String(most),
      step: '1',
      value: String(address.number(name, otherwise)),
    },
    on: {
      input: () => {
        if (!input.checkValidity() || input.value === '') return void input.reportValidity();
        const number = Number(input.value);
        address.set({ [name]: number === otherwise ? undefined : number });
        changed();
      },
    },
  });
  return make('label', {}, label, input);
}

/** A choice out of a few. */
export function choice(
  address: Address,
  options: {
    readonly name: string;
    readonly label: string;
    readonly choices: Readonly<Record<string, string>>;
    readonly otherwise: string;
  },
  changed: (value: string) => void,
): HTMLLabelElement {
  const { name, label, choices, otherwise } = options;
  const set = address.text(name, otherwise);
  const select = make(
    'select',
    {
      name,
      on: {
        change: () => {
          address.set({ [name]: select.value === otherwise ? undefined : select.value });
          changed(select.value);
        },
      },
    },
    ...Object.entries(choices).map(([value, text]) =>
      make('option', { value, selected: value === set }, text),
    ),
  );
  return make('label', {}, label, select);
}
