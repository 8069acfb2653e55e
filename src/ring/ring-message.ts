import * as v from 'valibot';
import { count, id, peerId, peerRef, peerRefs, quantity } from '../kernel/schema.ts';

/** What the founder of a network laid down for good; it travels with every join. */
export const ringTerms = v.strictObject({
  /** When the network was founded, milliseconds since the epoch, and by whom. */
  foundedAtMs: quantity,
  founder: peerId,
  /** Replicas of each item, 1 to 8. */
  degree: v.pipe(count, v.minValue(1), v.maxValue(8)),
  /** Slots that the keys fall into: a power of two. */
  slotCount: v.pipe(
    count,
    v.minValue(1),
    v.maxValue(65_536),
    v.check(slots => Number.isInteger(Math.log2(slots))),
  ),
});

/** May I have a place on the ring? Routed to the peer responsible for the wished position. */
export const ringJoin = v.strictObject({
  type: v.literal('ring.join'),
  peer: peerId,
  incarnation: count,
  wish: id,
  /** The position is the joiner's own from before; otherwise the acceptor may choose a better. */
  isFixed: v.boolean(),
  nonce: count,
});

/** You are my predecessor now; your range begins at `pred`. */
export const ringJoinOk = v.strictObject({
  type: v.literal('ring.joinOk'),
  nonce: count,
  joined: peerRef,
  pred: peerRef,
  succ: peerRef,
  successors: peerRefs,
  terms: ringTerms,
});

/** Not now: a neighbour is coming or going. */
export const ringJoinLater = v.strictObject({
  type: v.literal('ring.joinLater'),
  nonce: count,
  retryMs: quantity,
});

/** Somebody stands where you wished to stand. */
export const ringPositionTaken = v.strictObject({
  type: v.literal('ring.positionTaken'),
  nonce: count,
});

/** I have joined right behind you: make me your successor. */
export const ringNewSucc = v.strictObject({
  type: v.literal('ring.newSucc'),
  src: peerRef,
  successors: peerRefs,
});

/** I have, or I have a closer one. */
export const ringNewSuccAck = v.strictObject({
  type: v.literal('ring.newSuccAck'),
  isAccepted: v.boolean(),
  succ: peerRef,
});

/** You are no longer my successor. */
export const ringPredNoMore = v.strictObject({ type: v.literal('ring.predNoMore') });

/** You are my successor as far as I know. Said at every change, and again periodically. */
export const ringFix = v.strictObject({
  type: v.literal('ring.fix'),
  src: peerRef,
  /** The peer between us that is gone, if one is. */
  dead: v.nullable(peerId),
  /** The sender's predecessor, that one's predecessor, …: who comes next if the sender goes. */
  chain: peerRefs,
});

/** Noted. `closer` is the nearest peer between us that I know of, and a better successor. */
export const ringFixOk = v.strictObject({
  type: v.literal('ring.fixOk'),
  src: peerRef,
  closer: v.nullable(peerRef),
  successors: peerRefs,
});

/** The peers after me, nearest first, for those before me. */
export const ringSuccessors = v.strictObject({
  type: v.literal('ring.successors'),
  src: peerRef,
  successors: peerRefs,
  /** How many peers further back it may travel. */
  hopsLeft: v.pipe(count, v.maxValue(32)),
});

/** Our common neighbour `dead` seems gone: if I am your next, say `ring.fix`. */
export const ringPredQuery = v.strictObject({
  type: v.literal('ring.predQuery'),
  src: peerRef,
  dead: peerId,
});

/** I leave; my range is yours from now on if I am your predecessor. Routed to the next position. */
export const ringLeave = v.strictObject({
  type: v.literal('ring.leave'),
  src: peerRef,
  pred: peerRef,
});

/** Your range is mine. */
export const ringLeaveOk = v.strictObject({ type: v.literal('ring.leaveOk'), src: peerRef });

/** Not now: a neighbour is coming or going. */
export const ringLeaveLater = v.strictObject({
  type: v.literal('ring.leaveLater'),
  retryMs: quantity,
});

/** I leave: `succ` comes after you from now on. */
export const ringSuccLeaving = v.strictObject({
  type: v.literal('ring.succLeaving'),
  succ: peerRef,
});

export const ringSchemas = [
  ringJoinOk,
  ringNewSucc,
  ringNewSuccAck,
  ringPredNoMore,
  ringFix,
  ringFixOk,
  ringSuccessors,
  ringPredQuery,
  ringSuccLeaving,
] as const;

/** Requests that travel inside a routed message, and their answers. */
export const ringRoutedSchemas = [
  ringJoin,
  ringJoinLater,
  ringPositionTaken,
  ringLeave,
  ringLeaveOk,
  ringLeaveLater,
] as const;

export type RingTerms = v.InferOutput<typeof ringTerms>;
export type RingJoin = v.InferOutput<typeof ringJoin>;
export type RingJoinOk = v.InferOutput<typeof ringJoinOk>;
export type RingJoinRefusal =
  v.InferOutput<typeof ringJoinLater> | v.InferOutput<typeof ringPositionTaken>;
export type RingNewSucc = v.InferOutput<typeof ringNewSucc>;
export type RingNewSuccAck = v.InferOutput<typeof ringNewSuccAck>;
export type RingFix = v.InferOutput<typeof ringFix>;
export type RingFixOk = v.InferOutput<typeof ringFixOk>;
export type RingSuccessors = v.InferOutput<typeof ringSuccessors>;
export type RingPredQuery = v.InferOutput<typeof ringPredQuery>;
export type RingLeave = v.InferOutput<typeof ringLeave>;
export type RingLeaveAnswer =
  v.InferOutput<typeof ringLeaveOk> | v.InferOutput<typeof ringLeaveLater>;
export type RingSuccLeaving = v.InferOutput<typeof ringSuccLeaving>;

/** What goes from ring to ring over a link. */
export type RingMessage =
  | RingJoinOk
  | RingNewSucc
  | RingNewSuccAck
  | v.InferOutput<typeof ringPredNoMore>
  | RingFix
  | RingFixOk
  | RingSuccessors
  | RingPredQuery
  | RingSuccLeaving;

/** What the ring sends to a position, wherever its peer may be. */
export type RingRouted = RingJoin | RingJoinRefusal | RingLeave | RingLeaveAnswer;
