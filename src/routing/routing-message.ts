import * as v from 'valibot';
import { count, id, path, peerId, peerRef } from '../kernel/schema.ts';

/** Who is responsible for the key of this message? */
export const routingLookup = v.strictObject({ type: v.literal('routing.lookup') });

/** I am: for everything in `(from, owner.position]`. */
export const routingLookupOk = v.strictObject({
  type: v.literal('routing.lookupOk'),
  owner: peerRef,
  from: id,
  /** Links that the question went over. */
  hops: count,
});

export type RoutingLookup = v.InferOutput<typeof routingLookup>;
export type RoutingLookupOk = v.InferOutput<typeof routingLookupOk>;

/** The fields of a routed message, its payload left out: that is `peer`'s to know. */
export const forwardEntries = {
  type: v.literal('route.forward'),
  key: id,
  /** Names the request at its origin, for the answer; null for a message that wants none. */
  request: v.nullable(count),
  /** Set once somebody sent it to whom he believed responsible: from there it only steps back. */
  isLast: v.boolean(),
  /** For this peer, whoever is responsible for the key. */
  only: v.nullable(peerId),
  /** Peers gone through, the origin first. */
  trail: path,
};

/** The answer to a routed request, on its way back along the trail. */
export const answerEntries = {
  type: v.literal('route.answer'),
  request: v.nullable(count),
  trail: path,
};

/** Nobody there to answer: told to the origin, so that it need not wait for its own patience. */
export const routeFailed = v.strictObject({
  type: v.literal('route.failed'),
  request: v.nullable(count),
  trail: path,
});

export type Forward<Payload> = {
  readonly type: 'route.forward';
  readonly key: v.InferOutput<typeof id>;
  readonly request: number | null;
  readonly isLast: boolean;
  readonly only: v.InferOutput<typeof peerId> | null;
  readonly trail: v.InferOutput<typeof path>;
  readonly payload: Payload;
};

export type Answer<Payload> = {
  readonly type: 'route.answer';
  readonly request: number | null;
  readonly trail: v.InferOutput<typeof path>;
  readonly payload: Payload;
};

export type RouteMessage<Payload> =
  Forward<Payload> | Answer<Payload> | v.InferOutput<typeof routeFailed>;
