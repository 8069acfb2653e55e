import { inOpenOpen, type Id } from '../kernel/identifier.ts';
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
  RingFixOk,
  RingJoinOk,
  RingMessage,
  RingNewSucc,
  RingNewSuccAck,
  RingPredQuery,
  RingRouted,
  RingSuccessors,
  RingTerms,
} from './ring-message.ts';
import { RingState, SUCCESSOR_COUNT } from './ring-state.ts';

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

/** How long a peer that seemed gone is left out of what others say of it. */
const GONE_MS = 4_000;

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
  readonly #links: LinkTable;
  readonly #connector: Connector;
  readonly #config: RingConfig;
  readonly #joiner: Joiner;
  readonly #acceptor: Acceptor;
  readonly #leaver: Leaver;
  /** Peers that offered themselves as predecessor while the one that comes next is awaited. */
  readonly #candidates = new Map<PeerId, PeerRef>();
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
        return this.#onNewSucc(from, message, out);
      case 'ring.newSuccAck':
        return this.#onNewSuccAck(from, message, out);
      case 'ring.predNoMore':
        return void this.state.predList.delete(from);
      case 'ring.fix':
        return this.#onFix(from, message, out);
      case 'ring.fixOk':
        return this.#onFixOk(from, message, out);
      case 'ring.successors':
        return this.#onSuccessors(from, message, out);
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
        return this.#adoptCandidate(out);
      default:
        return out.count('ring.strangeTimer');
    }
  }

  onLinkUp(peer: PeerId, incarnation: number, out: RingOut): void {
    const known = this.#refOf(peer);
    // The peer came back: what we knew was its former run, which is gone for certain.
    if (known && known.incarnation < incarnation) this.#onGone(known, true, out);
    this.state.markAlive(peer);
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
    else this.state.markGone(peer, wanted.ref.incarnation, out.now + GONE_MS);
    if (wanted.intents.has('predQuery')) this.#askNextPred(out);
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
    this.state.markAlive(peer);
    const { state } = this;
    if (state.pred.peer === peer && state.isPredSuspected) {
      state.isPredSuspected = false; // Its range was never touched.
      this.#candidates.clear();
      out.clearTimer('ring.predFix');
    }
    // Whether it is our successor or predecessor it says, or is told, at the next stabilization.
  }

  #onJoinOk(from: PeerId, message: RingJoinOk, out: RingOut): void {
    const { state } = this;
    if (!this.#joiner.isAwaited(message, from)) return out.count('ring.strangeJoinOk');
    this.#joiner.stop(out);
    state.self = message.joined;
    state.terms = message.terms;
    state.standing = 'member';
    state.pred = message.pred;
    state.chain = [message.pred];
    this.#setSucc(message.succ, message.successors, out);
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

  #onNewSucc(from: PeerId, { src, successors }: RingNewSucc, out: RingOut): void {
    const { state } = this;
    if (!this.#speaksForItself(from, src, out)) return;
    if (inOpenOpen(src.position, state.self.position, state.succ.position)) {
      this.#switchSucc(src, successors, out);
    } else if (src.peer === state.succ.peer) {
      this.#setSucc(src, successors, out);
    } else {
      // Somebody closer has joined since.
      out.send(from, { type: 'ring.newSuccAck', isAccepted: false, succ: state.succ });
      return;
    }
    out.send(from, { type: 'ring.newSuccAck', isAccepted: true, succ: state.succ });
  }

  #onNewSuccAck(from: PeerId, message: RingNewSuccAck, out: RingOut): void {
    if (message.isAccepted) return;
    this.state.predList.delete(from);
    // It goes by somebody between us, who will say so itself: never taken from hearsay.
    const { succ } = message;
    if (!inOpenOpen(succ.position, this.state.pred.position, this.state.self.position)) return;
    if (!this.state.isSelf(succ)) this.#connector.want(succ, 'keep', [from], out);
  }

  /** `src` uses this peer as its successor. */
  #onFix(from: PeerId, { src, dead, chain }: RingFix, out: RingOut): void {
    const { state } = this;
    if (!this.#speaksForItself(from, src, out)) return;
    const { lastLeaver } = state;
    if (lastLeaver && isSamePeer(lastLeaver, src)) return; // Said before it heard that it may go.
    if (!state.isOnRing) return; // Whoever follows us has been told whom to follow instead.
    state.predList.set(src.peer, src);
    // The word of a peer that lost its successor counts when we cannot reach that one either.
    if (dead === state.pred.peer && dead !== src.peer && !this.#links.isOpen(dead)) {
      state.isPredSuspected = true;
    }
    if (src.peer === state.pred.peer) {
      this.#adopt(src, out);
    } else if (state.isPredSuspected || state.isSelf(state.pred)) {
      this.#considerPred(src, out);
    } else if (inOpenOpen(src.position, state.pred.position, state.self.position)) {
      this.#adopt(src, out);
    }
    if (state.pred.peer === src.peer) state.chain = [src, ...chain];
    const closer = state.closerThanSelf(src);
    out.send(from, { type: 'ring.fixOk', src: state.self, closer, successors: this.#list() });
    // A ring of one that hears from a second peer: each is the other's successor, too.
    if (state.isAlone) this.#switchSucc(src, [], out);
  }

  #onFixOk(from: PeerId, { src, closer, successors }: RingFixOk, out: RingOut): void {
    const { state } = this;
    if (!this.#speaksForItself(from, src, out)) return;
    if (from === state.succ.peer) {
      this.#mergeSuccessors(src, successors, out);
    } else if (inOpenOpen(src.position, state.self.position, state.succ.position)) {
      this.#switchSucc(src, successors, out);
    } else {
      out.send(from, { type: 'ring.predNoMore' }); // Somebody closer answered meanwhile.
      return;
    }
    if (closer && inOpenOpen(closer.position, state.self.position, state.succ.position)) {
      if (state.isGone(closer)) return; // It is, for us; when it shows up again it says so.
      if (this.#connector.want(closer, 'fix', [from], out)) this.#sendFix(closer, null, out);
    }
  }

  #onSuccessors(from: PeerId, message: RingSuccessors, out: RingOut): void {
    if (from !== this.state.succ.peer) return; // Of a former successor.
    this.#mergeSuccessors(message.src, message.successors, out, message.hopsLeft);
  }

  #onPredQuery(from: PeerId, { src, dead }: RingPredQuery, out: RingOut): void {
    const { state } = this;
    if (!this.#speaksForItself(from, src, out)) return;
    if (state.succ.peer === src.peer) return this.#sendFix(src, dead, out);
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
    this.#setSucc(succ, rest, out);
    if (this.#connector.want(succ, 'fix', [from], out)) this.#sendFix(succ, from, out);
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
          successors: this.#list(),
        });
      case 'fix':
        return this.#sendFix(ref, null, out);
      case 'predQuery':
        return out.send(ref.peer, {
          type: 'ring.predQuery',
          src: this.state.self,
          dead: this.state.pred.peer,
        });
      case 'keep':
        return;
      default:
        return unreachable(intent);
    }
  }

  #sendFix(to: PeerRef, dead: PeerId | null, out: RingOut): void {
    const { state } = this;
    out.send(to.peer, { type: 'ring.fix', src: state.self, dead, chain: state.chainToTell() });
  }

  /** The successor list as told to others: this peer's successors, bounded. */
  #list(): PeerRef[] {
    return this.state.successors.slice(0, SUCCESSOR_COUNT);
  }

  #switchSucc(succ: PeerRef, successors: readonly PeerRef[], out: RingOut): void {
    const old = this.state.succ;
    this.#setSucc(succ, [...successors, ...this.state.successors], out);
    if (!this.state.isSelf(old) && old.peer !== succ.peer) {
      out.send(old.peer, { type: 'ring.predNoMore' });
    }
  }

  #setSucc(succ: PeerRef, others: readonly PeerRef[], out: RingOut): void {
    const { state } = this;
    state.markAlive(succ.peer);
    const didChange = state.succ.peer !== succ.peer || state.succ.incarnation !== succ.incarnation;
    state.succ = succ;
    this.#mergeSuccessors(succ, others, out);
    if (didChange) out.emit({ type: 'ring.succChanged' });
  }

  /** Takes the successor's own list over, and tells those before us when that changed ours. */
  #mergeSuccessors(
    succ: PeerRef,
    others: readonly PeerRef[],
    out: RingOut,
    hopsLeft = SUCCESSOR_COUNT,
  ): void {
    const { state } = this;
    const successors = state.trimSuccessors([succ, ...others]);
    const isSame =
      successors.length === state.successors.length &&
      successors.every((ref, i) => {
        const known = state.successors[i];
        return known?.peer === ref.peer && known.incarnation === ref.incarnation;
      });
    state.successors = successors;
    if (isSame) return;
    // The next two stand ready: when the successor goes, there must be somebody to go on with.
    for (const ref of successors.slice(1, 3)) this.#connector.want(ref, 'keep', [succ.peer], out);
    if (hopsLeft === 0) return;
    for (const peer of state.predList.keys()) {
      out.send(peer, {
        type: 'ring.successors',
        src: state.self,
        successors: this.#list(),
        hopsLeft: hopsLeft - 1,
      });
    }
  }

  /** `lost` is gone: suspected, out of reach, or by its own word. */
  #onGone(lost: PeerRef, isCertain: boolean, out: RingOut): void {
    const { state } = this;
    state.markGone(lost.peer, lost.incarnation, isCertain ? Infinity : out.now + GONE_MS);
    state.predList.delete(lost.peer);
    this.#candidates.delete(lost.peer);
    if (!state.isOnRing) {
      state.successors = state.trimSuccessors(state.successors);
      return;
    }
    const wasSucc = state.succ.peer === lost.peer;
    const wasPred = state.pred.peer === lost.peer;
    if ((wasSucc || wasPred) && !isCertain) this.#hasUncertainLoss = true;
    if (wasPred) state.isPredSuspected = true;
    state.successors = state.trimSuccessors(state.successors);
    if (wasSucc) this.#replaceSucc(lost, out);
    // The successor may have been the predecessor too, and its replacement settled both.
    if (wasPred && state.isOnRing && state.isPredSuspected) this.#askNextPred(out);
  }

  #replaceSucc(lost: PeerRef, out: RingOut): void {
    const { state } = this;
    const linked = state.successors.find(ref => this.#links.isOpen(ref.peer));
    if (linked) {
      this.#setSucc(linked, state.successors, out);
      this.#sendFix(linked, lost.peer, out);
    }
    // Somebody nearer may be there without a link as yet; it becomes successor when it answers.
    const nearer = linked ? state.successors.indexOf(linked) : state.successors.length;
    for (const ref of state.successors.slice(0, Math.min(nearer, 2))) {
      this.#connector.want(ref, 'fix', this.#paths(), out);
    }
    if (linked || state.successors.length > 0) return;
    const pred = state.isPredSuspected || state.isSelf(state.pred) ? null : state.pred;
    const last = pred ?? [...state.predList.values()].find(ref => this.#links.isOpen(ref.peer));
    if (last && this.#links.isOpen(last.peer)) {
      this.#setSucc(last, [], out); // The other way round: two peers are left, as far as we know.
      return this.#sendFix(last, lost.peer, out);
    }
    this.#onNobodyLeft(out);
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
    state.isPredSuspected = false;
    state.successors = [];
    state.chain = [];
    state.predList.clear();
    this.#candidates.clear();
    this.#hasUncertainLoss = false;
    out.clearTimer('ring.predFix');
    if (!wasMember) return;
    const leaver = held ?? null;
    out.emit({ type: 'ring.predChanged', from, pred: state.self, isGained: true, leaver });
    out.emit({ type: 'ring.succChanged' });
  }

  /** Asks whoever should come before the lost predecessor; others must wait for its word. */
  #askNextPred(out: RingOut): void {
    const { state } = this;
    if (!state.isPredSuspected) return;
    out.setTimer('ring.predFix', this.#config.predFixMs);
    const expected = this.#expectedPred();
    if (!expected) return;
    if (this.#connector.want(expected, 'predQuery', this.#paths(), out)) {
      this.#carryOut('predQuery', expected, out);
    }
  }

  #expectedPred(): PeerRef | null {
    const { state } = this;
    const next = state.chain.find(ref => ref.peer !== state.pred.peer && !state.isGone(ref));
    return next && !state.isSelf(next) ? next : null;
  }

  /** `src` would be predecessor. Only the one that comes next may take a lost one's place at once. */
  #considerPred(src: PeerRef, out: RingOut): void {
    const expected = this.#expectedPred();
    const { state } = this;
    const isNext = !expected || expected.peer === src.peer;
    if (isNext || inOpenOpen(src.position, state.pred.position, state.self.position)) {
      return this.#adopt(src, out);
    }
    this.#candidates.set(src.peer, src);
  }

  /** The awaited one did not come: the nearest of those who did. */
  #adoptCandidate(out: RingOut): void {
    const { state } = this;
    if (!state.isOnRing || !state.isPredSuspected) return;
    let nearest: PeerRef | null = null;
    for (const ref of [...this.#candidates.values(), ...state.predList.values()]) {
      if (state.isGone(ref)) continue;
      if (!nearest || inOpenOpen(ref.position, nearest.position, state.self.position))
        nearest = ref;
    }
    if (nearest) return this.#adopt(nearest, out);
    out.setTimer('ring.predFix', this.#config.predFixMs); // Somebody's stabilization will say.
  }

  #adopt(pred: PeerRef, out: RingOut): void {
    const { state } = this;
    const from = state.pred;
    state.pred = pred;
    state.isPredSuspected = false;
    this.#candidates.clear();
    out.clearTimer('ring.predFix');
    if (from.peer === pred.peer && from.position === pred.position) return;
    state.chain = [pred];
    const isGained =
      !state.isSelf(from) && !inOpenOpen(pred.position, from.position, state.self.position);
    out.emit({ type: 'ring.predChanged', from, pred, isGained, leaver: null });
    // Our successor must know whom to ask when we go.
    if (!state.isAlone && this.#links.isOpen(state.succ.peer)) this.#sendFix(state.succ, null, out);
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
    if (this.#links.isOpen(state.succ.peer)) this.#sendFix(state.succ, null, out);
    else if (this.#connector.want(state.succ, 'fix', this.#paths(), out)) {
      this.#sendFix(state.succ, null, out);
    }
    for (const ref of state.successors.slice(1, 3)) {
      this.#connector.want(ref, 'keep', [state.succ.peer], out);
    }
    // A predecessor that never spoke to us may be gone without our noticing.
    if (!state.isSelf(state.pred) && !state.isPredSuspected) {
      this.#connector.want(state.pred, 'keep', this.#paths(), out);
    }
    if (state.isPredSuspected) this.#askNextPred(out);
  }

  /** Neighbours that may have a link to somebody we have none to. */
  #paths(): PeerId[] {
    const { successors, predList } = this.state;
    const peers = [...predList.keys(), ...successors.map(ref => ref.peer)];
    return peers.filter(peer => this.#links.isOpen(peer)).slice(0, 1);
  }

  #refOf(peer: PeerId): PeerRef | null {
    const { succ, pred, predList, successors } = this.state;
    if (succ.peer === peer) return succ;
    if (pred.peer === peer) return pred;
    return predList.get(peer) ?? successors.find(ref => ref.peer === peer) ?? null;
  }

  /** A message about its sender's own place must come over that sender's own link. */
  #speaksForItself(from: PeerId, src: PeerRef, out: RingOut): boolean {
    if (src.peer === from && src.incarnation === this.#links.incarnation(from)) return true;
    out.count('ring.strangeSource');
    return false;
  }
}
