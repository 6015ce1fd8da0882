/** How numbers are written where one looks at single ones. */

/** In seven places, so that columns line up: five decimals, fewer of large numbers, or an exponent. */
export function brief(x: number): string {
  const size = Math.abs(x);
  if (size < 0.001 || size >= 1e4) return signed(x, size.toExponential(2));
  return signed(x, size.toFixed(size < 10 ? 5 : size < 100 ? 4 : 3));
}

/** All of it: nine digits tell each float32 from its neighbours, and no trailing zeros. */
export const exactly = (x: number): string => signed(x, String(Number(Math.abs(x).toPrecision(9))));

const signed = (x: number, size: string): string => (x === 0 ? '0' : `${x < 0 ? '−' : ''}${size}`);
