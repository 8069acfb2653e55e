import { inOpenOpen } from '../kernel/identifier.ts';
import type { PeerId, PeerRef } from '../kernel/machine.ts';
import type { RingFixOk, RingNewSucc, RingSuccessors } from './ring-message.ts';
import {
  pathThroughNeighbour,
  sendFix,
  speaksForItself,
  successorList,
  type RingParts,
} from './ring-parts.ts';
import type { RingOut } from './ring.ts';
import { SUCCESSOR_COUNT } from './ring-state.ts';

/** Besides the successor itself: when it goes, there must be somebody to go on with. */
const READY_COUNT = 2;

/**
 * Whom this peer follows. The successor changes to a closer one only when that one has said that it
 * is there (`ring.newSucc`, `ring.fixOk`); when it is gone, to the next that a link is open to.
 */
export class Successors {
  readonly #parts: RingParts;

  constructor(parts: RingParts) {
    this.#parts = parts;
  }

  onNewSucc(from: PeerId, { src, successors }: RingNewSucc, out: RingOut): void {
    const { state } = this.#parts;
    if (!speaksForItself(this.#parts, from, src, out)) return;
    if (inOpenOpen(src.position, state.self.position, state.succ.position)) {
      this.switchTo(src, successors, out);
    } else if (src.peer === state.succ.peer) {
      this.set(src, successors, out);
    } else {
      // Somebody closer has joined since.
      out.send(from, { type: 'ring.newSuccAck', isAccepted: false, succ: state.succ });
      return;
    }
    out.send(from, { type: 'ring.newSuccAck', isAccepted: true, succ: state.succ });
  }

  onFixOk(from: PeerId, { src, closer, successors }: RingFixOk, out: RingOut): void {
    const { state, connector } = this.#parts;
    if (!speaksForItself(this.#parts, from, src, out)) return;
    if (from === state.succ.peer) {
      this.#merge(src, successors, SUCCESSOR_COUNT, out);
    } else if (inOpenOpen(src.position, state.self.position, state.succ.position)) {
      this.switchTo(src, successors, out);
    } else {
      out.send(from, { type: 'ring.predNoMore' }); // Somebody closer answered meanwhile.
      return;
    }
    if (!closer || !inOpenOpen(closer.position, state.self.position, state.succ.position)) return;
    if (state.isGone(closer)) return; // It is, for us; when it shows up again it says so.
    if (connector.want(closer, 'fix', [from], out)) sendFix(this.#parts, closer, null, out);
  }

  onSuccessors(from: PeerId, message: RingSuccessors, out: RingOut): void {
    if (from !== this.#parts.state.succ.peer) return; // Of a former successor.
    this.#merge(message.src, message.successors, message.hopsLeft, out);
  }

  /** Takes a closer successor, and tells the old one. */
  switchTo(succ: PeerRef, successors: readonly PeerRef[], out: RingOut): void {
    const { state } = this.#parts;
    const old = state.succ;
    this.set(succ, [...successors, ...state.successors], out);
    if (!state.isSelf(old) && old.peer !== succ.peer) {
      out.send(old.peer, { type: 'ring.predNoMore' });
    }
  }

  set(succ: PeerRef, others: readonly PeerRef[], out: RingOut): void {
    const { state } = this.#parts;
    state.markAlive(succ.peer, succ.incarnation);
    const didChange = state.succ.peer !== succ.peer || state.succ.incarnation !== succ.incarnation;
    state.succ = succ;
    this.#merge(succ, others, SUCCESSOR_COUNT, out);
    if (didChange) out.emit({ type: 'ring.succChanged' });
  }

  /** The successor is gone. False when nobody is left that could take its place. */
  replace(lost: PeerRef, out: RingOut): boolean {
    const { state, links, connector } = this.#parts;
    const linked = state.successors.find(ref => links.isOpen(ref.peer));
    if (linked) {
      this.set(linked, state.successors, out);
      sendFix(this.#parts, linked, lost.peer, out);
    }
    // Somebody nearer may be there without a link as yet; it becomes successor when it answers.
    const nearer = linked ? state.successors.indexOf(linked) : state.successors.length;
    const path = pathThroughNeighbour(this.#parts);
    for (const ref of state.successors.slice(0, Math.min(nearer, 2))) {
      connector.want(ref, 'fix', path, out);
    }
    if (linked || state.successors.length > 0) return true;
    const pred = state.isPredSuspected || state.isSelf(state.pred) ? null : state.pred;
    const last = pred ?? [...state.predList.values()].find(ref => links.isOpen(ref.peer));
    if (!last || !links.isOpen(last.peer)) return false;
    this.set(last, [], out); // The other way round: two peers are left, as far as we know.
    sendFix(this.#parts, last, lost.peer, out);
    return true;
  }

  /** Sees to links with the next successors, in case the first goes. */
  keepReady(out: RingOut): void {
    const { state, connector } = this.#parts;
    for (const ref of state.successors.slice(1, 1 + READY_COUNT)) {
      connector.want(ref, 'keep', [state.succ.peer], out);
    }
  }

  /** Takes the successor's own list over, and tells those before us when that changed ours. */
  #merge(succ: PeerRef, others: readonly PeerRef[], hopsLeft: number, out: RingOut): void {
    const { state } = this.#parts;
    const successors = state.trimSuccessors([succ, ...others]);
    const isSame =
      successors.length === state.successors.length &&
      successors.every((ref, i) => {
        const known = state.successors[i];
        return known?.peer === ref.peer && known.incarnation === ref.incarnation;
      });
    state.successors = successors;
    if (isSame) return;
    this.keepReady(out);
    if (hopsLeft === 0) return;
    for (const peer of state.predList.keys()) {
      out.send(peer, {
        type: 'ring.successors',
        src: state.self,
        successors: successorList(this.#parts),
        hopsLeft: hopsLeft - 1,
      });
    }
  }
}
