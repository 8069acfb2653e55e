import { isValue } from '../../kernel/codec.ts';
import { TabringError } from '../../kernel/errors.ts';
import type { Change, StoreTable } from '../../kernel/machine.ts';
import type { Value } from '../../kernel/value.ts';

export const STORE_TABLES = ['meta', 'items', 'cells'] as const satisfies readonly StoreTable[];

/**
 * Copies changes as they are now: they may wait, and whoever made them goes on working with what is
 * in them. Bytes are copied alone: IndexedDB would store the whole buffer that they are a view of,
 * which may be a message of 2 MiB around a value of ten bytes.
 *
 * Throws `TabringError` `store-failed` for what a store could not give back as it was. Checked before
 * anything is written, because the browser would find out only in the middle of a transaction.
 */
export function copyChanges(changes: readonly Change[]): Change[] {
  return changes.map(({ table, key, value }) => {
    const isRecord = STORE_TABLES.includes(table) && typeof key === 'string';
    if (!isRecord || !(value === undefined || isValue(value))) {
      throw new TabringError('store-failed', `a change of ${table}/${key} cannot be stored`);
    }
    return { table, key, value: value === undefined ? undefined : copyValue(value) };
  });
}

/** A copy that shares nothing with the original. */
export function copyValue(value: Value): Value {
  if (value === null || typeof value !== 'object') return value;
  if (value instanceof Uint8Array) return new Uint8Array(value);
  if (isArray(value)) return value.map(copyValue);
  return Object.fromEntries(Object.entries(value).map(([key, member]) => [key, copyValue(member)]));
}

/** `Array.isArray` does not narrow to readonly arrays. */
function isArray(value: object): value is readonly Value[] {
  return Array.isArray(value);
}
