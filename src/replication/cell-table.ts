import type { Cell, CellRun, Placement } from './placement.ts';
import type { CellState } from './replica-contract.ts';

/** Which cells are here, and how far each of them is. */
export class CellTable {
  readonly #placement: Placement;
  readonly #cells = new Map<Cell, CellState>();
  /** Learning cells that have acknowledged a write, which a former owner need not know. */
  readonly #promised = new Set<Cell>();

  constructor(placement: Placement) {
    this.#placement = placement;
  }

  /** Null for a cell that is not here. */
  state(cell: Cell): CellState | null {
    return this.#cells.get(cell) ?? null;
  }

  set(cell: Cell, state: CellState): void {
    this.#cells.set(cell, state);
    this.#promised.delete(cell);
  }

  /** A cell that is learning has acknowledged a write: from now on nobody answers in its place. */
  promise(cell: Cell): void {
    this.#promised.add(cell);
  }

  hasPromised(cell: Cell): boolean {
    return this.#promised.has(cell);
  }

  delete(cell: Cell): void {
    this.#cells.delete(cell);
    this.#promised.delete(cell);
  }

  entries(): readonly (readonly [Cell, CellState])[] {
    return [...this.#cells];
  }

  in(state: CellState): Cell[] {
    const cells: Cell[] = [];
    for (const [cell, own] of this.#cells) if (own === state) cells.push(cell);
    return cells;
  }

  /** Whether any cell of this slot is here, in whatever state. */
  holdsSlot(slot: number): boolean {
    return this.#placement.cellsOf(slot).some(cell => this.#cells.has(cell));
  }

  /** Whether the cell answers: it has all that was promised for it. Null when it is not here. */
  answers(cell: Cell): boolean | null {
    const state = this.#cells.get(cell);
    return state === undefined ? null : state !== 'learning';
  }

  /** The beginning of a run that is here, all of it answering or all of it not. */
  covered(run: CellRun): { covered: CellRun | null; state: 'active' | 'learning' } {
    const first = this.answers(run.first);
    if (first === null) return { covered: null, state: 'learning' };
    let last = run.first;
    for (const cell of this.#placement.each(run)) {
      if (this.answers(cell) !== first) break;
      last = cell;
    }
    return { covered: { first: run.first, last }, state: first ? 'active' : 'learning' };
  }

  slots(run: CellRun): Set<number> {
    const slots = new Set<number>();
    for (const cell of this.#placement.each(run)) slots.add(this.#placement.slotOfCell(cell));
    return slots;
  }
}
