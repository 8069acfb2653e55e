import { inOpenOpen } from '../kernel/identifier.ts';
import { isSamePeer, type PeerId, type PeerRef } from '../kernel/machine.ts';
import type { RingFix, RingNewSuccAck } from './ring-message.ts';
import {
  pathThroughNeighbour,
  sendFix,
  speaksForItself,
  successorList,
  type RingParts,
} from './ring-parts.ts';
import type { RingOut } from './ring.ts';

/**
 * Who follows this peer, and where its range begins. The range grows only when the peer that comes
 * next behind a lost predecessor says so itself; others that would be predecessor wait for that
 * one's word for a while. (Beernet takes whoever is known at once, which lets ranges overlap.)
 */
export class Predecessors {
  readonly #parts: RingParts;
  readonly #fixMs: number;
  /** Peers that offered themselves while the one that comes next is awaited. */
  readonly #candidates = new Map<PeerId, PeerRef>();

  #isAwaiting = false;

  /** `fixMs`: how long the one that comes next may take. */
  constructor(parts: RingParts, fixMs: number) {
    this.#parts = parts;
    this.#fixMs = fixMs;
  }

  /** `src` uses this peer as its successor. */
  onFix(from: PeerId, { src, dead, chain }: RingFix, out: RingOut): void {
    const { state, links } = this.#parts;
    if (!speaksForItself(this.#parts, from, src, out)) return;
    const { lastLeaver } = state;
    if (lastLeaver && isSamePeer(lastLeaver, src)) return; // Said before it heard that it may go.
    if (!state.isOnRing) return; // Whoever follows us has been told whom to follow instead.
    state.predList.set(src.peer, src);
    // The word of a peer that lost its successor counts when we cannot reach that one either.
    if (dead === state.pred.peer && dead !== src.peer && !links.isOpen(dead)) {
      state.isPredSuspected = true;
    }
    if (src.peer === state.pred.peer) {
      this.#adopt(src, out);
    } else if (state.isPredSuspected || state.isSelf(state.pred)) {
      this.#consider(src, out);
    } else if (inOpenOpen(src.position, state.pred.position, state.self.position)) {
      this.#adopt(src, out);
    }
    if (state.pred.peer === src.peer) {
      state.chain = [src, ...chain];
      state.predConfirmedMs = out.now;
    }
    const closer = state.closerThanSelf(src);
    const successors = successorList(this.#parts);
    out.send(from, { type: 'ring.fixOk', src: state.self, closer, successors });
  }

  /** At a joiner: the peer before it has a closer successor already. */
  onNewSuccAck(from: PeerId, { isAccepted, succ }: RingNewSuccAck, out: RingOut): void {
    if (isAccepted) return;
    const { state, connector } = this.#parts;
    state.predList.delete(from);
    // It goes by somebody between us, who will say so itself: never taken from hearsay.
    if (!inOpenOpen(succ.position, state.pred.position, state.self.position)) return;
    if (!state.isSelf(succ)) connector.want(succ, 'keep', [from], out);
  }

  /** Asks whoever should come before the lost predecessor; others must wait for its word. */
  askNext(out: RingOut): void {
    const { state, connector } = this.#parts;
    if (!state.isPredSuspected) return;
    // Started once: it must run out though the question is asked again and again.
    if (!this.#isAwaiting) out.setTimer('ring.predFix', this.#fixMs);
    this.#isAwaiting = true;
    const expected = this.#expected();
    if (!expected) return;
    const path = pathThroughNeighbour(this.#parts);
    if (connector.want(expected, 'predQuery', path, out)) this.query(expected, out);
  }

  query(ref: PeerRef, out: RingOut): void {
    const { self, pred } = this.#parts.state;
    out.send(ref.peer, { type: 'ring.predQuery', src: self, dead: pred.peer });
  }

  /** The awaited one did not come: the nearest of those who did. */
  onFixTimer(out: RingOut): void {
    const { state } = this.#parts;
    this.#isAwaiting = false;
    if (!state.isOnRing || !state.isPredSuspected) return;
    let nearest: PeerRef | null = null;
    for (const ref of [...this.#candidates.values(), ...state.predList.values()]) {
      if (state.isGone(ref)) continue;
      if (!nearest || inOpenOpen(ref.position, nearest.position, state.self.position)) {
        nearest = ref;
      }
    }
    if (nearest) return this.#adopt(nearest, out);
    this.#isAwaiting = true;
    out.setTimer('ring.predFix', this.#fixMs); // Somebody's stabilization will say.
  }

  /** The predecessor is there after all, or there is none: nobody is awaited any more. */
  settle(out: RingOut): void {
    this.#parts.state.isPredSuspected = false;
    this.#candidates.clear();
    this.#isAwaiting = false;
    out.clearTimer('ring.predFix');
  }

  forget(peer: PeerId): void {
    this.#candidates.delete(peer);
  }

  #expected(): PeerRef | null {
    const { state } = this.#parts;
    const next = state.chain.find(ref => ref.peer !== state.pred.peer && !state.isGone(ref));
    return next && !state.isSelf(next) ? next : null;
  }

  /** `src` would be predecessor. Only the one that comes next may take a lost one's place at once. */
  #consider(src: PeerRef, out: RingOut): void {
    const { state } = this.#parts;
    const expected = this.#expected();
    const isNext = !expected || expected.peer === src.peer;
    if (isNext || inOpenOpen(src.position, state.pred.position, state.self.position)) {
      return this.#adopt(src, out);
    }
    this.#candidates.set(src.peer, src);
  }

  #adopt(pred: PeerRef, out: RingOut): void {
    const { state, links } = this.#parts;
    const from = state.pred;
    state.pred = pred;
    state.predConfirmedMs = out.now;
    this.settle(out);
    if (from.peer === pred.peer && from.position === pred.position) return;
    state.chain = [pred];
    const isGained =
      !state.isSelf(from) && !inOpenOpen(pred.position, from.position, state.self.position);
    out.emit({ type: 'ring.predChanged', from, pred, isGained, leaver: null });
    // Our successor must know whom to ask when we go.
    if (!state.isAlone && links.isOpen(state.succ.peer)) {
      sendFix(this.#parts, state.succ, null, out);
    }
  }
}
