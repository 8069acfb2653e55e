import type { PeerId } from '../kernel/machine.ts';
import type { RingState } from '../ring/ring-state.ts';
import { itemBytes } from './item-table.ts';
import type { CellRun } from './placement.ts';
import type { ReplicaConfig, ReplicaOut } from './replica-contract.ts';
import type { ReplicaKeeper } from './replica-keeper.ts';
import type { Item, ReplicaSpare } from './replica-message.ts';

/** Changes that come close together go in one message. */
const SEND_MS = 20;

/** Peers whose spares are kept: a peer is the successor of one, and of a few while the ring moves. */
const SOURCE_COUNT_MAX = 4;

/** Runs of cells named in one message; the ring's ranges make two or three. */
const CELL_RUNS_MAX = 64;

type Kept = { readonly items: Map<string, Item>; cells: readonly CellRun[] };

/**
 * With few peers one of them may own so many cells of a slot that the others, should it go, could
 * not restore them: fewer than meet every majority would be left. Such a peer gives its successor,
 * who would take its cells over, a spare copy. (Successor-list replication, as in CFS, on top of
 * the symmetric one; the copies answer nothing, and are kept in memory only.)
 */
export class Spares {
  readonly #keeper: ReplicaKeeper;
  readonly #ring: RingState;
  readonly #config: ReplicaConfig;
  readonly #kept = new Map<PeerId, Kept>();
  #receiver: PeerId | null = null;
  #sentUpTo = 0;
  #isBegun = false;

  constructor(keeper: ReplicaKeeper, ring: RingState, config: ReplicaConfig) {
    this.#keeper = keeper;
    this.#ring = ring;
    this.#config = config;
  }

  /** Items have changed. */
  soon(out: ReplicaOut): void {
    if (!this.#ring.isAlone) out.setTimer('replica.spare', SEND_MS);
  }

  /** Cells or neighbours have changed: what the successor has may not be what it should have. */
  restart(out: ReplicaOut): void {
    this.#receiver = null;
    this.soon(out);
  }

  onTimer(out: ReplicaOut): void {
    const { succ, isAlone, standing } = this.#ring;
    if (isAlone || standing !== 'member') return;
    if (this.#receiver !== succ.peer) {
      this.#receiver = succ.peer;
      this.#sentUpTo = 0;
      this.#isBegun = false;
    }
    const slots = this.#slotsAtRisk();
    // A successor that was never told anything need not be told that there is nothing.
    if (slots.size === 0 && !this.#isBegun) return;
    const { portionBytes, portionItemsMax } = this.#config;
    const items: Item[] = [];
    let bytes = 0;
    let isComplete = true;
    for (const { item, sequence } of this.#keeper.items.changes(
      slot => slots.has(slot),
      this.#sentUpTo,
    )) {
      if (bytes >= portionBytes || items.length >= portionItemsMax) {
        isComplete = false;
        break;
      }
      items.push(item);
      bytes += itemBytes(item);
      this.#sentUpTo = sequence;
    }
    const isFirst = !this.#isBegun;
    this.#isBegun = true;
    const cells = this.#cellsOf(slots).slice(0, CELL_RUNS_MAX);
    out.send(succ.peer, { type: 'replica.spare', isFirst, isComplete, cells, items });
    if (!isComplete) out.setTimer('replica.spare', SEND_MS);
  }

  onMessage(from: PeerId, { isFirst, isComplete, cells, items }: ReplicaSpare): void {
    const kept = isFirst ? null : this.#kept.get(from);
    const next: Kept = kept ?? { items: new Map(), cells: [] };
    this.#kept.delete(from);
    this.#kept.set(from, next);
    for (const item of items) next.items.set(item.key, item);
    next.cells = isComplete ? cells : [];
    if (this.#kept.size <= SOURCE_COUNT_MAX) return;
    const oldest = this.#kept.keys().next().value;
    if (oldest !== undefined) this.#kept.delete(oldest);
  }

  /** Takes in what a peer that is gone had left here: the cells of which that was all. */
  take(from: PeerId, out: ReplicaOut): readonly CellRun[] {
    const kept = this.#kept.get(from);
    this.#kept.delete(from);
    if (!kept) return [];
    this.#keeper.apply([...kept.items.values()], out);
    return kept.cells;
  }

  #cellsOf(slots: ReadonlySet<number>): CellRun[] {
    const { placement } = this.#keeper;
    const active = this.#keeper.cellsIn('active');
    return placement.runs(active.filter(cell => slots.has(placement.slotOfCell(cell))));
  }

  /** Slots of which so many cells are here that the rest could not restore them. */
  #slotsAtRisk(): Set<number> {
    const { placement } = this.#keeper;
    const counts = new Map<number, number>();
    for (const cell of this.#keeper.cellsIn('active')) {
      const slot = placement.slotOfCell(cell);
      counts.set(slot, (counts.get(slot) ?? 0) + 1);
    }
    const atRisk = new Set<number>();
    for (const [slot, count] of counts) {
      if (placement.degree - count < placement.recoveryQuorum) atRisk.add(slot);
    }
    return atRisk;
  }
}
