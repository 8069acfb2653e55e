import type { Cell, CellRun } from './placement.ts';
import type { ReplicaConfig, ReplicaOut, ReplicaRouter } from './replica-contract.ts';
import type { ReplicaKeeper } from './replica-keeper.ts';
import type { ReplicaPullOk } from './replica-message.ts';

/** What is known of a cell that is being recovered: the replicas whose content is here by now. */
type Progress = { readonly sinceMs: number; readonly have: Set<Cell> };

/**
 * Fills cells whose former owner is gone from the other replicas of their slots: a cell is complete
 * when it has the content of so many of them that every majority is met. Goes in rounds, each of
 * which asks for runs of cells at once, so that it costs messages by neighbours, not by slots.
 */
export class Recovery {
  readonly #keeper: ReplicaKeeper;
  readonly #router: ReplicaRouter;
  readonly #config: ReplicaConfig;
  readonly #cells = new Map<Cell, Progress>();
  /** Questions of the round under way that are not answered yet. */
  #openCount = 0;
  /** Some question of this round found nobody: what is not known may exist after all. */
  #hasSilence = false;

  constructor(keeper: ReplicaKeeper, router: ReplicaRouter, config: ReplicaConfig) {
    this.#keeper = keeper;
    this.#router = router;
    this.#config = config;
  }

  add(cells: Iterable<Cell>, out: ReplicaOut): void {
    for (const cell of cells) {
      if (!this.#cells.has(cell)) this.#cells.set(cell, { sinceMs: out.now, have: new Set() });
    }
    if (this.#cells.size > 0 && this.#openCount === 0) this.#round(out);
  }

  remove(cell: Cell): void {
    this.#cells.delete(cell);
  }

  onTimer(out: ReplicaOut): void {
    if (this.#openCount === 0) this.#round(out);
  }

  /** Asks once for everything that is missing. */
  #round(out: ReplicaOut): void {
    const { placement } = this.#keeper;
    for (const cell of [...this.#cells.keys()]) {
      if (this.#keeper.state(cell) !== 'learning') this.#cells.delete(cell);
    }
    this.#noteOwnCells();
    this.#finishComplete(out);
    if (this.#cells.size === 0) return;
    this.#hasSilence = false;
    this.#openCount += 1; // Held until all questions are out: some are answered at once.
    for (let replica = 1; replica < placement.degree; replica++) {
      const wanted: Cell[] = [];
      for (const [cell, { have }] of this.#cells) {
        const mate = placement.step(cell, replica * placement.slotCount);
        if (!have.has(mate) && this.#keeper.state(mate) === null) wanted.push(mate);
      }
      for (const run of placement.runs(wanted)) this.#ask(run, 0, out);
    }
    this.#close(out);
  }

  /** Other cells of the same slot that are active here have the same items already. */
  #noteOwnCells(): void {
    const { placement } = this.#keeper;
    for (const [cell, { have }] of this.#cells) {
      for (const mate of placement.cellsOf(placement.slotOfCell(cell))) {
        if (this.#keeper.state(mate) === 'active') have.add(mate);
      }
    }
  }

  #ask(run: CellRun, since: number, out: ReplicaOut): void {
    const { placement } = this.#keeper;
    this.#openCount += 1;
    this.#router.request(
      placement.anchor(run.first),
      { type: 'replica.pull', cells: run, since, isRelease: false },
      { timeoutMs: this.#config.pullMs },
      answer => {
        if (answer?.type === 'replica.pullOk') this.#onPortion(run, answer, out);
        else this.#hasSilence = true;
        this.#close(out);
      },
    );
  }

  #onPortion(run: CellRun, answer: ReplicaPullOk, out: ReplicaOut): void {
    const { placement } = this.#keeper;
    const { covered, state, items, upTo, isComplete } = answer;
    const isSane = covered?.first === run.first && placement.size(covered) <= placement.size(run);
    if (!covered || !isSane) {
      this.#hasSilence = true; // The ring is just changing there.
      return;
    }
    this.#keeper.apply(items, out);
    if (!isComplete) return this.#ask(covered, upTo, out);
    if (state === 'active') {
      for (const mate of placement.each(covered)) {
        for (const cell of placement.cellsOf(placement.slotOfCell(mate))) {
          this.#cells.get(cell)?.have.add(mate);
        }
      }
    }
    if (covered.last === run.last) return;
    this.#ask({ first: placement.step(covered.last, 1), last: run.last }, 0, out);
  }

  #close(out: ReplicaOut): void {
    this.#openCount -= 1;
    if (this.#openCount > 0) return;
    this.#finishComplete(out);
    this.#degrade(out);
    if (this.#cells.size > 0) out.setTimer('replica.recover', this.#config.recovery.roundMs);
  }

  #finishComplete(out: ReplicaOut): void {
    const quorum = this.#keeper.placement.recoveryQuorum;
    const complete: Cell[] = [];
    for (const [cell, { have }] of this.#cells) if (have.size >= quorum) complete.push(cell);
    this.#activate(complete, out);
  }

  /**
   * Everybody was heard, more than once, and there are no more replicas than these: too many were
   * lost at once. The first version goes on with what there is, and says so loudly.
   */
  #degrade(out: ReplicaOut): void {
    if (this.#hasSilence) return;
    const { degradeMs } = this.#config.recovery;
    const lost: Cell[] = [];
    for (const [cell, { sinceMs }] of this.#cells) {
      if (out.now - sinceMs >= degradeMs) lost.push(cell);
    }
    if (lost.length === 0) return;
    out.emit({ type: 'replica.degraded', cellCount: lost.length });
    this.#activate(lost, out);
  }

  #activate(cells: readonly Cell[], out: ReplicaOut): void {
    if (cells.length === 0) return;
    for (const cell of cells) this.#cells.delete(cell);
    this.#keeper.activate(cells, out);
  }
}
