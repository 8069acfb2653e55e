import type { PeerId } from '../kernel/machine.ts';
import type { CellTable } from './cell-table.ts';
import type { Cell, CellRun, Placement } from './placement.ts';
import type { ReplicaConfig, ReplicaOut } from './replica-contract.ts';

type Offer = { readonly cells: Set<Cell>; untilMs: number };

/**
 * The giving side of a hand-over: cells that the ring has given to another peer, and that this one
 * answers for until the other has pulled them, or for a while if it never does.
 */
export class Offers {
  readonly #cells: CellTable;
  readonly #placement: Placement;
  readonly #config: ReplicaConfig;
  readonly #offers = new Map<PeerId, Offer>();

  constructor(cells: CellTable, placement: Placement, config: ReplicaConfig) {
    this.#cells = cells;
    this.#placement = placement;
    this.#config = config;
  }

  get isEmpty(): boolean {
    return this.#offers.size === 0;
  }

  make(to: PeerId, cells: readonly Cell[], out: ReplicaOut): void {
    if (cells.length === 0) return;
    const offer = this.#offers.get(to) ?? { cells: new Set<Cell>(), untilMs: 0 };
    offer.untilMs = out.now + this.#config.handingMs;
    this.#offers.set(to, offer);
    for (const cell of cells) {
      this.#cells.set(cell, 'handing');
      offer.cells.add(cell);
    }
    for (const run of this.#placement.runs(cells)) {
      out.send(to, { type: 'replica.offer', cells: run });
    }
  }

  /** The range came back before the other had taken the cell: it is as it was. */
  takeBack(cell: Cell): void {
    this.#cells.set(cell, 'active');
    for (const offer of this.#offers.values()) offer.cells.delete(cell);
  }

  /** From here on the new owner answers; the data stays until it has said that it is durable. */
  release(to: PeerId, run: CellRun): void {
    const offer = this.#offers.get(to);
    for (const cell of this.#placement.each(run)) {
      if (offer?.cells.has(cell)) this.#cells.delete(cell);
    }
  }

  /** The new owner has them: the slots that this was about. */
  settle(to: PeerId, run: CellRun): ReadonlySet<number> {
    const slots = new Set<number>();
    const offer = this.#offers.get(to);
    if (!offer) return slots; // Taken back, or told before.
    for (const cell of this.#placement.each(run)) {
      if (!offer.cells.delete(cell)) continue;
      if (this.#cells.state(cell) === 'handing') this.#cells.delete(cell);
      slots.add(this.#placement.slotOfCell(cell));
    }
    if (offer.cells.size === 0) this.#offers.delete(to);
    return slots;
  }

  /** Whoever comes into its place is offered the cells anew, or finds their items as strays. */
  onLost(to: PeerId): void {
    const offer = this.#offers.get(to);
    this.#offers.delete(to);
    for (const cell of offer?.cells ?? []) {
      if (this.#cells.state(cell) === 'handing') this.#cells.delete(cell);
    }
  }

  expire(nowMs: number): void {
    for (const [to, { untilMs }] of [...this.#offers]) if (untilMs <= nowMs) this.onLost(to);
  }
}
