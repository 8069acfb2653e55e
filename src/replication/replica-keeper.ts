import type { Id } from '../kernel/identifier.ts';
import type { Change, Outbox, PeerId, PeerRef } from '../kernel/machine.ts';
import type { Delivery, RequestOptions } from '../routing/router.ts';
import type { RingState } from '../ring/ring-state.ts';
import { itemBytes, ItemTable } from './item-table.ts';
import { Placement, type Cell, type CellRun } from './placement.ts';
import type {
  Item,
  ReplicaCompare,
  ReplicaMessage,
  ReplicaPull,
  ReplicaPullOk,
  ReplicaRead,
  ReplicaRequest,
  ReplicaRouted,
  ReplicaWrite,
} from './replica-message.ts';
import { Recovery } from './recovery.ts';
import { Repair } from './repair.ts';
import { Spares } from './spares.ts';

export type ReplicaEvent =
  /** Cells or items have changed. */
  | { readonly type: 'replica.changed' }
  /** Fewer copies than needed could be found: the last writes may be missing. */
  | { readonly type: 'replica.degraded'; readonly cellCount: number }
  /** Everything this peer held is at others now. */
  | { readonly type: 'replica.drained' };

export type ReplicaConfig = {
  /** A portion of a transfer: enough to fill a link, little enough not to hold others up. */
  readonly portionBytes: number;
  readonly portionItemsMax: number;
  /** How long a new owner waits for the old one's offer before it asks the other replicas. */
  readonly offerMs: number;
  readonly pullMs: number;
  /** A former owner keeps answering this long for a new one that never comes. */
  readonly handingMs: number;
  readonly recovery: {
    readonly roundMs: number;
    /** After this long, what can be found must do: see `replica.degraded`. */
    readonly degradeMs: number;
  };
  readonly repair: { readonly roundMs: number; readonly soonMs: number };
};

export const REPLICA_CONFIG: ReplicaConfig = {
  portionBytes: 256 * 1024,
  portionItemsMax: 1_024,
  offerMs: 1_500,
  pullMs: 6_000,
  handingMs: 30_000,
  recovery: { roundMs: 500, degradeMs: 5_000 },
  repair: { roundMs: 15_000, soonMs: 500 },
};

/** What the keeper needs of routing. */
export interface ReplicaRouter {
  request(
    key: Id,
    payload: ReplicaRequest,
    options: RequestOptions,
    onAnswer: (answer: ReplicaRouted | null) => void,
  ): void;
  answer(to: Omit<Delivery<ReplicaRouted>, 'key'>): void;
  handOn(to: PeerId, delivery: Delivery<ReplicaRouted>): boolean;
}

/**
 * `active`: holds all that was promised for the cell, and answers for it. `learning`: is the ring's
 * choice and has not got the data yet. `handing`: was active, and is until the ring's new choice has
 * pulled everything.
 */
export type CellState = 'active' | 'learning' | 'handing';

export type ReplicaOut = Outbox<ReplicaMessage, ReplicaEvent>;

/** A transfer from a former owner that is alive: run by run, each in portions. */
type Takeover = {
  readonly source: PeerId;
  readonly runs: CellRun[];
  /** The run for which the source no longer answers, or will not once it hears from us. */
  releasing: CellRun | null;
};

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
  readonly #router: ReplicaRouter;
  readonly #config: ReplicaConfig;
  readonly #cells = new Map<Cell, CellState>();
  readonly #takeovers = new Map<PeerId, Takeover>();
  /** To whom cells in state `handing` were offered. */
  readonly #offers = new Map<PeerId, { cells: Set<Cell>; untilMs: number }>();
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
    this.#router = router;
    this.#config = config;
    this.#recovery = new Recovery(this, router, config);
    this.#repair = new Repair(this, router, config);
    this.#spares = new Spares(this, ring, config);
  }

  state(cell: Cell): CellState | null {
    return this.#cells.get(cell) ?? null;
  }

  /** Whether any cell of this slot is here, in whatever state. */
  holdsSlot(slot: number): boolean {
    return this.placement.cellsOf(slot).some(cell => this.#cells.has(cell));
  }

  cellsIn(state: CellState): Cell[] {
    const cells: Cell[] = [];
    for (const [cell, own] of this.#cells) if (own === state) cells.push(cell);
    return cells;
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
    const { payload } = delivery;
    switch (payload.type) {
      case 'replica.read':
        return this.#onRead(payload, delivery, out);
      case 'replica.write':
        return this.#onWrite(payload, delivery, out);
      case 'replica.pull':
        return this.#onPull(payload, delivery, out);
      case 'replica.compare':
        return this.#onCompare(payload, delivery);
      default:
        return out.count('replica.strangeDelivery'); // An answer nobody asked for.
    }
  }

  onMessage(from: PeerId, message: ReplicaMessage, out: ReplicaOut): void {
    if (message.type === 'replica.spare') return this.#spares.onMessage(from, message);
    if (!this.#isRun(message.cells)) return out.count('replica.strangeCells');
    if (message.type === 'replica.offer') return this.#onOffer(from, message.cells, out);
    this.#onInstalled(from, message.cells, out);
  }

  /** A link to a peer is gone: what it was handing over must come from others. */
  onLost(peer: PeerId, out: ReplicaOut): void {
    const takeover = this.#takeovers.get(peer);
    this.#takeovers.delete(peer);
    if (takeover) this.#recover(this.#cellsOfRuns(takeover.runs), out);
    const offer = this.#offers.get(peer);
    this.#offers.delete(peer);
    // Whoever comes into its place is offered them anew, or finds the items as strays.
    for (const cell of offer?.cells ?? []) {
      if (this.#cells.get(cell) === 'handing') this.#cells.delete(cell);
    }
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
      if (this.#cells.get(cell) === 'learning') this.#cells.set(cell, 'active');
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
        const state = this.#cells.get(cell);
        if (state === 'handing') this.#takeBack(cell);
        if (state !== undefined) continue;
        this.#cells.set(cell, 'learning');
        gained.push(cell);
      }
    }
    const lost: Cell[] = [];
    for (const [cell, state] of [...this.#cells]) {
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

  /** The range came back before the new owner had taken the cell: it is as it was. */
  #takeBack(cell: Cell): void {
    this.#cells.set(cell, 'active');
    for (const offer of this.#offers.values()) offer.cells.delete(cell);
  }

  #learn(cells: readonly Cell[], mayBeOffered: boolean, out: ReplicaOut): void {
    if (!mayBeOffered) return this.#recover(cells, out);
    for (const cell of cells) this.#awaited.set(cell, out.now + this.#config.offerMs);
    out.setTimer('replica.await', this.#config.offerMs);
  }

  #recover(cells: Iterable<Cell>, out: ReplicaOut): void {
    this.#recovery.add(
      [...cells].filter(cell => this.#cells.get(cell) === 'learning'),
      out,
    );
  }

  #onAwaitTimer(out: ReplicaOut): void {
    const due: Cell[] = [];
    for (const [cell, untilMs] of this.#awaited) if (untilMs <= out.now) due.push(cell);
    for (const cell of due) this.#awaited.delete(cell);
    this.#recover(due, out);
    for (const [peer, offer] of [...this.#offers]) {
      if (offer.untilMs <= out.now) this.onLost(peer, out);
    }
    if (this.#awaited.size > 0 || this.#offers.size > 0) {
      out.setTimer('replica.await', this.#config.offerMs);
    }
  }

  #offer(to: PeerId, cells: readonly Cell[], out: ReplicaOut): void {
    if (cells.length === 0) return;
    const offer = this.#offers.get(to) ?? { cells: new Set<Cell>(), untilMs: 0 };
    offer.untilMs = out.now + this.#config.handingMs;
    this.#offers.set(to, offer);
    for (const cell of cells) {
      this.#cells.set(cell, 'handing');
      offer.cells.add(cell);
    }
    for (const run of this.placement.runs(cells)) {
      out.send(to, { type: 'replica.offer', cells: run });
    }
    out.setTimer('replica.await', this.#config.offerMs);
  }

  #onOffer(from: PeerId, run: CellRun, out: ReplicaOut): void {
    const cells: Cell[] = [];
    for (const cell of this.placement.each(run)) {
      const state = this.#cells.get(cell);
      // What is not ours by the ring is not taken: its owner will be offered it, or find it.
      if (state !== 'learning' && state !== 'active') continue;
      // Somebody stood in for us, and knows what we missed.
      this.#cells.set(cell, 'learning');
      this.#awaited.delete(cell);
      this.#recovery.remove(cell);
      cells.push(cell);
    }
    if (cells.length === 0) return out.count('replica.strangeOffer');
    const runs = this.placement.runs(cells);
    const known = this.#takeovers.get(from);
    if (known) return void known.runs.push(...runs);
    const takeover: Takeover = { source: from, runs, releasing: null };
    this.#takeovers.set(from, takeover);
    this.#pullRun(takeover, out);
  }

  /** Takes the next run over: the copy first, then, with the release, what changed meanwhile. */
  #pullRun(takeover: Takeover, out: ReplicaOut): void {
    const run = takeover.runs[0];
    takeover.releasing = null;
    if (run) this.#pull(takeover, run, 0, out);
    else this.#takeovers.delete(takeover.source);
  }

  #pull(takeover: Takeover, run: CellRun, since: number, out: ReplicaOut): void {
    const { source } = takeover;
    const isRelease = takeover.releasing === run;
    this.#router.request(
      this.placement.anchor(run.first),
      { type: 'replica.pull', cells: run, since, isRelease },
      { timeoutMs: this.#config.pullMs, only: source },
      answer => {
        if (this.#takeovers.get(source) !== takeover) return; // Lost, or begun anew.
        if (answer?.type !== 'replica.pullOk' || !isWhole(answer, run)) {
          this.#takeovers.delete(source);
          return this.#recover(this.#cellsOfRuns(takeover.runs), out);
        }
        this.apply(answer.items, out);
        if (!answer.isComplete) return this.#pull(takeover, run, answer.upTo, out);
        if (!isRelease) {
          takeover.releasing = run;
          return this.#pull(takeover, run, answer.upTo, out);
        }
        this.activate(this.placement.each(run), out);
        out.send(source, { type: 'replica.installed', cells: run });
        takeover.runs.shift();
        this.#pullRun(takeover, out);
      },
    );
  }

  #cellsOfRuns(runs: readonly CellRun[]): Cell[] {
    return runs.flatMap(run => [...this.placement.each(run)]);
  }

  #onInstalled(from: PeerId, run: CellRun, out: ReplicaOut): void {
    const offer = this.#offers.get(from);
    if (!offer) return; // Taken back, or told before.
    const slots = new Set<number>();
    for (const cell of this.placement.each(run)) {
      if (!offer.cells.delete(cell)) continue;
      if (this.#cells.get(cell) === 'handing') this.#cells.delete(cell);
      slots.add(this.placement.slotOfCell(cell));
    }
    if (offer.cells.size === 0) this.#offers.delete(from);
    const keys: string[] = [];
    for (const { item, slot } of this.items.changes(own => slots.has(own))) {
      if (!this.holdsSlot(slot)) keys.push(item.key);
    }
    this.drop(keys, out);
    out.emit({ type: 'replica.changed' });
    this.#checkDrained(out);
  }

  #checkDrained(out: ReplicaOut): void {
    if (this.#ring.standing !== 'handedOver' || this.#offers.size > 0) return;
    out.emit({ type: 'replica.drained' });
  }

  #onRead(read: ReplicaRead, delivery: Delivery<ReplicaRouted>, out: ReplicaOut): void {
    const state = this.#cells.get(read.cell);
    const isActive = state === 'active' || state === 'handing';
    if (!isActive && this.#handOnToSource(read.cell, delivery, out)) return;
    const item = isActive ? this.items.get(read.key) : null;
    this.#router.answer({
      trail: delivery.trail,
      request: delivery.request,
      payload: {
        type: 'replica.readOk',
        cell: read.cell,
        owner: this.#ring.self,
        state: isActive ? 'active' : 'learning',
        version: item?.version ?? null,
        value: read.wantsValue ? (item?.value ?? null) : null,
        hasValue: item !== null && item.value !== null,
      },
    });
  }

  #onWrite(write: ReplicaWrite, delivery: Delivery<ReplicaRouted>, out: ReplicaOut): void {
    const { cell, item } = write;
    const state = this.#cells.get(cell);
    // A cell that was released, or was never here, promises nothing: the writer asks again.
    if (state === undefined) return out.count('replica.notOwner');
    if (this.placement.slotOf(item.key) !== this.placement.slotOfCell(cell)) {
      return out.count('replica.strangeCells');
    }
    if (state === 'learning' && this.#handOnToSource(cell, delivery, out)) return;
    this.apply([item], out);
    this.#router.answer({
      trail: delivery.trail,
      request: delivery.request,
      payload: { type: 'replica.writeOk', cell },
    });
  }

  /** While a former owner is being copied from, it still is the one that answers. */
  #handOnToSource(cell: Cell, delivery: Delivery<ReplicaRouted>, out: ReplicaOut): boolean {
    for (const takeover of this.#takeovers.values()) {
      const run = takeover.runs.find(own => this.placement.includes(own, cell));
      if (!run || takeover.releasing === run) continue;
      out.count('replica.handedOn');
      return this.#router.handOn(takeover.source, delivery);
    }
    return false;
  }

  #onPull(pull: ReplicaPull, delivery: Delivery<ReplicaRouted>, out: ReplicaOut): void {
    const { trail, request } = delivery;
    if (!this.#isRun(pull.cells)) return out.count('replica.strangeCells');
    const { covered, state } = this.#covered(pull.cells);
    const payload = this.#portion(pull, covered, state);
    const puller = trail[0];
    const isLast = pull.isRelease && payload.isComplete;
    if (isLast && covered && puller !== undefined) this.#release(puller, covered);
    this.#router.answer({ trail, request, payload });
  }

  #portion(
    pull: ReplicaPull,
    covered: CellRun | null,
    state: 'active' | 'learning',
  ): ReplicaPullOk {
    const items: Item[] = [];
    let upTo = pull.since;
    let bytes = 0;
    let isComplete = true;
    const { portionBytes, portionItemsMax } = this.#config;
    if (covered && state === 'active') {
      const slots = this.#slots(covered);
      for (const { item, sequence } of this.items.changes(slot => slots.has(slot), pull.since)) {
        if (bytes >= portionBytes || items.length >= portionItemsMax) {
          isComplete = false;
          break;
        }
        items.push(item);
        bytes += itemBytes(item);
        upTo = sequence;
      }
    }
    return { type: 'replica.pullOk', covered, state, items, upTo, isComplete };
  }

  /** The beginning of a run that this peer answers for, all of it in one state. */
  #covered(run: CellRun): { covered: CellRun | null; state: 'active' | 'learning' } {
    const isActive = (cell: Cell): boolean | null => {
      const state = this.#cells.get(cell);
      return state === undefined ? null : state !== 'learning';
    };
    const first = isActive(run.first);
    if (first === null) return { covered: null, state: 'learning' };
    let last = run.first;
    for (const cell of this.placement.each(run)) {
      if (isActive(cell) !== first) break;
      last = cell;
    }
    return { covered: { first: run.first, last }, state: first ? 'active' : 'learning' };
  }

  /** From here on the new owner answers; the data stays until it has said so. */
  #release(puller: PeerId, run: CellRun): void {
    const offer = this.#offers.get(puller);
    for (const cell of this.placement.each(run)) {
      if (offer?.cells.has(cell) && this.#cells.get(cell) === 'handing') this.#cells.delete(cell);
    }
  }

  #onCompare(compare: ReplicaCompare, delivery: Delivery<ReplicaRouted>): void {
    const { covered, state } = this.#isRun(compare.cells)
      ? this.#covered(compare.cells)
      : { covered: null, state: 'learning' };
    const { trail, request } = delivery;
    const isUsable = covered !== null && state === 'active';
    const isWhole = isUsable && covered.last === compare.cells.last;
    const slots = isUsable ? this.#slots(covered) : new Set<number>();
    const isSame = isWhole && this.items.digest(slot => slots.has(slot)) === compare.digest;
    const versions = [];
    if (isWhole && !isSame) {
      for (const { item } of this.items.changes(slot => slots.has(slot))) {
        versions.push({ key: item.key, version: item.version });
        if (versions.length >= this.#config.portionItemsMax) break;
      }
    }
    this.#router.answer({
      trail,
      request,
      payload: {
        type: 'replica.compareOk',
        covered: isUsable ? covered : null,
        isSame,
        versions,
      },
    });
  }

  #slots(run: CellRun): Set<number> {
    const slots = new Set<number>();
    for (const cell of this.placement.each(run)) slots.add(this.placement.slotOfCell(cell));
    return slots;
  }

  #isRun(run: CellRun): boolean {
    return run.first < this.placement.cellCount && run.last < this.placement.cellCount;
  }
}

/** Whether a former owner still answers for all of the run. */
function isWhole(answer: ReplicaPullOk, run: CellRun): boolean {
  return answer.state === 'active' && answer.covered?.last === run.last;
}
