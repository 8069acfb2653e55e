import type { PeerId } from '../kernel/machine.ts';
import type { CellTable } from './cell-table.ts';
import type { Cell, CellRun } from './placement.ts';
import type { ReplicaConfig, ReplicaOut, ReplicaRouter } from './replica-contract.ts';
import type { ReplicaKeeper } from './replica-keeper.ts';
import type { ReplicaPullOk } from './replica-message.ts';

/** A transfer from a former owner that is alive: run by run, each in portions. */
type Takeover = {
  readonly source: PeerId;
  readonly runs: CellRun[];
  /** The run for which the source no longer answers, or will not once it hears from us. */
  releasing: CellRun | null;
};

/**
 * The receiving side of a hand-over: pulls cells from their former owner while that one still
 * answers for them, then asks it to stop with what changed meanwhile, so that a move costs latency
 * and not availability. What cannot be pulled any more is recovered from other replicas.
 */
export class Takeovers {
  readonly #keeper: ReplicaKeeper;
  readonly #cells: CellTable;
  readonly #router: ReplicaRouter;
  readonly #config: ReplicaConfig;
  readonly #open = new Map<PeerId, Takeover>();

  constructor(
    keeper: ReplicaKeeper,
    cells: CellTable,
    router: ReplicaRouter,
    config: ReplicaConfig,
  ) {
    this.#keeper = keeper;
    this.#cells = cells;
    this.#router = router;
    this.#config = config;
  }

  begin(source: PeerId, cells: readonly Cell[], out: ReplicaOut): void {
    const runs = this.#keeper.placement.runs(cells);
    const known = this.#open.get(source);
    if (known) return void known.runs.push(...runs);
    const takeover: Takeover = { source, runs, releasing: null };
    this.#open.set(source, takeover);
    this.#pullRun(takeover, out);
  }

  /** Who still answers for this cell of ours, if anybody does. */
  sourceOf(cell: Cell): PeerId | null {
    for (const { source, runs, releasing } of this.#open.values()) {
      const run = runs.find(own => this.#keeper.placement.includes(own, cell));
      if (run && releasing !== run) return source;
    }
    return null;
  }

  /** The source is gone: what it had not given must come from others. */
  onLost(source: PeerId, out: ReplicaOut): void {
    const takeover = this.#open.get(source);
    if (takeover) this.#giveUp(takeover, out);
  }

  /** Takes the next run over: the copy first, then, with the release, what changed meanwhile. */
  #pullRun(takeover: Takeover, out: ReplicaOut): void {
    const run = takeover.runs[0];
    takeover.releasing = null;
    if (run) this.#pull(takeover, run, 0, out);
    else this.#open.delete(takeover.source);
  }

  #pull(takeover: Takeover, run: CellRun, since: number, out: ReplicaOut): void {
    const { source } = takeover;
    const isRelease = takeover.releasing === run;
    this.#router.request(
      this.#keeper.placement.anchor(run.first),
      { type: 'replica.pull', cells: run, since, isRelease },
      { timeoutMs: this.#config.pullMs, only: source },
      answer => {
        if (this.#open.get(source) !== takeover) return; // Lost, or begun anew.
        if (answer?.type !== 'replica.pullOk' || !isWhole(answer, run)) {
          return this.#giveUp(takeover, out);
        }
        this.#keeper.apply(answer.items, out);
        if (!answer.isComplete) return this.#pull(takeover, run, answer.upTo, out);
        if (!isRelease) {
          takeover.releasing = run;
          return this.#pull(takeover, run, answer.upTo, out);
        }
        this.#keeper.activate(this.#keeper.placement.each(run), out);
        out.send(source, { type: 'replica.installed', cells: run });
        takeover.runs.shift();
        this.#pullRun(takeover, out);
      },
    );
  }

  #giveUp(takeover: Takeover, out: ReplicaOut): void {
    this.#open.delete(takeover.source);
    const cells = takeover.runs.flatMap(run => [...this.#keeper.placement.each(run)]);
    this.#keeper.recover(
      cells.filter(cell => this.#cells.state(cell) === 'learning'),
      out,
    );
  }
}

/** Whether a former owner still answers for all of the run. */
function isWhole(answer: ReplicaPullOk, run: CellRun): boolean {
  return answer.state === 'active' && answer.covered?.last === run.last;
}
