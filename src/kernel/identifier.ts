import { sha256 } from '@noble/hashes/sha2.js';
import { utf8ToBytes } from '@noble/hashes/utils.js';

/**
 * A point of the identifier circle: an integer in `[0, SPACE)`. Held as a number: `SPACE` is below
 * 2^52, so the sum of two identifiers stays exact.
 */
export type Id = number & { readonly __brand: 'Id' };

/** The size of the identifier circle, 105 · 2^45: divisible by every replication degree 1 to 8. */
export const SPACE = 105 * 2 ** 45;

/** The point that `value` falls on, taken modulo the circle. `value` must be an exact integer. */
export function toId(value: number): Id {
  const rest = value % SPACE;
  return (rest < 0 ? rest + SPACE : rest) as Id;
}

/** Whether `value` is a point of the circle: what came off the wire may be anything. */
export function isId(value: unknown): value is Id {
  return typeof value === 'number' && Number.isInteger(value) && value >= 0 && value < SPACE;
}

/**
 * The identifier of a key: `⌊105·v/128⌋`, v the first 52 bits, big-endian, of the SHA-256 of its
 * UTF-8 bytes. Computed in two parts, since `105·v` does not fit a double exactly.
 */
export function idOf(text: string): Id {
  const hash = sha256(utf8ToBytes(text));
  const view = new DataView(hash.buffer, hash.byteOffset);
  const v = view.getUint32(0) * 2 ** 20 + Math.floor(view.getUint32(4) / 2 ** 12);
  const low = v % 128;
  return (105 * ((v - low) / 128) + Math.floor((105 * low) / 128)) as Id;
}

/** A point drawn from `random`, a source of numbers in `[0, 1)`. */
export function randomId(random: () => number): Id {
  return Math.floor(random() * SPACE) as Id;
}

/** Clockwise steps from `from` to `to`: 0 when they are the same point. */
export function distance(from: Id, to: Id): number {
  const steps = to - from;
  return steps < 0 ? steps + SPACE : steps;
}

/** `id ∈ (from, to]`; `(a, a]` is the whole circle, as the range of a peer that is alone. */
export function inOpenClosed(id: Id, from: Id, to: Id): boolean {
  if (from === to) return true;
  const steps = distance(from, id);
  return steps > 0 && steps <= distance(from, to);
}

/** `id ∈ (from, to)`; `(a, a)` is the circle without a. */
export function inOpenOpen(id: Id, from: Id, to: Id): boolean {
  if (from === to) return id !== from;
  const steps = distance(from, id);
  return steps > 0 && steps < distance(from, to);
}

/** `id ∈ [from, to)`; `[a, a)` is the whole circle. */
export function inClosedOpen(id: Id, from: Id, to: Id): boolean {
  return from === to || distance(from, id) < distance(from, to);
}
