import type { Id } from '../kernel/identifier.ts';
import type { LinkOutbox, PeerId, PeerRef, SessionId } from '../kernel/machine.ts';
import { HOPS_MAX } from '../kernel/schema.ts';
import type { LinkMessage, LinkSignal, LinkUnreachable } from './link-message.ts';

export type LinkEvent =
  | { readonly type: 'link.up'; readonly peer: PeerId; readonly incarnation: number }
  /** `isCertain`: the peer itself said that it goes. */
  | { readonly type: 'link.down'; readonly peer: PeerId; readonly isCertain: boolean }
  /** A negotiation that this peer asked for came to nothing. */
  | { readonly type: 'link.failed'; readonly peer: PeerId };

export type LinkConfig = {
  /** A link takes 20–80 ms on one machine, some seconds through TURN. */
  readonly dialMs: number;
  /** The other side's first signal takes a few hops there and back; silence means it got lost. */
  readonly answerMs: number;
  /** An own offer this old has not arrived, if the other side now makes one. */
  readonly glareMs: number;
  /** Negotiations at a time, both ways: each holds a peer connection of the page's 500. */
  readonly dialCountMax: number;
};

export const LINK_CONFIG: LinkConfig = {
  dialMs: 8_000,
  answerMs: 2_500,
  glareMs: 800,
  dialCountMax: 64,
};

/** How often deadlines of negotiations are looked at. */
const DIAL_TICK_MS = 500;

/** How a link was made, as the driver knows it. */
export type LinkKind = 'peerjs' | 'simple-peer' | 'memory' | 'simulated';

type LinkState =
  | {
      readonly mode: 'dialing';
      readonly session: SessionId;
      readonly isInitiator: boolean;
      readonly path: readonly PeerId[];
      readonly position: Id | null;
      readonly startedMs: number;
      deadlineMs: number;
      hasSignalled: boolean;
    }
  | { readonly mode: 'open'; readonly incarnation: number; readonly kind: LinkKind };

/** What the link table needs of routing: the next peer on the way to a position, if any. */
export interface WayFinder {
  nextHop(position: Id, tried: readonly PeerId[]): PeerId | null;
  /** A suspected peer's link is open still, and may lead nowhere. */
  isSuspected(peer: PeerId): boolean;
}

type Out = LinkOutbox<LinkMessage, LinkEvent>;

/**
 * Which links are open, and how new ones come about: signals travel from peer to peer, along a
 * given path first and by position after that, so that no server is needed once a peer is on the
 * ring. When two peers dial each other at once, the offer of the smaller PeerId stands.
 *
 * Invariants: 1. at most one negotiation and one open link a peer; 2. a signal of another session
 * than the one under way changes nothing, unless it is an offer.
 */
export class LinkTable {
  readonly #self: () => PeerRef;
  readonly #config: LinkConfig;
  readonly #way: WayFinder;
  readonly #open = new Map<PeerId, LinkState & { mode: 'open' }>();
  readonly #dialing = new Map<PeerId, LinkState & { mode: 'dialing' }>();

  constructor(self: () => PeerRef, way: WayFinder, config: LinkConfig = LINK_CONFIG) {
    this.#self = self;
    this.#way = way;
    this.#config = config;
  }

  isOpen(peer: PeerId): boolean {
    return this.#open.has(peer);
  }

  isDialing(peer: PeerId): boolean {
    return this.#dialing.has(peer);
  }

  /** The incarnation of the peer at the other end, or null when no link is open. */
  incarnation(peer: PeerId): number | null {
    return this.#open.get(peer)?.incarnation ?? null;
  }

  get openLinks(): ReadonlyMap<PeerId, { readonly kind: LinkKind; readonly incarnation: number }> {
    return this.#open;
  }

  get dialingPeers(): readonly PeerId[] {
    return [...this.#dialing.keys()];
  }

  /**
   * Sees to it that there is a link to `peer`: `link.up` or `link.failed` follows, also when a
   * negotiation is under way already; nothing follows when the link is open.
   */
  connect(
    peer: PeerId,
    way: { readonly path: readonly PeerId[]; readonly position: Id | null },
    out: Out,
  ): void {
    if (peer === this.#self().peer || this.#open.has(peer) || this.#dialing.has(peer)) return;
    if (this.#dialing.size >= this.#config.dialCountMax) {
      out.count('link.refused');
      out.emit({ type: 'link.failed', peer });
      return;
    }
    const session = newSession(out);
    this.#startDialing(peer, { session, isInitiator: true, ...way }, out);
    out.dial(peer, session);
  }

  /** The driver opened a link to a peer that has said who it is; no session: first contact. */
  onUp(
    peer: PeerId,
    session: SessionId | null,
    link: { incarnation: number; kind: LinkKind },
    out: Out,
  ): void {
    const known = this.#open.get(peer);
    if (known && known.incarnation > link.incarnation) {
      out.count('link.staleIncarnation'); // A former run of that peer: it is not what it was.
      return;
    }
    const state = this.#dialing.get(peer);
    if (state && state.session !== session) this.#cancelDialing(peer, out);
    else this.#dialing.delete(peer);
    this.#open.set(peer, { mode: 'open', ...link });
    out.emit({ type: 'link.up', peer, incarnation: link.incarnation });
  }

  /** The driver lost the link. */
  onDown(peer: PeerId, out: Out): void {
    if (this.#open.delete(peer)) out.emit({ type: 'link.down', peer, isCertain: false });
  }

  /** The driver gave a negotiation up. Ignored when another one has begun since. */
  onFailed(peer: PeerId, session: SessionId, out: Out): void {
    if (this.#dialing.get(peer)?.session !== session) return;
    this.#dialing.delete(peer);
    if (!this.#open.has(peer)) out.emit({ type: 'link.failed', peer });
  }

  /** The driver's negotiation has something for the other side. */
  onSignal(peer: PeerId, session: SessionId, data: string, out: Out): void {
    const state = this.#dialing.get(peer);
    // Late candidates come after the link is open, and after a negotiation was replaced.
    if (state?.session !== session) return;
    const self = this.#self();
    const signal: LinkSignal = {
      type: 'link.signal',
      from: self,
      to: peer,
      position: state.position,
      session,
      isOffer: state.isInitiator && !state.hasSignalled,
      data,
      path: [...state.path],
      trail: [],
    };
    state.hasSignalled = true;
    this.#forward(signal, out);
  }

  onMessage(from: PeerId, message: LinkMessage, out: Out): void {
    if (message.type === 'link.goodbye') {
      this.hangUp(from, out);
      out.emit({ type: 'link.down', peer: from, isCertain: true });
      return;
    }
    if (message.type === 'link.unreachable') return this.#onUnreachable(message, out);
    if (message.to !== this.#self().peer) return this.#forward(message, out);
    this.#onSignalForMe(message, out);
  }

  onTimer(out: Out): void {
    for (const [peer, state] of [...this.#dialing]) {
      if (state.deadlineMs > out.now) continue;
      this.#cancelDialing(peer, out);
      if (!this.#open.has(peer)) out.emit({ type: 'link.failed', peer });
    }
    if (this.#dialing.size > 0) out.setTimer('link.dial', DIAL_TICK_MS);
  }

  /** Ends the link for this side's own reasons; no event follows. */
  hangUp(peer: PeerId, out: Out): void {
    this.#cancelDialing(peer, out);
    if (this.#open.delete(peer)) out.hangUp(peer);
  }

  #onSignalForMe(signal: LinkSignal, out: Out): void {
    const { peer } = signal.from;
    if (peer === this.#self().peer) return out.count('link.strangeSignal');
    const state = this.#dialing.get(peer);
    if (state?.session === signal.session) {
      state.deadlineMs = state.startedMs + this.#config.dialMs; // It is there, and takes part.
      return out.signal(peer, signal.session, signal.data);
    }
    if (!signal.isOffer) return; // Of a negotiation that is over.
    const open = this.#open.get(peer);
    if (open && open.incarnation > signal.from.incarnation) return; // From a former run.
    if (open && open.incarnation < signal.from.incarnation) {
      // That peer has been started anew: the link to its former run leads nowhere any more.
      this.hangUp(peer, out);
      out.emit({ type: 'link.down', peer, isCertain: true });
    }
    // Glare: both have dialed. The smaller identity's offer stands, on both sides alike; unless it
    // is so old that the other side must have had it by now, and has not.
    const isFresh = state && out.now - state.startedMs < this.#config.glareMs;
    if (state?.isInitiator && isFresh && this.#self().peer < peer) return;
    if (!state && this.#dialing.size >= this.#config.dialCountMax) return out.count('link.refused');
    this.#cancelDialing(peer, out);
    this.#startDialing(
      peer,
      {
        session: signal.session,
        isInitiator: false,
        path: [...signal.trail].reverse(),
        position: signal.from.position,
      },
      out,
    );
    out.signal(peer, signal.session, signal.data);
  }

  #forward(signal: LinkSignal, out: Out): void {
    const self = this.#self().peer;
    if (signal.trail.length >= HOPS_MAX || signal.trail.includes(self)) {
      return this.#lose(signal, out); // It walks in circles.
    }
    const trail = [...signal.trail, self];
    if (this.#leads(signal.to)) return out.send(signal.to, { ...signal, trail });
    const named = signal.path.findIndex(peer => this.#leads(peer));
    if (named >= 0) {
      const next = signal.path[named];
      if (next) return out.send(next, { ...signal, trail, path: signal.path.slice(named + 1) });
    }
    const next = signal.position === null ? null : this.#way.nextHop(signal.position, trail);
    if (next === null || next === signal.to) return this.#lose(signal, out);
    out.send(next, { ...signal, trail, path: [] });
  }

  #leads(peer: PeerId): boolean {
    return this.#open.has(peer) && !this.#way.isSuspected(peer);
  }

  /** Nobody here knows the way: the dialer need not wait for its deadline. */
  #lose(signal: LinkSignal, out: Out): void {
    out.count('link.signalLost');
    if (!signal.isOffer) return;
    this.#sendBack(
      {
        type: 'link.unreachable',
        from: signal.to,
        to: signal.from.peer,
        session: signal.session,
        path: [...signal.trail].reverse(),
      },
      out,
    );
  }

  #onUnreachable(message: LinkUnreachable, out: Out): void {
    if (message.to !== this.#self().peer) return this.#sendBack(message, out);
    const state = this.#dialing.get(message.from);
    if (state?.session !== message.session || !state.isInitiator) return; // Given up before.
    this.#cancelDialing(message.from, out);
    if (!this.#open.has(message.from)) out.emit({ type: 'link.failed', peer: message.from });
  }

  #sendBack(message: LinkUnreachable, out: Out): void {
    if (message.to === this.#self().peer) return this.#onUnreachable(message, out);
    if (this.#leads(message.to)) return out.send(message.to, message);
    const index = message.path.findIndex(peer => this.#leads(peer));
    const next = message.path[index];
    if (next !== undefined) out.send(next, { ...message, path: message.path.slice(index + 1) });
  }

  #startDialing(
    peer: PeerId,
    dialing: {
      session: SessionId;
      isInitiator: boolean;
      path: readonly PeerId[];
      position: Id | null;
    },
    out: Out,
  ): void {
    const { dialMs, answerMs } = this.#config;
    const startedMs = out.now;
    const deadlineMs = startedMs + (dialing.isInitiator ? answerMs : dialMs);
    if (this.#dialing.size === 0) out.setTimer('link.dial', DIAL_TICK_MS);
    this.#dialing.set(peer, {
      mode: 'dialing',
      ...dialing,
      startedMs,
      deadlineMs,
      hasSignalled: false,
    });
  }

  #cancelDialing(peer: PeerId, out: Out): void {
    const state = this.#dialing.get(peer);
    if (!state) return;
    this.#dialing.delete(peer);
    out.cancel(peer, state.session);
  }
}

function newSession(out: Out): SessionId {
  return Math.floor(out.random() * 2 ** 52).toString(36) as SessionId;
}
