import * as v from 'valibot';
import { path, peerId, peerRef, quantity, sessionId } from '../kernel/schema.ts';

/** A signal of one negotiation is a session description or a candidate: a few KiB. */
const SIGNAL_CHARS_MAX = 64 * 1024;

/** One signal of a link's negotiation, on its way from peer to peer to where no link leads yet. */
export const linkSignal = v.strictObject({
  type: v.literal('link.signal'),
  from: peerRef,
  to: peerId,
  /** Where `to` stands on the ring, if it does: the way to go when the path is used up. */
  position: v.nullable(peerRef.entries.position),
  session: sessionId,
  /** The first signal of a negotiation; only that one may begin one. */
  isOffer: v.boolean(),
  data: v.pipe(v.string(), v.maxLength(SIGNAL_CHARS_MAX)),
  /** Peers to go through next. */
  path,
  /** Peers gone through, the sender first: reversed, the way back. */
  trail: path,
});

/** The offer of this session did not get through to `from`: nobody knew a way. */
export const linkUnreachable = v.strictObject({
  type: v.literal('link.unreachable'),
  from: peerId,
  to: peerId,
  session: sessionId,
  path,
});

/** The sender's page is going away for certain; it says so on every link and waits for nobody. */
export const linkGoodbye = v.strictObject({ type: v.literal('link.goodbye') });

/** Are you there? `sentMs` comes back untouched. */
export const detectorPing = v.strictObject({ type: v.literal('detector.ping'), sentMs: quantity });

/** I am; `sentMs` is that of the ping. */
export const detectorPong = v.strictObject({ type: v.literal('detector.pong'), sentMs: quantity });

export const linkSchemas = [
  linkSignal,
  linkUnreachable,
  linkGoodbye,
  detectorPing,
  detectorPong,
] as const;

export type LinkSignal = v.InferOutput<typeof linkSignal>;
export type LinkUnreachable = v.InferOutput<typeof linkUnreachable>;
export type LinkMessage = LinkSignal | LinkUnreachable | v.InferOutput<typeof linkGoodbye>;
export type DetectorMessage =
  v.InferOutput<typeof detectorPing> | v.InferOutput<typeof detectorPong>;
