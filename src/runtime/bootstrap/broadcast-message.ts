import * as v from 'valibot';
import { SIGNAL_CHARS_MAX } from '../link/link.ts';
import { PAGE_ID_PATTERN } from './page-id.ts';

/** A later version whose messages mean something else takes another one. */
const PROTOCOL = 'tabring/1';

const page = v.pipe(v.string(), v.regex(PAGE_ID_PATTERN));
const envelope = { protocol: v.literal(PROTOCOL), from: page };
const session = { to: page, session: page };
const data = v.pipe(v.string(), v.minLength(1), v.maxLength(SIGNAL_CHARS_MAX));

const messageSchema = v.variant('type', [
  /** Who is a member? */
  v.object({ ...envelope, type: v.literal('query'), query: page }),
  /** I am. */
  v.object({ ...envelope, type: v.literal('member'), to: page, query: page }),
  /** I have just become one. */
  v.object({ ...envelope, type: v.literal('arrived') }),
  /** I am about to become one: do not found. */
  v.object({ ...envelope, type: v.literal('joining') }),
  /** The first signal of a link. */
  v.object({ ...envelope, type: v.literal('call'), ...session, data }),
  /** A further signal, of either side. */
  v.object({ ...envelope, type: v.literal('signal'), ...session, data }),
  /** There will be no link. */
  v.object({ ...envelope, type: v.literal('refuse'), ...session }),
  /** An election without Web Locks: would found, founds, does neither any more. */
  v.object({
    ...envelope,
    type: v.literal('candidate'),
    holdsStore: v.boolean(),
    phase: v.picklist(['asking', 'founding', 'out']),
  }),
]);

/** What tabs of one browser say to each other over a `BroadcastChannel`. */
export type BroadcastMessage = v.InferOutput<typeof messageSchema>;

type Outgoing<Message> = Message extends BroadcastMessage
  ? Omit<Message, 'protocol' | 'from'>
  : never;

/** A message without what every message has. */
export type BroadcastContent = Outgoing<BroadcastMessage>;

export type Candidacy = BroadcastMessage & { readonly type: 'candidate' };

export function formatBroadcast(from: string, content: BroadcastContent): BroadcastMessage {
  return { ...content, protocol: PROTOCOL, from };
}

/** Null for anything else. */
export function parseBroadcast(received: unknown): BroadcastMessage | null {
  const result = v.safeParse(messageSchema, received);
  return result.success ? result.output : null;
}
