import type { Change, PeerId, PeerRef } from '../kernel/machine.ts';
import type { Delivery } from '../routing/router.ts';
import type { RingState } from '../ring/ring-state.ts';
import { CellTable } from './cell-table.ts';
import { ItemTable } from './item-table.ts';
import { Offers } from './offers.ts';
import { Placement, type Cell, type CellRun } from './placement.ts';
import { Recovery } from './recovery.ts';
import { Repair } from './repair.ts';
import {
  REPLICA_CONFIG,
  type CellState,
  type ReplicaConfig,
  type ReplicaOut,
  type ReplicaRouter,
} from './replica-contract.ts';
import type { Item, ReplicaMessage, ReplicaRouted } from './replica-message.ts';
import { ReplicaServer } from './replica-server.ts';
import { Spares } from './spares.ts';
import { Takeovers } from './takeovers.ts';

/**
 * The replicas that a peer holds: answers for its cells, takes them over and hands them on as the
 * ring's ranges move. First version, without views: a new owner is filled from the old one if that
 * is alive, else from as many other replicas as every majority must meet.
 *
 * Invariants: 1. a cell that is learning never answers a read; 2. a former owner drops nothing
 * before the new one has said that it is durable there; 3. an item is never replaced by an older.
 */
export class ReplicaKeeper {
  readonly placement: Placement;
  readonly items: ItemTable;
  readonly #ring: RingState;
  readonly #config: ReplicaConfig;
  readonly #cells: CellTable;
  readonly #takeovers: Takeovers;
  readonly #offers: Offers;
  readonly #server: ReplicaServer;
  /** Learning cells whose old owner may yet offer them, and until when. */
  readonly #awaited = new Map<Cell, number>();
  readonly #recovery: Recovery;
  readonly #repair: Repair;
  readonly #spares: Spares;

  constructor(
    ring: RingState,
    router: ReplicaRouter,
    items: readonly Item[],
    config: ReplicaConfig = REPLICA_CONFIG,
  ) {
    const { terms } = ring;
    if (!terms) throw new Error('invariant broken: a peer with a place knows the terms');
    this.placement = new Placement(terms);
    this.items = new ItemTable(this.placement);
    for (const item of items) this.items.put(item);
    this.#ring = ring;
    this.#config = config;
    const cells = new CellTable(this.placement);
    const takeovers = new Takeovers(this, cells, router, config);
    const offers = new Offers(cells, this.placement, config);
    this.#cells = cells;
    this.#takeovers = takeovers;
    this.#offers = offers;
    this.#server = new ReplicaServer({
      keeper: this,
      ring,
      cells,
      takeovers,
      offers,
      router,
      config,
    });
    this.#recovery = new Recovery(this, router, config);
    this.#repair = new Repair(this, router, config);
    this.#spares = new Spares(this, ring, config);
  }

  /** Null for a cell that is not here. */
  state(cell: Cell): CellState | null {
    return this.#cells.state(cell);
  }

  /** Whether any cell of this slot is here, in whatever state. */
  holdsSlot(slot: number): boolean {
    return this.#cells.holdsSlot(slot);
  }

  cellsIn(state: CellState): Cell[] {
    return this.#cells.in(state);
  }

  /** The founder has all cells, with whatever its store held. */
  found(out: ReplicaOut): void {
    for (let cell = 0; cell < this.placement.cellCount; cell++) this.#cells.set(cell, 'active');
    this.#start(out);
  }

  /** The peer has a place: its cells are another's until now, who is alive and will offer them. */
  joined(out: ReplicaOut): void {
    this.#followRing(true, null, out);
    this.#start(out);
  }

  /** The range begins elsewhere now. */
  onRangeChanged(
    change: { readonly from: PeerRef; readonly pred: PeerRef; readonly leaver: PeerRef | null },
    out: ReplicaOut,
  ): void {
    const spared = change.leaver === null ? this.#spares.take(change.from.peer, out) : [];
    this.#followRing(change.leaver !== null, change.pred, out, spared);
  }

  /** Somebody else follows this peer now. */
  onSuccChanged(out: ReplicaOut): void {
    this.#spares.restart(out);
  }

  /** The peer has left its range to `to`, or to nobody: it offers all that it has. */
  handOverAll(to: PeerRef | null, out: ReplicaOut): void {
    for (const cell of this.cellsIn('learning')) this.#cells.delete(cell);
    if (to) this.#offer(to.peer, this.cellsIn('active'), out);
    this.#checkDrained(out);
  }

  onDelivery(delivery: Delivery<ReplicaRouted>, out: ReplicaOut): void {
    this.#server.onDelivery(delivery, out);
  }

  onMessage(from: PeerId, message: ReplicaMessage, out: ReplicaOut): void {
    if (message.type === 'replica.spare') return this.#spares.onMessage(from, message);
    if (!this.placement.isRun(message.cells)) return out.count('replica.strangeCells');
    if (message.type === 'replica.offer') return this.#onOffer(from, message.cells, out);
    this.#onInstalled(from, message.cells, out);
  }

  /** A peer is gone: what it was giving must come from others, what it was to take stays. */
  onLost(peer: PeerId, out: ReplicaOut): void {
    this.#takeovers.onLost(peer, out);
    this.#offers.onLost(peer);
    this.#checkDrained(out);
  }

  onTimer(name: string, out: ReplicaOut): void {
    switch (name) {
      case 'replica.await':
        return this.#onAwaitTimer(out);
      case 'replica.recover':
        return this.#recovery.onTimer(out);
      case 'replica.spare':
        return this.#spares.onTimer(out);
      case 'replica.repair':
        return this.#repair.onTimer(out);
      default:
        return out.count('replica.strangeTimer');
    }
  }

  /** Keeps what is newer than here, durably. */
  apply(items: readonly Item[], out: ReplicaOut): void {
    const changes: Change[] = [];
    for (const item of items) {
      if (!this.items.put(item)) continue;
      changes.push({ table: 'items', key: item.key, value: item });
    }
    if (changes.length === 0) return;
    out.persist(changes, 'strict');
    this.#spares.soon(out);
    out.emit({ type: 'replica.changed' });
  }

  /** Drops items that are safe elsewhere. */
  drop(keys: readonly string[], out: ReplicaOut): void {
    const changes: Change[] = [];
    for (const key of keys) {
      if (this.items.remove(key)) changes.push({ table: 'items', key, value: undefined });
    }
    if (changes.length > 0) out.persist(changes, 'relaxed');
  }

  /** The cells have all that was promised for them. Those that are not learning are left alone. */
  activate(cells: Iterable<Cell>, out: ReplicaOut): void {
    for (const cell of cells) {
      if (this.#cells.state(cell) === 'learning') this.#cells.set(cell, 'active');
    }
    out.emit({ type: 'replica.changed' });
    this.#repair.soon(out);
    this.#spares.restart(out);
  }

  #start(out: ReplicaOut): void {
    this.#repair.soon(out);
    out.emit({ type: 'replica.changed' });
  }

  /** Compares the cells with the range: new ones are learned, lost ones handed to `gainer`. */
  #followRing(
    mayBeOffered: boolean,
    gainer: PeerRef | null,
    out: ReplicaOut,
    spared: readonly CellRun[] = [],
  ): void {
    const { self, pred } = this.#ring;
    const run = this.placement.cellsIn(pred.position, self.position);
    const gained: Cell[] = [];
    if (run) {
      for (const cell of this.placement.each(run)) {
        const state = this.#cells.state(cell);
        if (state === 'handing') this.#offers.takeBack(cell);
        if (state !== null) continue;
        this.#cells.set(cell, 'learning');
        gained.push(cell);
      }
    }
    const lost: Cell[] = [];
    for (const [cell, state] of this.#cells.entries()) {
      if (state === 'handing' || (run && this.placement.includes(run, cell))) continue;
      if (state === 'active') lost.push(cell);
      else this.#cells.delete(cell);
    }
    if (gainer) this.#offer(gainer.peer, lost, out);
    const isSpared = (cell: Cell) => spared.some(cells => this.placement.includes(cells, cell));
    const whole = gained.filter(isSpared); // The former owner's spare copy was all it had of them.
    if (whole.length > 0) this.activate(whole, out);
    const rest = gained.filter(cell => !isSpared(cell));
    if (rest.length > 0) this.#learn(rest, mayBeOffered, out);
    this.#spares.restart(out);
    out.emit({ type: 'replica.changed' });
  }

  #learn(cells: readonly Cell[], mayBeOffered: boolean, out: ReplicaOut): void {
    if (!mayBeOffered) return this.recover(cells, out);
    for (const cell of cells) this.#awaited.set(cell, out.now + this.#config.offerMs);
    out.setTimer('replica.await', this.#config.offerMs);
  }

  /** Fills cells whose former owner cannot be asked from the other replicas. */
  recover(cells: readonly Cell[], out: ReplicaOut): void {
    this.#recovery.add(cells, out);
  }

  #onAwaitTimer(out: ReplicaOut): void {
    const due: Cell[] = [];
    for (const [cell, untilMs] of this.#awaited) if (untilMs <= out.now) due.push(cell);
    for (const cell of due) this.#awaited.delete(cell);
    const learning = due.filter(cell => this.#cells.state(cell) === 'learning');
    this.recover(learning, out);
    this.#offers.expire(out.now);
    this.#checkDrained(out);
    if (this.#awaited.size > 0 || !this.#offers.isEmpty) {
      out.setTimer('replica.await', this.#config.offerMs);
    }
  }

  #offer(to: PeerId, cells: readonly Cell[], out: ReplicaOut): void {
    this.#offers.make(to, cells, out);
    if (!this.#offers.isEmpty) out.setTimer('replica.await', this.#config.offerMs);
  }

  #onOffer(from: PeerId, run: CellRun, out: ReplicaOut): void {
    const cells: Cell[] = [];
    for (const cell of this.placement.each(run)) {
      const state = this.#cells.state(cell);
      // What is not ours by the ring is not taken: its owner will be offered it, or find it.
      if (state !== 'learning' && state !== 'active') continue;
      // Somebody stood in for us, and knows what we missed.
      const hadPromised = state === 'active' || this.#cells.hasPromised(cell);
      this.#cells.set(cell, 'learning');
      if (hadPromised) this.#cells.promise(cell);
      this.#awaited.delete(cell);
      this.#recovery.remove(cell);
      cells.push(cell);
    }
    if (cells.length === 0) return out.count('replica.strangeOffer');
    this.#takeovers.begin(from, cells, out);
  }

  #onInstalled(from: PeerId, run: CellRun, out: ReplicaOut): void {
    const slots = this.#offers.settle(from, run);
    const keys: string[] = [];
    for (const { item, slot } of this.items.changes(own => slots.has(own))) {
      if (!this.holdsSlot(slot)) keys.push(item.key);
    }
    this.drop(keys, out);
    out.emit({ type: 'replica.changed' });
    this.#checkDrained(out);
  }

  #checkDrained(out: ReplicaOut): void {
    if (this.#ring.standing !== 'handedOver' || !this.#offers.isEmpty) return;
    out.emit({ type: 'replica.drained' });
  }
}
