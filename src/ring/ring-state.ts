import { distance, inOpenClosed, inOpenOpen, type Id } from '../kernel/identifier.ts';
import { isSamePeer, type PeerId, type PeerRef } from '../kernel/machine.ts';
import type { RingTerms } from './ring-message.ts';

/** Successors kept: half of them may be gone at once before a peer loses the way on. */
export const SUCCESSOR_COUNT = 8;

/** Predecessors' predecessors kept: who must be asked when the predecessor is gone. */
export const CHAIN_COUNT = 4;

/** Peers remembered as gone, to leave them out of what others say of them. */
const GONE_COUNT_MAX = 256;

/**
 * `idle`: not begun. `joining`: has no place yet. `member`: on the ring, or alone. `isolated`: was
 * on a ring and reaches nobody of it. `leaving`: has asked for its range to be taken over.
 * `handedOver`: it has been; forwards only. `gone`: over.
 */
export type RingStanding =
  'idle' | 'joining' | 'member' | 'isolated' | 'leaving' | 'handedOver' | 'gone';

/**
 * What a peer knows of its neighbours. Plain data with the arithmetic it needs; the rules are in
 * `Ring`. `pred` bounds the range and may be a peer that is gone; `predList` are the peers that use
 * this one as their successor, so those before `pred` are branches.
 */
export class RingState {
  self: PeerRef;
  standing: RingStanding = 'idle';
  terms: RingTerms | null = null;
  succ: PeerRef;
  pred: PeerRef;
  isPredSuspected = false;
  /** When the predecessor last said that it is one, or was made one. */
  predConfirmedMs = 0;
  /** Who handed its range over to this peer last, to give a repeated question the same answer. */
  lastLeaver: PeerRef | null = null;
  /** Next peers clockwise, nearest first; the first is `succ`. Empty when alone. */
  successors: readonly PeerRef[] = [];
  /** `pred`, its predecessor, … as far as it told. */
  chain: readonly PeerRef[] = [];
  readonly predList = new Map<PeerId, PeerRef>();
  /** Peers that are suspected or said goodbye, with the incarnation that did. */
  readonly #gone = new Map<PeerId, { readonly incarnation: number; readonly untilMs: number }>();

  constructor(self: PeerRef) {
    this.self = self;
    this.succ = self;
    this.pred = self;
  }

  get isAlone(): boolean {
    return this.standing === 'member' && isSamePeer(this.succ, this.self);
  }

  /** Whether neighbours count on this peer. */
  get isOnRing(): boolean {
    return this.standing === 'member' || this.standing === 'leaving';
  }

  /**
   * Whether this peer answers for `id`. From the moment it asks to leave it does not: whoever takes
   * its range over may do so before the answer is here.
   */
  isResponsible(id: Id): boolean {
    const isMember = this.standing === 'member';
    return isMember && inOpenClosed(id, this.pred.position, this.self.position);
  }

  isSelf(ref: PeerRef): boolean {
    return ref.peer === this.self.peer;
  }

  /** What was only concluded holds until `untilMs`; a peer's own word holds for its incarnation. */
  markGone(peer: PeerId, incarnation: number, untilMs: number): void {
    const known = this.#gone.get(peer);
    if (known && known.incarnation >= incarnation && known.untilMs > untilMs) return;
    this.#gone.delete(peer);
    this.#gone.set(peer, { incarnation, untilMs });
    if (this.#gone.size <= GONE_COUNT_MAX) return;
    const oldest = this.#gone.keys().next().value; // Long forgotten by everybody else, too.
    if (oldest !== undefined) this.#gone.delete(oldest);
  }

  /** This run of the peer is there; so its former ones are gone, whatever others still say. */
  markAlive(peer: PeerId, incarnation: number): void {
    this.#gone.delete(peer);
    if (incarnation > 1) this.markGone(peer, incarnation - 1, Infinity);
  }

  isGone(ref: PeerRef): boolean {
    const gone = this.#gone.get(ref.peer);
    return gone !== undefined && ref.incarnation <= gone.incarnation;
  }

  /** What was concluded long ago may be wrong by now: others' word counts again. */
  forgetGone(nowMs: number): void {
    for (const [peer, { untilMs }] of this.#gone) if (untilMs <= nowMs) this.#gone.delete(peer);
  }

  /** A successor list out of what somebody said: in order, each once, none of them gone. */
  trimSuccessors(refs: readonly PeerRef[]): PeerRef[] {
    return this.#ordered(refs).slice(0, SUCCESSOR_COUNT);
  }

  #ordered(refs: readonly PeerRef[]): PeerRef[] {
    const newest = new Map<PeerId, PeerRef>();
    for (const ref of refs) {
      if (this.isSelf(ref) || this.isGone(ref)) continue;
      const known = newest.get(ref.peer);
      if (!known || known.incarnation < ref.incarnation) newest.set(ref.peer, ref);
    }
    const from = this.self.position;
    return [...newest.values()].sort(
      (a, b) => distance(from, a.position) - distance(from, b.position),
    );
  }

  /** The nearest peer known in `(after, self)`: a better successor for whoever stands at `after`. */
  closerThanSelf(after: PeerRef): PeerRef | null {
    let closest: PeerRef | null = null;
    const candidates = [...this.predList.values()];
    // A predecessor that is gone is nobody's successor.
    if (!this.isPredSuspected) candidates.push(this.pred);
    for (const ref of candidates) {
      if (ref.peer === after.peer || this.isSelf(ref) || this.isGone(ref)) continue;
      if (!inOpenOpen(ref.position, after.position, this.self.position)) continue;
      if (!closest || inOpenOpen(ref.position, after.position, closest.position)) closest = ref;
    }
    return closest;
  }

  /** The chain that this peer tells its successor, itself left out. */
  chainToTell(): PeerRef[] {
    return this.chain.filter(ref => !this.isGone(ref)).slice(0, CHAIN_COUNT);
  }
}
