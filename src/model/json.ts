/** What the readers of config.json, tokenizer.json and safetensors headers share: values of which nothing is known yet. */

/** An object with named fields: neither null nor a list. */
export function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** A value for an error text: always on one line and short, whatever a damaged file holds. */
export function show(value: unknown): string {
  if (typeof value === 'string') return quote(value);
  if (Array.isArray(value)) {
    const items = value.slice(0, 8).map((item) => (Array.isArray(item) ? 'a list' : show(item)));
    return `[${items.join(', ')}${value.length > 8 ? `, ... ${value.length} items` : ''}]`;
  }
  if (isObject(value)) return 'an object';
  return value === undefined ? 'nothing' : String(value);
}

/** Text in double quotes, at most about 60 characters of it, on one line. */
export function quote(text: string): string {
  return escapeUnseen(JSON.stringify(text.length <= 60 ? text : `${text.slice(0, 60)}...`));
}

/** Escapes as in JSON, also for characters that JSON leaves as they are but a terminal obeys: DEL, the control characters of
 * C1, line separators, and what changes the direction of writing. */
export function escapeUnseen(json: string): string {
  return json.replace(
    /[\x7f-\x9f\u061c\u200e\u200f\u2028\u2029\u202a-\u202e\u2066-\u2069]/g,
    (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`,
  );
}
