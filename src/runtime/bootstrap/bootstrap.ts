import type { Link } from '../link/link.ts';

/** A live member of the network, as somebody to join through. */
export interface Contact {
  /** For logs: which tab or server entry this is. */
  readonly label: string;
  /** Rejects with `TabringError` `unreachable`, `timeout` or `aborted`. */
  connect(options: { readonly signal: AbortSignal }): Promise<Link>;
}

/**
 * What a newcomer is told: found the ring, or join through one of these (at least one).
 * A founder that was told so counts as founding until `setMember(true)`, or until it is gone.
 */
export type Introduction =
  { readonly role: 'founder' } | { readonly role: 'joiner'; readonly contacts: readonly Contact[] };

/**
 * How newcomers and members meet for the first time. After that everything travels over the ring.
 * At most one page at a time is told to found a network, and none while a member is alive.
 */
export interface Bootstrap {
  /** A newcomer's link, once this page is a member. It is open, and nothing was said on it yet. */
  onLink: ((link: Link) => void) | null;

  /**
   * Asks who is there, and waits while somebody else is founding. A page whose store already holds
   * data of the network goes before one whose does not. Rejects with `TabringError`
   * `signaling-unreachable`, `signaling-invalid` or `aborted`.
   */
  introduce(options: {
    readonly holdsStore: boolean;
    readonly signal: AbortSignal;
  }): Promise<Introduction>;

  /** Live members other than this page, for a peer that is alone or isolated; may be empty. */
  findMembers(options: { readonly signal: AbortSignal }): Promise<readonly Contact[]>;

  /** Whether this page is on the ring: then newcomers are sent to it, and its links accepted. */
  setMember(isMember: boolean): void;

  /** STUN and TURN servers that the signaling server hands out; empty without one. */
  iceServers(): Promise<readonly RTCIceServer[]>;

  /** Stops answering, at once and for good; pending calls reject with `aborted`. */
  close(): void;
}
