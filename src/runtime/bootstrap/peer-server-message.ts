import * as v from 'valibot';
import { SIGNAL_CHARS_MAX } from '../link/link.ts';
import { PAGE_ID_PATTERN } from './page-id.ts';

/** An ICE candidate is a line of some hundred characters. */
const CANDIDATE_CHARS_MAX = 2_048;

const src = v.pipe(v.string(), v.regex(PAGE_ID_PATTERN));
const label = v.pipe(v.string(), v.minLength(1), v.maxLength(64));
const shortText = v.pipe(v.string(), v.maxLength(256));

function description<Type extends 'offer' | 'answer'>(type: Type) {
  return v.object({
    type: v.literal(type),
    sdp: v.pipe(v.string(), v.minLength(1), v.maxLength(SIGNAL_CHARS_MAX)),
  });
}

/**
 * What a PeerServer may send. peerjs trusts all of it: a message out of shape throws out of its
 * event handlers, or is kept for ever.
 */
const messageSchema = v.variant('type', [
  v.object({ type: v.literal('OPEN') }),
  v.object({ type: v.literal('HEARTBEAT') }),
  v.object({ type: v.literal('ID-TAKEN') }),
  v.object({ type: v.literal('INVALID-KEY') }),
  v.object({ type: v.literal('ERROR'), payload: v.object({ msg: v.optional(shortText, '') }) }),
  v.object({ type: v.literal('LEAVE'), src }),
  v.object({ type: v.literal('EXPIRE'), src }),
  v.object({
    type: v.literal('OFFER'),
    src,
    // Only what makes a link: the rest peerjs would take, too.
    payload: v.object({
      type: v.literal('data'),
      sdp: description('offer'),
      connectionId: label,
      label,
      reliable: v.literal(true),
      serialization: v.literal('raw'),
    }),
  }),
  v.object({
    type: v.literal('ANSWER'),
    src,
    payload: v.object({
      type: v.literal('data'),
      sdp: description('answer'),
      connectionId: label,
    }),
  }),
  v.object({
    type: v.literal('CANDIDATE'),
    src,
    payload: v.object({
      type: v.literal('data'),
      connectionId: label,
      candidate: v.object({
        candidate: v.pipe(v.string(), v.maxLength(CANDIDATE_CHARS_MAX)),
        sdpMid: v.optional(v.nullable(shortText), null),
        sdpMLineIndex: v.optional(v.nullable(v.pipe(v.number(), v.integer(), v.minValue(0))), null),
        usernameFragment: v.optional(v.nullable(shortText), null),
      }),
    }),
  }),
]);

export type PeerServerMessage = v.InferOutput<typeof messageSchema>;

/** Null for anything else. */
export function parsePeerServerMessage(data: unknown): PeerServerMessage | null {
  const result = v.safeParse(messageSchema, data);
  return result.success ? result.output : null;
}
