import * as v from 'valibot';
import { count, key, peerRef, valueBytes } from '../kernel/schema.ts';
import { version } from './version.ts';

const cell = v.pipe(count, v.maxValue(8 * 65_536 - 1));
export const cellRun = v.strictObject({ first: cell, last: cell });

/** Items in one message: bounded by their number here, by their bytes where they are put in. */
const ITEMS_MAX = 4_096;

/** A copy of an item. A deleted one keeps its version and has no value. */
export const item = v.strictObject({ key, version, value: v.nullable(valueBytes) });
const items = v.pipe(v.array(item), v.maxLength(ITEMS_MAX));
const versions = v.pipe(v.array(v.strictObject({ key, version })), v.maxLength(ITEMS_MAX));

/** What does this cell hold for the key? Routed to the cell's anchor. */
export const replicaRead = v.strictObject({
  type: v.literal('replica.read'),
  cell,
  key,
  /** A writer wants to know the version only. */
  wantsValue: v.boolean(),
});

/** `active`: holds all that was promised for the cell. `learning`: does not yet; no promise. */
export const cellState = v.picklist(['active', 'learning']);

export const replicaReadOk = v.strictObject({
  type: v.literal('replica.readOk'),
  cell,
  /** Who answers, for those who want to see it. */
  owner: peerRef,
  state: cellState,
  version: v.nullable(version),
  /** Null when it was not wanted, and when there is none: never written, or deleted. */
  value: v.nullable(valueBytes),
  hasValue: v.boolean(),
});

/** Keep this, unless you have a newer one. */
export const replicaWrite = v.strictObject({ type: v.literal('replica.write'), cell, item });

/** It, or a newer one, is durable here. */
export const replicaWriteOk = v.strictObject({ type: v.literal('replica.writeOk'), cell });

/** These cells are yours by the ring, and active here: pull them from me. */
export const replicaOffer = v.strictObject({ type: v.literal('replica.offer'), cells: cellRun });

/**
 * What of these cells has changed at your side after `since`? `release` asks a former owner to stop
 * answering for them with this last portion.
 */
export const replicaPull = v.strictObject({
  type: v.literal('replica.pull'),
  cells: cellRun,
  since: count,
  isRelease: v.boolean(),
});

/** A portion, of the cells of the run that are active here; in the order of their changes. */
export const replicaPullOk = v.strictObject({
  type: v.literal('replica.pullOk'),
  /** The first cells of the run asked for, as far as this peer answers for them; null if none. */
  covered: v.nullable(cellRun),
  state: cellState,
  items,
  /** Ask again with this. */
  upTo: count,
  isComplete: v.boolean(),
});

/** The cells are active here now: you need not keep them. */
export const replicaInstalled = v.strictObject({
  type: v.literal('replica.installed'),
  cells: cellRun,
});

/** A copy for the case that I go: my cells would be yours. Answers nothing until then. */
export const replicaSpare = v.strictObject({
  type: v.literal('replica.spare'),
  /** Forget what I gave you before. */
  isFirst: v.boolean(),
  /** With this you have all of it, for these cells. */
  isComplete: v.boolean(),
  cells: v.pipe(v.array(cellRun), v.maxLength(64)),
  items,
});

/** Here is the digest of what I hold for the slots of your cells: is yours the same? */
export const replicaCompare = v.strictObject({
  type: v.literal('replica.compare'),
  cells: cellRun,
  digest: v.pipe(v.string(), v.maxLength(32)),
});

/** If it is not, these are my versions (as many as fit). */
export const replicaCompareOk = v.strictObject({
  type: v.literal('replica.compareOk'),
  covered: v.nullable(cellRun),
  isSame: v.boolean(),
  versions,
});

/** What travels routed to an anchor, with its answers. */
export const replicaRoutedSchemas = [
  replicaRead,
  replicaReadOk,
  replicaWrite,
  replicaWriteOk,
  replicaPull,
  replicaPullOk,
  replicaCompare,
  replicaCompareOk,
] as const;

/** What one owner tells another over their link. */
export const replicaSchemas = [replicaOffer, replicaInstalled, replicaSpare] as const;

export type Item = v.InferOutput<typeof item>;
export type ReplicaRead = v.InferOutput<typeof replicaRead>;
export type ReplicaReadOk = v.InferOutput<typeof replicaReadOk>;
export type ReplicaWrite = v.InferOutput<typeof replicaWrite>;
export type ReplicaPull = v.InferOutput<typeof replicaPull>;
export type ReplicaPullOk = v.InferOutput<typeof replicaPullOk>;
export type ReplicaCompare = v.InferOutput<typeof replicaCompare>;
export type ReplicaCompareOk = v.InferOutput<typeof replicaCompareOk>;
export type ReplicaWriteOk = v.InferOutput<typeof replicaWriteOk>;
export type ReplicaSpare = v.InferOutput<typeof replicaSpare>;
export type ReplicaMessage =
  ReplicaSpare | v.InferOutput<typeof replicaOffer> | v.InferOutput<typeof replicaInstalled>;
export type ReplicaRequest = ReplicaRead | ReplicaWrite | ReplicaPull | ReplicaCompare;
export type ReplicaRouted =
  ReplicaRequest | ReplicaReadOk | ReplicaWriteOk | ReplicaPullOk | ReplicaCompareOk;
