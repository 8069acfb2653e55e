import * as v from 'valibot';
import { count, peerId } from '../kernel/schema.ts';

/**
 * Orders the writes of a key: by counter, and writes that chose the same counter by their writer.
 * A writer gives no version twice. (Multi-writer ABD: Lynch and Shvartsman 1997.)
 */
export const version = v.strictObject({
  counter: v.pipe(count, v.minValue(1)),
  writer: peerId,
  incarnation: count,
});

export type Version = v.InferOutput<typeof version>;

/** Below 0 when `a` is older than `b`, 0 when they are the same; null is older than any. */
export function compareVersions(a: Version | null, b: Version | null): number {
  if (a === null || b === null) return (a === null ? 0 : 1) - (b === null ? 0 : 1);
  if (a.counter !== b.counter) return a.counter - b.counter;
  if (a.writer !== b.writer) return a.writer < b.writer ? -1 : 1;
  return a.incarnation - b.incarnation;
}
