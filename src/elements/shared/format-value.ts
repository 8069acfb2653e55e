import type { Value } from '../../kernel/value.ts';

/** What a line can hold; the rest of a long value is counted. */
const LENGTH_MAX = 240;
const BYTES_MAX = 16;

/** A stored value as one line of text, cut if it is long. */
export function formatValue(value: Value): string {
  const text = typeof value === 'string' ? value : toJson(value);
  if (text.length <= LENGTH_MAX) return text;
  // Not in the middle of a surrogate pair.
  const start = Array.from(text.slice(0, LENGTH_MAX)).slice(0, -1).join('');
  return `${start}… (${text.length} characters)`;
}

function toJson(value: Value): string {
  if (value instanceof Uint8Array) return bytesText(value);
  return JSON.stringify(value, (_key, part: unknown) =>
    part instanceof Uint8Array ? bytesText(part) : part,
  );
}

function bytesText(bytes: Uint8Array): string {
  const shown = Array.from(bytes.subarray(0, BYTES_MAX), byte =>
    byte.toString(16).padStart(2, '0'),
  );
  const rest = bytes.length > BYTES_MAX ? ' …' : '';
  return `${bytes.length} bytes: ${shown.join(' ')}${rest}`;
}
