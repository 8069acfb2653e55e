import * as v from 'valibot';

/** Grows when an older page could not understand the answers any more. */
export const PROTOCOL = 1;

/** Where the rendezvous is, below the base path. */
export const RENDEZVOUS_PATH = '/rendezvous';

/** The key in the paths of the PeerServer protocol; it protects nothing. */
export const PEER_SERVER_KEY = 'peerjs';

/** A request is a few hundred bytes. */
export const BODY_BYTES_MAX = 4 * 1024;

/** UTF-16 units of a network's name. */
export const NETWORK_CHARS_MAX = 128;

/** Failed contacts told in one request. */
export const FAILED_COUNT_MAX = 8;

/** What the PeerServer client takes for an id, within a bound: it also goes into a URL. */
export const ID_PATTERN = /^[A-Za-z0-9][A-Za-z0-9_-]{0,63}$/;

const id = v.pipe(v.string(), v.regex(ID_PATTERN));

const common = {
  network: v.pipe(
    v.string(),
    v.minLength(1),
    v.maxLength(NETWORK_CHARS_MAX),
    v.check(name => name.isWellFormed(), 'a network name must be well-formed text'),
  ),
  id,
  token: id,
  /** Members that this page could not reach since its last request. */
  failed: v.optional(v.pipe(v.array(id), v.maxLength(FAILED_COUNT_MAX)), []),
};

/** Unknown fields are dropped: a newer page may say more. */
const requestSchema = v.variant('action', [
  v.object({ action: v.literal('introduce'), ...common, holdsStore: v.boolean() }),
  v.object({ action: v.literal('renew'), ...common }),
  v.object({ action: v.literal('register'), ...common }),
  v.object({ action: v.literal('find'), ...common }),
  v.object({ action: v.literal('withdraw'), ...common }),
]);

export type RendezvousRequest = v.InferOutput<typeof requestSchema>;

export type RendezvousAnswer =
  | { readonly type: 'found'; readonly renewMs: number }
  | { readonly type: 'join'; readonly members: readonly string[] }
  | { readonly type: 'wait'; readonly waitMs: number }
  | { readonly type: 'registered'; readonly isListed: boolean }
  | { readonly type: 'members'; readonly members: readonly string[] }
  | { readonly type: 'withdrawn' };

/** What a page may pass to `RTCPeerConnection`. */
export type IceServer = {
  readonly urls: readonly string[];
  readonly username?: string;
  readonly credential?: string;
};

/** Why a request was refused, besides its HTTP status. */
export type RefusalCode =
  | 'malformed'
  | 'too-large'
  | 'not-found'
  | 'method-not-allowed'
  | 'not-connected'
  | 'wrong-token'
  | 'full'
  | 'internal';

/** A request that is answered with an error; `message` is for the developer who reads it. */
export class Refusal extends Error {
  readonly status: number;
  readonly code: RefusalCode;

  constructor(status: number, code: RefusalCode, message: string) {
    super(message);
    this.name = 'Refusal';
    this.status = status;
    this.code = code;
  }
}

/** Parses the body of a request; throws a `Refusal` that says what is wrong with it. */
export function parseRequest(body: string): RendezvousRequest {
  let json: unknown;
  try {
    json = JSON.parse(body);
  } catch {
    throw new Refusal(400, 'malformed', 'The body is not JSON.');
  }
  const result = v.safeParse(requestSchema, json, { abortEarly: true });
  if (result.success) return result.output;
  const issue = result.issues[0];
  const where = v.getDotPath(issue) ?? 'the body';
  throw new Refusal(400, 'malformed', `${where}: ${issue.message}`.slice(0, 200));
}
