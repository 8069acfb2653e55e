import { Decoder, Encoder } from '@msgpack/msgpack';
import type { Value } from './value.ts';

/** The first byte of everything encoded. A reader of another version refuses it whole. */
export const CODEC_VERSION = 1;

/** Nothing longer is ever decoded: a value of 1 MiB, its key and its envelope fit with ease. */
export const ENCODED_BYTES_MAX = 2 * 2 ** 20;

/** Deeper nesting is refused on both sides, so that nobody's stack decides. */
export const DEPTH_MAX = 64;

const encoder = new Encoder({ maxDepth: DEPTH_MAX, ignoreUndefined: false });
const decoder = new Decoder({
  maxStrLength: ENCODED_BYTES_MAX,
  maxBinLength: ENCODED_BYTES_MAX,
  maxArrayLength: ENCODED_BYTES_MAX,
  maxMapLength: ENCODED_BYTES_MAX,
  maxExtLength: 0,
});

/** The version byte and the value as MessagePack. The value must be a `Value`. */
export function encode(value: Value): Uint8Array {
  const body = encoder.encodeSharedRef(value);
  const bytes = new Uint8Array(body.length + 1);
  bytes[0] = CODEC_VERSION;
  bytes.set(body, 1);
  return bytes;
}

/** What `encode` was given, or null for anything that it cannot have made. Never throws. */
export function decode(bytes: Uint8Array): { readonly value: Value } | null {
  if (bytes.length < 2 || bytes.length > ENCODED_BYTES_MAX || bytes[0] !== CODEC_VERSION) {
    return null;
  }
  try {
    const value = decoder.decode(bytes.subarray(1));
    return isValue(value, DEPTH_MAX) ? { value } : null;
  } catch {
    return null; // Malformed by whoever sent it: the caller counts it.
  }
}

/** Whether `value` is made of what a `Value` may hold, to at most this depth. */
export function isValue(value: unknown, depth: number = DEPTH_MAX): value is Value {
  if (value === null || typeof value === 'boolean') return true;
  if (typeof value === 'string') return value.isWellFormed();
  if (typeof value === 'number') return Number.isFinite(value);
  if (typeof value !== 'object' || depth === 0) return false;
  if (value instanceof Uint8Array) return true;
  if (Array.isArray(value)) return isValueArray(value, depth);
  const prototype: unknown = Object.getPrototypeOf(value);
  if (prototype !== Object.prototype && prototype !== null) return false;
  if (Object.getOwnPropertySymbols(value).length > 0) return false;
  return Object.entries(value).every(
    ([key, member]) => key !== '__proto__' && key.isWellFormed() && isValue(member, depth - 1),
  );
}

function isValueArray(array: readonly unknown[], depth: number): boolean {
  // Not `every`: it skips the holes of a sparse array.
  for (let i = 0; i < array.length; i++) if (!isValue(array[i], depth - 1)) return false;
  return true;
}
