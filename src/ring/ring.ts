import type { Id } from '../kernel/identifier.ts';
import {
  assert,
  isSamePeer,
  unreachable,
  type LinkOutbox,
  type PeerId,
  type PeerRef,
} from '../kernel/machine.ts';
import { Acceptor } from './acceptor.ts';
import { Connector, type Intent } from './connector.ts';
import { Joiner, type JoinerConfig, JOINER_CONFIG, type JoinRouter } from './joiner.ts';
import { Leaver } from './leaver.ts';
import type { LinkMessage } from './link-message.ts';
import type { LinkEvent, LinkTable } from './link-table.ts';
import type {
  RingFix,
  RingJoinOk,
  RingMessage,
  RingPredQuery,
  RingRouted,
  RingTerms,
} from './ring-message.ts';
import { Predecessors } from './predecessors.ts';
import {
  GONE_MS,
  pathThroughNeighbour,
  sendFix,
  speaksForItself,
  successorList,
  type RingParts,
} from './ring-parts.ts';
import { RingState } from './ring-state.ts';
import { Successors } from './successors.ts';

export type RingEvent =
  /** This peer has a place on a ring, or is one by itself. */
  | { readonly type: 'ring.joined' }
  | { readonly type: 'ring.joinFailed' }
  /**
   * The range begins somewhere else. It grew into what `from` held if `isGained`, else it shrank in
   * favour of `pred`. `from` is the former predecessor.
   */
  | {
      readonly type: 'ring.predChanged';
      readonly from: PeerRef;
      readonly pred: PeerRef;
      readonly isGained: boolean;
      /** The peer that held the range and hands it over, if it is there to do so. */
      readonly leaver: PeerRef | null;
    }
  | { readonly type: 'ring.succChanged' }
  /** Others are known to exist, and none can be reached. */
  | { readonly type: 'ring.isolated' }
  /** The range is another peer's now; data may still be on its way. */
  | { readonly type: 'ring.handedOver'; readonly to: PeerRef | null };

export type RingConfig = {
  /** How often a peer reminds its successor of itself, as a net for lost messages. */
  readonly stabilizeMs: number;
  /** How long a lost predecessor's own predecessor may take to say so, before others are heard. */
  readonly predFixMs: number;
  readonly joiner: JoinerConfig;
};

export const RING_CONFIG: RingConfig = {
  stabilizeMs: 1_000,
  predFixMs: 1_200,
  joiner: JOINER_CONFIG,
};

/** Rounds of stabilization in which a predecessor must have said once that it is one. */
const SILENT_ROUNDS = 6;

export type RingOut = LinkOutbox<RingMessage | LinkMessage, RingEvent | LinkEvent>;

/**
 * The relaxed ring: join in two steps of two peers, successor lists, repair and leave. (Mejías and
 * Van Roy, "The relaxed-ring", 2008; where it differs from Beernet is said at the handlers.)
 *
 * Assumes links that are reliable and in order while open, and an eventually perfect detector.
 * Invariants: 1. a peer claims only `(pred, self]`, and its own word is the only one on that;
 * 2. ranges shrink before the new owner hears of it, and grow only when the peer that comes next
 * says so itself; 3. whoever uses a peer as its successor is in that peer's `predList`, or the
 * message that puts it there is under way.
 */
export class Ring {
  readonly state: RingState;
  readonly #parts: RingParts;
  readonly #links: LinkTable;
  readonly #connector: Connector;
  readonly #successors: Successors;
  readonly #predecessors: Predecessors;
  readonly #config: RingConfig;
  readonly #joiner: Joiner;
  readonly #acceptor: Acceptor;
  readonly #leaver: Leaver;
  #deferred: { from: PeerId; message: RingMessage }[] = [];
  /** A successor or predecessor was lost without having said goodbye. */
  #hasUncertainLoss = false;

  constructor(
    self: PeerRef,
    links: LinkTable,
    router: JoinRouter,
    config: RingConfig = RING_CONFIG,
  ) {
    this.state = new RingState(self);
    this.#links = links;
    this.#connector = new Connector(links);
    this.#parts = { state: this.state, links, connector: this.#connector };
    this.#successors = new Successors(this.#parts);
    this.#predecessors = new Predecessors(this.#parts, config.predFixMs);
    this.#config = config;
    this.#joiner = new Joiner(this.state, links, router, config.joiner);
    this.#acceptor = new Acceptor(this.state, links, this.#connector, router);
    this.#leaver = new Leaver(this.state, links, router);
  }

  /** Founds a ring of one. */
  found(terms: RingTerms, out: RingOut): void {
    assert(this.state.standing === 'idle', 'a peer founds or joins once');
    this.state.terms = terms;
    this.#standAlone(out);
    out.emit({ type: 'ring.joined' });
    this.#startStabilizing(out);
  }

  /** Joins through the peers that links are open to. */
  join(wish: { position: Id | null }, out: RingOut): void {
    assert(this.state.standing === 'idle', 'a peer founds or joins once');
    this.state.standing = 'joining';
    this.#joiner.start(wish, out);
  }

  /** Nobody else is there, say those who would know: an isolated peer is a ring of one then. */
  actAlone(out: RingOut): void {
    if (this.state.standing !== 'isolated') return;
    this.#standAlone(out);
    out.emit({ type: 'ring.joined' });
  }

  leave(out: RingOut): void {
    this.#leaver.start(out);
  }

  /** Peers whose silence must be noticed soon. */
  nearPeers(): ReadonlySet<PeerId> {
    const { succ, pred, successors, predList, self } = this.state;
    const near = new Set<PeerId>([succ.peer, pred.peer, ...predList.keys()]);
    for (const ref of successors.slice(0, 3)) near.add(ref.peer);
    near.delete(self.peer);
    return near;
  }

  onMessage(from: PeerId, message: RingMessage, out: RingOut): void {
    const { standing } = this.state;
    if (standing === 'idle' && message.type === 'ring.joinOk') return this.#refusePlace(from, out);
    if (standing === 'idle' || standing === 'gone') return out.count('ring.notMember');
    if (standing === 'joining' && message.type !== 'ring.joinOk') {
      // It is about the place that this peer is about to get: kept, in order.
      if (this.#deferred.length < 64) this.#deferred.push({ from, message });
      else out.count('ring.deferredOverflow');
      return;
    }
    switch (message.type) {
      case 'ring.joinOk':
        return this.#onJoinOk(from, message, out);
      case 'ring.newSucc':
        return this.#successors.onNewSucc(from, message, out);
      case 'ring.newSuccAck':
        return this.#predecessors.onNewSuccAck(from, message, out);
      case 'ring.predNoMore':
        this.state.predList.delete(from);
        return this.#acceptor.onPredNoMore(from, out);
      case 'ring.fix':
        return this.#onFix(from, message, out);
      case 'ring.fixOk':
        return this.#successors.onFixOk(from, message, out);
      case 'ring.successors':
        return this.#successors.onSuccessors(from, message, out);
      case 'ring.predQuery':
        return this.#onPredQuery(from, message, out);
      case 'ring.succLeaving':
        return this.#onSuccLeaving(from, message.succ, out);
      default:
        return unreachable(message);
    }
  }

  /** A request that was routed to a position in this peer's range, or the answer to one of ours. */
  onRouted(message: RingRouted, trail: readonly PeerId[], out: RingOut): void {
    switch (message.type) {
      case 'ring.join':
        this.#onNewRun(message.peer, message.incarnation, out);
        return this.#acceptor.onJoin(message, trail, out);
      case 'ring.joinLater':
      case 'ring.positionTaken':
        return this.#joiner.onRefusal(message, out);
      case 'ring.leave':
        return this.#onLeave(message.src, message.pred, trail, out);
      case 'ring.leaveOk':
      case 'ring.leaveLater':
        return this.#leaver.onAnswer(message, out);
      default:
        return unreachable(message);
    }
  }

  onTimer(name: string, out: RingOut): void {
    switch (name) {
      case 'ring.join':
        return this.#joiner.onTimer(out);
      case 'ring.leave':
        return this.#leaver.onTimer(out);
      case 'ring.stabilize':
        return this.#stabilize(out);
      case 'ring.predFix':
        return this.#predecessors.onFixTimer(out);
      default:
        return out.count('ring.strangeTimer');
    }
  }

  /** The peer came back: what we knew was its former run, which is gone for certain. */
  #onNewRun(peer: PeerId, incarnation: number, out: RingOut): void {
    const held = this.#links.incarnation(peer);
    if (held !== null && held < incarnation) this.#links.hangUp(peer, out);
    const known = this.#refOf(peer);
    if (known && known.incarnation < incarnation) this.#onGone(known, true, out);
  }

  onLinkUp(peer: PeerId, incarnation: number, out: RingOut): void {
    this.#onNewRun(peer, incarnation, out);
    this.state.markAlive(peer, incarnation);
    this.#joiner.onLinkUp(out);
    const wanted = this.#connector.settle(peer);
    if (!wanted) return;
    for (const intent of wanted.intents) this.#carryOut(intent, wanted.ref, out);
  }

  onLinkFailed(peer: PeerId, out: RingOut): void {
    const wanted = this.#connector.settle(peer);
    if (!wanted) return;
    this.#acceptor.onLinkFailed(peer, out);
    const { succ, pred } = this.state;
    // Neither it nor a way to it: for this peer it is gone, until it says otherwise itself.
    if (succ.peer === peer || pred.peer === peer) this.#onGone(wanted.ref, false, out);
    else this.#onUnreachable(wanted.ref, out);
    if (wanted.intents.has('predQuery')) this.#predecessors.askNext(out);
  }

  /** Not a neighbour, but perhaps the one that was to take a lost successor's place. */
  #onUnreachable(ref: PeerRef, out: RingOut): void {
    const { state } = this;
    state.markGone(ref.peer, ref.incarnation, out.now + GONE_MS);
    state.successors = state.trimSuccessors(state.successors);
    if (state.isOnRing && !state.isAlone && state.isGone(state.succ)) {
      this.#onGone(state.succ, false, out);
    }
  }

  /** `isCertain` when the peer itself said that it goes. */
  onSuspect(peer: PeerId, isCertain: boolean, out: RingOut): void {
    const known = this.#refOf(peer);
    const incarnation = this.#links.incarnation(peer) ?? known?.incarnation ?? 0;
    this.#joiner.onLost(peer, out);
    if (known) this.#onGone(known, isCertain, out);
    else this.state.markGone(peer, incarnation, isCertain ? Infinity : out.now + GONE_MS);
  }

  /** The suspicion was a mistake. */
  onAlive(peer: PeerId, out: RingOut): void {
    const { state } = this;
    const incarnation = this.#links.incarnation(peer);
    if (incarnation === null) return; // Heard over a link that is gone again.
    state.markAlive(peer, incarnation);
    const isSameRun = state.pred.incarnation === incarnation;
    if (state.pred.peer === peer && isSameRun && state.isPredSuspected) {
      this.#predecessors.settle(out); // Its range was never touched.
    }
    // Whether it is our successor or predecessor it says, or is told, at the next stabilization.
  }

  #onJoinOk(from: PeerId, message: RingJoinOk, out: RingOut): void {
    const { state } = this;
    if (!this.#joiner.isAwaited(message, from)) {
      const isPlace = state.self.position === message.joined.position && state.succ.peer === from;
      return isPlace ? out.count('ring.strangeJoinOk') : this.#refusePlace(from, out);
    }
    this.#joiner.stop(out);
    state.self = message.joined;
    state.terms = message.terms;
    state.standing = 'member';
    state.pred = message.pred;
    state.predConfirmedMs = out.now;
    state.chain = [message.pred];
    this.#successors.set(message.succ, message.successors, out);
    out.emit({ type: 'ring.joined' });
    const { pred } = state;
    // In the predecessor list from this moment, not from its acknowledgement: another joiner may
    // come between before that, and messages must find their way back (RELAXED-RING, case C13).
    state.predList.set(pred.peer, pred);
    if (this.#connector.want(pred, 'newSucc', [from], out)) this.#carryOut('newSucc', pred, out);
    this.#startStabilizing(out);
    const deferred = this.#deferred;
    this.#deferred = [];
    for (const { from: sender, message: late } of deferred) this.onMessage(sender, late, out);
  }

  /** A place that this peer does not take, having another: it goes back to who gave it. */
  #refusePlace(from: PeerId, out: RingOut): void {
    out.count('ring.strangeJoinOk');
    out.send(from, { type: 'ring.predNoMore' });
  }

  #onFix(from: PeerId, message: RingFix, out: RingOut): void {
    this.#acceptor.onFix(from);
    this.#predecessors.onFix(from, message, out);
    // A ring of one that hears from a second peer: each is the other's successor, too.
    const isPred = this.state.pred.peer === from;
    if (this.state.isAlone && isPred) this.#successors.switchTo(message.src, [], out);
  }

  #onPredQuery(from: PeerId, { src, dead }: RingPredQuery, out: RingOut): void {
    const { state } = this;
    if (!speaksForItself(this.#parts, from, src, out)) return;
    if (state.succ.peer === src.peer) return sendFix(this.#parts, src, dead, out);
    if (state.succ.peer !== dead || this.#links.isOpen(dead)) return; // Our detector will tell.
    this.#onGone(state.succ, false, out);
  }

  /** Our successor hands its range to `succ` and goes. */
  #onSuccLeaving(from: PeerId, succ: PeerRef, out: RingOut): void {
    const { state } = this;
    state.predList.delete(from);
    const leaver = this.#refOf(from);
    if (leaver) state.markGone(from, leaver.incarnation, Infinity);
    if (state.succ.peer !== from) {
      state.successors = state.trimSuccessors(state.successors);
      return;
    }
    if (state.isSelf(succ)) return this.#standAlone(out);
    const rest = state.trimSuccessors([succ, ...state.successors]);
    this.#successors.set(succ, rest, out);
    if (this.#connector.want(succ, 'fix', [from], out)) sendFix(this.#parts, succ, from, out);
  }

  #onLeave(src: PeerRef, pred: PeerRef, trail: readonly PeerId[], out: RingOut): void {
    const { state } = this;
    const { lastLeaver } = state;
    if (lastLeaver && isSamePeer(lastLeaver, src)) return this.#leaver.accept(trail, out);
    const isReady = state.standing === 'member' && !state.isPredSuspected;
    if (!isReady || state.pred.peer !== src.peer) {
      return this.#leaver.refuse(trail, out); // Somebody else stands behind us: not ours to take.
    }
    this.#leaver.accept(trail, out);
    state.lastLeaver = src;
    state.predList.delete(src.peer);
    state.markGone(src.peer, src.incarnation, Infinity);
    state.successors = state.trimSuccessors(state.successors);
    const from = state.pred;
    state.pred = pred;
    state.predConfirmedMs = out.now;
    state.chain = state.chain.slice(1);
    if (state.isSelf(pred)) this.#standAlone(out, from);
    else this.#connector.want(pred, 'keep', [src.peer], out);
    if (!state.isAlone) {
      out.emit({ type: 'ring.predChanged', from, pred, isGained: true, leaver: src });
    }
  }

  #carryOut(intent: Intent, ref: PeerRef, out: RingOut): void {
    switch (intent) {
      case 'accept':
        return this.#acceptor.onLinkUp(ref.peer, out);
      case 'newSucc':
        return out.send(ref.peer, {
          type: 'ring.newSucc',
          src: this.state.self,
          successors: successorList(this.#parts),
        });
      case 'fix':
        return sendFix(this.#parts, ref, null, out);
      case 'predQuery':
        return this.#predecessors.query(ref, out);
      case 'keep':
        return;
      default:
        return unreachable(intent);
    }
  }

  /** `lost` is gone: suspected, out of reach, or by its own word. */
  #onGone(lost: PeerRef, isCertain: boolean, out: RingOut): void {
    const { state } = this;
    state.markGone(lost.peer, lost.incarnation, isCertain ? Infinity : out.now + GONE_MS);
    state.predList.delete(lost.peer);
    this.#predecessors.forget(lost.peer);
    if (!state.isOnRing) {
      state.successors = state.trimSuccessors(state.successors);
      return;
    }
    const wasSucc = state.succ.peer === lost.peer;
    const wasPred = state.pred.peer === lost.peer;
    if ((wasSucc || wasPred) && !isCertain) this.#hasUncertainLoss = true;
    if (wasPred) state.isPredSuspected = true;
    state.successors = state.trimSuccessors(state.successors);
    if (wasSucc && !this.#successors.replace(lost, out)) this.#onNobodyLeft(out);
    // The successor may have been the predecessor too, and its replacement settled both.
    if (wasPred && state.isOnRing && state.isPredSuspected) this.#predecessors.askNext(out);
  }

  #onNobodyLeft(out: RingOut): void {
    if (!this.#hasUncertainLoss) return this.#standAlone(out);
    this.state.standing = 'isolated';
    out.emit({ type: 'ring.isolated' });
  }

  /** A ring of one: the whole circle is this peer's. */
  #standAlone(out: RingOut, held?: PeerRef): void {
    const { state } = this;
    const from = held ?? state.pred;
    const wasMember = !state.isSelf(from) && state.standing !== 'idle';
    state.standing = 'member';
    state.pred = state.succ = state.self;
    state.successors = [];
    state.chain = [];
    state.predList.clear();
    this.#hasUncertainLoss = false;
    this.#predecessors.settle(out);
    if (!wasMember) return;
    const leaver = held ?? null;
    out.emit({ type: 'ring.predChanged', from, pred: state.self, isGained: true, leaver });
    out.emit({ type: 'ring.succChanged' });
  }

  #startStabilizing(out: RingOut): void {
    out.setTimer('ring.stabilize', this.#config.stabilizeMs);
  }

  #stabilize(out: RingOut): void {
    const { state } = this;
    // Spread out, so that a ring started at once does not beat in step.
    out.setTimer('ring.stabilize', this.#config.stabilizeMs * (0.75 + out.random() / 2));
    state.forgetGone(out.now);
    if (!state.isOnRing || state.isAlone) return;
    if (this.#links.isOpen(state.succ.peer)) sendFix(this.#parts, state.succ, null, out);
    else if (this.#connector.want(state.succ, 'fix', pathThroughNeighbour(this.#parts), out)) {
      sendFix(this.#parts, state.succ, null, out);
    }
    this.#successors.keepReady(out);
    // A predecessor that never spoke to us may be gone without our noticing.
    if (!state.isSelf(state.pred) && !state.isPredSuspected) {
      this.#connector.want(state.pred, 'keep', pathThroughNeighbour(this.#parts), out);
    }
    // One that is there and never says so stands somewhere else: it took another place than the
    // one that was given to it, or follows somebody else.
    const silentMs = out.now - state.predConfirmedMs;
    const isThere = !state.isSelf(state.pred) && this.#links.isOpen(state.pred.peer);
    if (isThere && silentMs > SILENT_ROUNDS * this.#config.stabilizeMs) {
      state.isPredSuspected = true;
      out.count('ring.silentPred');
    }
    if (state.isPredSuspected) this.#predecessors.askNext(out);
  }

  #refOf(peer: PeerId): PeerRef | null {
    const { succ, pred, predList, successors } = this.state;
    if (succ.peer === peer) return succ;
    if (pred.peer === peer) return pred;
    return predList.get(peer) ?? successors.find(ref => ref.peer === peer) ?? null;
  }
}
