import { distance, inOpenOpen, SPACE, toId, type Id } from '../kernel/identifier.ts';
import { assert, type PeerId, type PeerRef } from '../kernel/machine.ts';
import type { Connector } from './connector.ts';
import type { JoinRouter } from './joiner.ts';
import type { LinkTable } from './link-table.ts';
import type { RingJoin, RingJoinOk } from './ring-message.ts';
import type { RingOut } from './ring.ts';
import { SUCCESSOR_COUNT, type RingState } from './ring-state.ts';

/** Joiners that a link is being made to, at a time. */
const PENDING_COUNT_MAX = 32;

/** What a joiner is told to wait while a neighbour is coming or going. */
const RETRY_MS = 300;

type Pending = { readonly join: RingJoin; readonly trail: readonly PeerId[] };

/**
 * The accepting side of step one, at the joiner's future successor: gives away the part of its
 * range up to the joiner, in one step, before the joiner hears of it. So that ranges never overlap,
 * everything is checked again when the link to the joiner is there.
 */
export class Acceptor {
  readonly #state: RingState;
  readonly #links: LinkTable;
  readonly #connector: Connector;
  readonly #router: JoinRouter;
  readonly #pending = new Map<PeerId, Pending>();
  /** The last answer, to be given again to a joiner that repeats its question. */
  #lastOk: { readonly to: PeerId; readonly message: RingJoinOk } | null = null;

  /** Whether that joiner has spoken as our predecessor since. */
  #isTaken = false;

  constructor(state: RingState, links: LinkTable, connector: Connector, router: JoinRouter) {
    this.#state = state;
    this.#links = links;
    this.#connector = connector;
    this.#router = router;
  }

  onJoin(join: RingJoin, trail: readonly PeerId[], out: RingOut): void {
    const { state } = this;
    if (join.peer === state.self.peer) return out.count('ring.joinOfSelf');
    if (!this.#isReady) return this.#refuse(join, trail, out);
    const known = state.pred.peer === join.peer ? state.pred : null;
    if (known?.incarnation === join.incarnation) return this.#repeat(join, trail, out);
    // An older run of the joiner may still stand here; its link's end will tell us.
    if (known) return this.#refuse(join, trail, out);
    if (!this.#links.isOpen(join.peer) && this.#pending.size >= PENDING_COUNT_MAX) {
      return this.#refuse(join, trail, out);
    }
    this.#pending.set(join.peer, { join, trail });
    const ref: PeerRef = { peer: join.peer, incarnation: join.incarnation, position: join.wish };
    const back = [...trail].reverse();
    if (this.#connector.want(ref, 'accept', back, out)) this.onLinkUp(join.peer, out);
  }

  onLinkUp(peer: PeerId, out: RingOut): void {
    const pending = this.#pending.get(peer);
    this.#pending.delete(peer);
    if (!pending) return;
    const { join, trail } = pending;
    const isSameRun = this.#links.incarnation(peer) === join.incarnation;
    // The world may have changed while the link was being made: check all of it again.
    if (!this.#isReady || !isSameRun || !this.state.isResponsible(join.wish)) {
      return this.#refuse(join, trail, out);
    }
    const position = this.#place(join);
    if (position !== null) return this.#accept(join, position, out);
    this.#router.answer(trail, { type: 'ring.positionTaken', nonce: join.nonce }, out);
  }

  /** The joiner uses its place. */
  onFix(peer: PeerId): void {
    if (this.#lastOk?.to === peer) this.#isTaken = true;
  }

  /** The joiner has got a place elsewhere: what it was given here is ours again. */
  onPredNoMore(peer: PeerId, out: RingOut): void {
    const { state } = this;
    const last = this.#lastOk;
    if (last?.to !== peer || this.#isTaken || state.pred.peer !== peer) return;
    this.#lastOk = null;
    const from = state.pred;
    const { pred } = last.message;
    state.chain = state.chain.slice(1);
    state.pred = pred;
    state.predConfirmedMs = out.now;
    if (!state.isSelf(pred) && state.isGone(pred)) state.isPredSuspected = true;
    out.count('ring.placeReturned');
    out.emit({ type: 'ring.predChanged', from, pred, isGained: true, leaver: null });
  }

  onLinkFailed(peer: PeerId, out: RingOut): void {
    const pending = this.#pending.get(peer);
    this.#pending.delete(peer);
    if (pending) this.#refuse(pending.join, pending.trail, out);
  }

  get state(): RingState {
    return this.#state;
  }

  get #isReady(): boolean {
    return this.#state.standing === 'member' && !this.#state.isPredSuspected;
  }

  #accept(join: RingJoin, position: Id, out: RingOut): void {
    const { state } = this;
    const { pred: from, terms } = state;
    assert(terms, 'a member knows the terms of its ring');
    const joined: PeerRef = { peer: join.peer, incarnation: join.incarnation, position };
    state.markAlive(join.peer, join.incarnation);
    state.pred = joined;
    state.predConfirmedMs = out.now;
    state.chain = [joined, ...(state.isSelf(from) ? [] : state.chain)];
    state.predList.set(joined.peer, joined); // The old one stays until it says `predNoMore`.
    const message: RingJoinOk = {
      type: 'ring.joinOk',
      nonce: join.nonce,
      joined,
      pred: from,
      succ: state.self,
      successors: state.successors.slice(0, SUCCESSOR_COUNT),
      terms,
    };
    this.#lastOk = { to: join.peer, message };
    this.#isTaken = false;
    out.send(join.peer, message);
    out.emit({ type: 'ring.predChanged', from, pred: joined, isGained: false, leaver: null });
  }

  /** The same question again: the same answer, or, for a new attempt, the same place. */
  #repeat(join: RingJoin, trail: readonly PeerId[], out: RingOut): void {
    const last = this.#lastOk;
    if (last?.to !== join.peer || !this.#links.isOpen(join.peer)) {
      return this.#refuse(join, trail, out);
    }
    out.send(join.peer, { ...last.message, nonce: join.nonce });
  }

  /** The joiner's own position if it has one and it is free; else the middle of our range. */
  #place(join: RingJoin): Id | null {
    const { pred, self, terms } = this.#state;
    assert(terms, 'a member knows the terms of its ring');
    const width = distance(pred.position, self.position) || SPACE;
    const place = join.isFixed ? join.wish : middle(pred.position, width, terms, join.nonce);
    return inOpenOpen(place, pred.position, self.position) ? place : null;
  }

  #refuse(join: RingJoin, trail: readonly PeerId[], out: RingOut): void {
    const { nonce } = join;
    this.#router.answer(trail, { type: 'ring.joinLater', nonce, retryMs: RETRY_MS }, out);
  }
}

/**
 * The middle of `(from, from + width]`, snapped to the edge of a cell so that halves hold equally
 * many cells, plus some of a cell's width: a bare middle is often just where a peer that is away
 * stood.
 */
function middle(
  from: Id,
  width: number,
  terms: { readonly degree: number; readonly slotCount: number },
  salt: number,
): Id {
  const cellWidth = SPACE / terms.degree / terms.slotCount;
  const bare = from + Math.floor(width / 2);
  if (width < 4 * cellWidth) return toId(bare);
  const edge = Math.round(bare / cellWidth) * cellWidth;
  // Before the edge's own cell ends, at its anchor, the cell does not change hands.
  return toId(edge + (salt % (cellWidth - 1)));
}
