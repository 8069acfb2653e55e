import { SPACE, idOf, inOpenClosed, type Id } from '../kernel/identifier.ts';

/** The index of a cell, 0 … degree · slotCount − 1, in order around the circle. */
export type Cell = number;

/** Cells from `first` to `last`, both included, going clockwise; may pass 0. */
export type CellRun = { readonly first: Cell; readonly last: Cell };

/**
 * Symmetric replication in slots: the circle is cut into `degree · slotCount` equal cells; cell c
 * is replica `⌊c / slotCount⌋` of slot `c mod slotCount`, and stands where its last identifier does.
 * (Ghodsi, Alima and Haridi, "Symmetric replication for structured peer-to-peer systems", 2005; the
 * slots are ours, so that replica groups are finitely many.)
 */
export class Placement {
  readonly degree: number;
  readonly slotCount: number;
  readonly cellCount: number;
  readonly #cellWidth: number;

  constructor(terms: { readonly degree: number; readonly slotCount: number }) {
    this.degree = terms.degree;
    this.slotCount = terms.slotCount;
    this.cellCount = terms.degree * terms.slotCount;
    this.#cellWidth = SPACE / this.cellCount;
  }

  /** The least number of replicas of which any two sets meet. */
  get majority(): number {
    return Math.floor(this.degree / 2) + 1;
  }

  /** The least number of replicas that meets every majority. */
  get recoveryQuorum(): number {
    return this.degree - this.majority + 1;
  }

  slotOf(key: string): number {
    return Math.floor((idOf(key) % (SPACE / this.degree)) / this.#cellWidth);
  }

  /** The cells of a slot, in order of their replica's number. */
  cellsOf(slot: number): Cell[] {
    return Array.from({ length: this.degree }, (_, j) => j * this.slotCount + slot);
  }

  slotOfCell(cell: Cell): number {
    return cell % this.slotCount;
  }

  /** The identifier whose owner answers for the whole cell: its last. */
  anchor(cell: Cell): Id {
    return ((cell + 1) * this.#cellWidth - 1) as Id;
  }

  /** Where replica j of a key stands: base + j · SPACE / degree. */
  position(key: string, replica: number): Id {
    const step = SPACE / this.degree;
    return ((idOf(key) % step) + replica * step) as Id;
  }

  /** The cells anchored in `(from, to]`, or null when there is none. */
  cellsIn(from: Id, to: Id): CellRun | null {
    if (from === to) return { first: 0, last: this.cellCount - 1 };
    // The first anchor after `from`, and the last one not after `to`.
    const first = Math.floor((from + 1) / this.#cellWidth) % this.cellCount;
    const last = (Math.floor((to + 1) / this.#cellWidth) - 1 + this.cellCount) % this.cellCount;
    const isAny = inOpenClosed(this.anchor(first), from, to);
    return isAny ? { first, last } : null;
  }

  /** The cells of a run, in order. */
  *each(run: CellRun): Iterable<Cell> {
    for (let i = 0, count = this.size(run); i < count; i++) yield this.step(run.first, i);
  }

  size(run: CellRun): number {
    return ((run.last - run.first + this.cellCount) % this.cellCount) + 1;
  }

  includes(run: CellRun, cell: Cell): boolean {
    return (cell - run.first + this.cellCount) % this.cellCount < this.size(run);
  }

  /** Whether both ends are cells at all: what came off the wire may be of other terms. */
  isRun(run: CellRun): boolean {
    return run.first < this.cellCount && run.last < this.cellCount;
  }

  /** The cell `steps` further on. */
  step(cell: Cell, steps: number): Cell {
    return (cell + steps) % this.cellCount;
  }

  /** Sorted cells as runs, for messages. */
  runs(cells: Iterable<Cell>): CellRun[] {
    const runs: { first: Cell; last: Cell }[] = [];
    for (const cell of [...cells].sort((a, b) => a - b)) {
      const run = runs.at(-1);
      if (run && run.last === cell - 1) run.last = cell;
      else runs.push({ first: cell, last: cell });
    }
    return runs;
  }
}
