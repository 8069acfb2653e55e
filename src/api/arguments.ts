import { DEPTH_MAX, decode, encode, isValue } from '../kernel/codec.ts';
import { TabringError } from '../kernel/errors.ts';
import { KEY_BYTES_MAX, utf8Length, VALUE_BYTES_MAX } from '../kernel/schema.ts';
import type { Value } from '../kernel/value.ts';

/** Calls that take long have a deadline of this unless told otherwise. */
export const CALL_TIMEOUT_MS = 10_000;

/** Joining may wait for others to found the ring first. */
export const JOIN_TIMEOUT_MS = 30_000;

/** `setTimeout` takes no more. */
const TIMEOUT_MS_MAX = 2 ** 31 - 1;

const NETWORK_BYTES_MAX = 128;

function invalid(message: string): TabringError {
  return new TabringError('invalid-argument', message);
}

/** Throws `invalid-argument` unless `key` is a well-formed string of 1 to 1,024 bytes of UTF-8. */
export function checkKey(key: unknown): string {
  if (typeof key !== 'string') throw invalid(`a key is a string, not ${describe(key)}`);
  if (key.length === 0) throw invalid('a key is not empty');
  if (!key.isWellFormed()) throw invalid('the key has half of a surrogate pair');
  if (utf8Length(key) > KEY_BYTES_MAX) {
    throw invalid(`the key takes ${utf8Length(key)} bytes; at most ${KEY_BYTES_MAX} are allowed`);
  }
  return key;
}

/** The value as it is stored. Throws `invalid-argument` for what cannot be. */
export function encodeValue(value: unknown): Uint8Array {
  if (!isValue(value, DEPTH_MAX)) {
    throw invalid(
      'a value is null, a boolean, a finite number, a well-formed string, a Uint8Array, or an ' +
        `array or plain object of these, nested at most ${DEPTH_MAX} deep`,
    );
  }
  const bytes = encode(value);
  if (bytes.length > VALUE_BYTES_MAX) {
    throw invalid(`the value takes ${bytes.length} bytes encoded; at most 1 MiB are allowed`);
  }
  return bytes;
}

/** A stored value. Bytes in it are a copy: the caller may change them. */
export function decodeValue(bytes: Uint8Array): Value {
  const decoded = decode(bytes.slice());
  if (!decoded) throw new TabringError('store-failed', 'what is stored for the key is damaged');
  return decoded.value;
}

/** Throws `invalid-argument` unless `timeoutMs` is a positive number that timers can hold. */
export function checkTimeout(timeoutMs: unknown, defaultMs: number): number {
  if (timeoutMs === undefined) return defaultMs;
  if (typeof timeoutMs !== 'number' || !(timeoutMs > 0) || timeoutMs > TIMEOUT_MS_MAX) {
    throw invalid(`timeoutMs is a number of milliseconds above 0, not ${describe(timeoutMs)}`);
  }
  return timeoutMs;
}

/** Throws `invalid-argument` unless `network` is a name of 1 to 128 bytes. */
export function checkNetwork(network: unknown): string {
  const isName = typeof network === 'string' && network.length > 0 && network.isWellFormed();
  if (!isName || utf8Length(network) > NETWORK_BYTES_MAX) {
    throw invalid(`a network's name is a string of 1 to ${NETWORK_BYTES_MAX} bytes`);
  }
  return network;
}

/** Throws `invalid-argument` unless `degree` is an integer from 1 to 8. */
export function checkDegree(degree: unknown): number {
  if (degree === undefined) return 4;
  if (typeof degree !== 'number' || !Number.isInteger(degree) || degree < 1 || degree > 8) {
    throw invalid(`replicationDegree is an integer from 1 to 8, not ${describe(degree)}`);
  }
  return degree;
}

/** The address as an absolute URL. Throws `invalid-argument` unless it is one of http or https. */
export function checkSignaling(signaling: unknown): string | null {
  if (signaling === undefined) return null;
  try {
    if (typeof signaling !== 'string') throw new TypeError('not an address');
    const base = typeof location === 'undefined' ? undefined : location.href;
    const url = new URL(signaling, base);
    if (url.protocol === 'http:' || url.protocol === 'https:') return url.href;
  } catch {
    // Not a URL at all: the same error as for a wrong one.
  }
  throw invalid(`signaling is an http or https address, not ${describe(signaling)}`);
}

function describe(value: unknown): string {
  return typeof value === 'string' ? JSON.stringify(value.slice(0, 40)) : String(value);
}
