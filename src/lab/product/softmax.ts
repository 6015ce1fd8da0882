/** Softmax and cross-entropy at one position, from the logits to their gradient. */
import { mostProbable } from '../../library/stages.ts';
import { html, type Markup } from '../../report/html.ts';
import type { Product } from '../engine/product-protocol.ts';
import { brief, exactly } from '../numbers.ts';

/** Rows of the table: sums are over all tokens. */
const most = 100;

export function softmaxTable({ entropy: found, ids }: Product, tokens: readonly string[]): Markup {
  const { logits, max, exponentials, sum, probabilities, target, gradient, loss, mean } = found;
  const N = ids.length - 1;
  const best = mostProbable(probabilities, most);
  const shown = best.includes(target) ? best : [...best.slice(0, most - 1), target];
  const columns = ['token', 'logit z', 'z − max', 'e^(z − max)', 'p', 'p − [true]', `÷ ${N}: dz`];
  const cell = (x: number) => html`<td title="${exactly(x)}">${brief(x)}</td>`;
  const rows = shown.map((id) => {
    const truth = id === target ? 1 : 0;
    const values = [
      logits[id],
      logits[id] - max,
      exponentials[id],
      probabilities[id],
      probabilities[id] - truth,
    ];
    return html`<tr data-id="${id}" data-p="${probabilities[id]}" data-gradient="${gradient[id]}"${truth === 1 && html` class="true"`}><th scope="row">${tokens[id]}</th>${values.map((x) => cell(Math.fround(x)))}${cell(gradient[id])}</tr>`;
  });
  const all =
    logits.length === shown.length
      ? `All ${shown.length}`
      : `The ${shown.length} most probable of ${logits.length}`;
  return html`<dl class="figures">
${figure('largest logit', max)}${figure('sum of e^(z − max)', sum)}${figure('p of the true token', probabilities[target])}${figure('−ln p: the loss here', loss)}${figure(`mean of ${N}: the loss`, mean)}
</dl>
<div class="scroll terms" tabindex="0" role="region" aria-label="From logits to their gradient"><table class="numbers"><caption>${all} tokens; “${tokens[target]}”, which comes next, is marked</caption>
<thead><tr>${columns.map((name) => html`<th scope="col">${name}</th>`)}</tr></thead>
<tbody>${rows}</tbody></table></div>`;
}

const figure = (name: string, value: number) =>
  html`<div><dt>${name}</dt><dd title="${exactly(value)}" data-value="${value}">${brief(value)}</dd></div>`;
