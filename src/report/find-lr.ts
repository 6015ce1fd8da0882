/** The page of a learning-rate range test: the loss over the learning rate, and the suggested rate. */
import { belowMinimum, type RangeTest, type Suggestion } from '../train/find-lr.ts';
import { chartFigure } from './chart.ts';
import { html } from './html.ts';
import { extent } from './scale.ts';
import { page } from './style.ts';

/** @param rates the learning rates at factor 1, as flags */
export function renderFindLr(
  { steps, smoothed }: RangeTest,
  suggestion: Suggestion | undefined,
  rates: string,
): string {
  const factors = steps.map(({ factor }) => factor);
  // Without this limit a loss that blew up would make the rest of the curve flat.
  const top = 1.3 * smoothed[0]!;
  return page(
    'Learning-rate range test',
    html`<header><p class="kicker">Learning-rate range test</p><h1>Loss over the learning rate</h1>
<p class="lead">Factor 1 is ${rates}.</p></header>
<main>${chartFigure({
      id: 'range',
      title: 'Training loss while the rate grows',
      description: `Each step at a larger factor of the rates. Choose well left of the minimum: the suggestion is a factor ${belowMinimum} below it.`,
      height: 320,
      x: { kind: 'log', domain: extent('log', factors), name: 'factor' },
      y: {
        kind: 'linear',
        domain: extent('linear', [...smoothed.filter((y) => y < top), top]),
        unit: 'nats',
      },
      curves: [
        { name: 'batches', style: 'train faint', points: steps.map(({ factor: x, loss: y }) => ({ x, y })) },
        { name: 'smoothed', style: 'train', points: factors.map((x, i) => ({ x, y: smoothed[i]! })) },
      ],
      marks:
        suggestion === undefined
          ? []
          : [
              { x: suggestion.suggested, text: 'suggestion', kind: 'line' },
              { x: suggestion.minimum, text: 'minimum', kind: 'line' },
            ],
    })}</main>`,
  );
}
