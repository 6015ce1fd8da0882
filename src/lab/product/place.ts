/** Which number is looked at: text, matrix, token, output and input, kept in the address. */
import type { Address } from '../address.ts';
import { choice, type NumberSetting, slider } from '../controls.ts';
import { make } from '../dom.ts';
import type { Matrix, Product, ProductPlace } from '../engine/product-protocol.ts';

export const titles: Readonly<Record<Matrix, string>> = {
  q: 'attention: queries',
  k: 'attention: keys',
  v: 'attention: values',
  output: 'attention: output',
  gate: 'feed-forward: gate',
  up: 'feed-forward: up',
  down: 'feed-forward: down',
  head: 'head: logits',
};
const sample = 'The cat saw a bird.';

/** What is set; what is not is the engine's choice. */
export function placeOf(address: Address): ProductPlace {
  const given = (name: string) => {
    const value = address.number(name, Number.NaN);
    return Number.isNaN(value) ? undefined : value;
  };
  return {
    ...{ text: address.text('text', sample), matrix: address.text('matrix', 'head') },
    ...{ row: given('token'), column: given('output') },
    ...{ layer: given('layer') ?? 0, input: given('input') ?? 0 },
  };
}

export interface PlaceControls {
  readonly elements: readonly HTMLElement[];
  /** Brings the limits up to those of the model and the text. */
  lay(found: Product, layers: number): void;
}

export function placeControls(address: Address, changed: () => void): PlaceControls {
  const text = make('textarea', {
    ...{ rows: 3, name: 'text', value: address.text('text', sample) },
    on: {
      input: () => {
        address.set({ text: text.value === sample ? undefined : text.value });
        changed();
      },
    },
  });
  const place = make('div', { className: 'controls' });
  const laid = new Map<string, { readonly key: string; readonly element: HTMLElement }>();
  /** A control stays while what it offers does: somebody may be moving it. */
  const put = (setting: { readonly name: string }, control: () => HTMLElement): HTMLElement => {
    const key = JSON.stringify(setting);
    const before = laid.get(setting.name);
    if (before?.key === key) return before.element;
    const element = control();
    if (before === undefined) place.append(element);
    else before.element.replaceWith(element);
    laid.set(setting.name, { key, element });
    return element;
  };
  const number = (setting: Omit<NumberSetting, 'from' | 'step'>) => {
    const whole = { ...setting, from: 0, step: 1 };
    return put(whole, () => slider(address, whole, changed));
  };
  return {
    elements: [make('label', {}, 'Text', text), place],
    lay({ matrices, matrix, row, ids, inputs, outputs }, layers) {
      const choices = Object.fromEntries(matrices.map((name) => [name, titles[name]]));
      const which = { name: 'matrix', label: 'Matrix w', choices, otherwise: 'head' };
      put(which, () => choice(address, which, changed));
      const last = ids.length - 2;
      const truth = matrix === 'head' ? ids[row + 1] : 0;
      const layer = number({ name: 'layer', label: 'Layer', to: layers - 1, otherwise: 0 });
      layer.hidden = matrix === 'head';
      number({ name: 'token', label: 'Token: a row of x', to: last, otherwise: last });
      number({ name: 'output', label: 'Output: a column of w', to: outputs - 1, otherwise: truth });
      number({ name: 'input', label: 'Input: for dx and dw', to: inputs - 1, otherwise: 0 });
    },
  };
}
