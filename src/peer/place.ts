import * as v from 'valibot';
import { id } from '../kernel/schema.ts';
import { ringTerms } from '../ring/ring-message.ts';

const place = v.strictObject({ position: id, terms: ringTerms });

/** Where a peer stood, and on which terms: kept with its store, to come back to. */
export type PeerPlace = v.InferOutput<typeof place>;

/** A place as it was written, or null for what no peer of ours wrote. */
export function parsePlace(value: unknown): PeerPlace | null {
  const parsed = v.safeParse(place, value);
  return parsed.success ? parsed.output : null;
}
