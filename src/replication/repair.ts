import type { CellRun } from './placement.ts';
import type { ReplicaConfig, ReplicaOut, ReplicaRouter } from './replica-contract.ts';
import type { ReplicaKeeper } from './replica-keeper.ts';
import type { Item, ReplicaCompareOk } from './replica-message.ts';
import { compareVersions } from './version.ts';

/** Comparisons, and items being sent, at a time: repair stays in the background. */
const OPEN_COUNT_MAX = 8;

/** A comparison lists versions; runs that hold more items than this are halved before. */
const COMPARED_ITEMS_MAX = 1_000;

const REQUEST_MS = 5_000;

type Comparison = { readonly mates: CellRun };

/**
 * Keeps replicas the same in the background: compares digests with the other owners of its slots,
 * sends what is newer here, fetches what is newer there; and brings items whose slot has no cell
 * here any more to those who should have them, before it forgets them.
 */
export class Repair {
  readonly #keeper: ReplicaKeeper;
  readonly #router: ReplicaRouter;
  readonly #config: ReplicaConfig;
  #comparisons: Comparison[] = [];
  readonly #moving = new Set<string>();
  #openCount = 0;

  constructor(keeper: ReplicaKeeper, router: ReplicaRouter, config: ReplicaConfig) {
    this.#keeper = keeper;
    this.#router = router;
    this.#config = config;
  }

  /** Something has changed: a round soon, after the dust has settled. */
  soon(out: ReplicaOut): void {
    out.setTimer('replica.repair', this.#config.repair.soonMs * (1 + out.random()));
  }

  onTimer(out: ReplicaOut): void {
    out.setTimer('replica.repair', this.#config.repair.roundMs * (0.75 + out.random() / 2));
    if (this.#comparisons.length === 0) this.#plan();
    this.#compareNext(out);
    this.#moveStrays(out);
  }

  /** Each run of active cells against each of its other replicas. */
  #plan(): void {
    const { placement } = this.#keeper;
    for (const run of placement.runs(this.#keeper.cellsIn('active'))) {
      for (let replica = 1; replica < placement.degree; replica++) {
        const steps = replica * placement.slotCount;
        const first = placement.step(run.first, steps);
        // Cells of our own need no comparison: they share their items.
        const foreign = placement.runs(
          [...placement.each({ first, last: placement.step(run.last, steps) })].filter(
            cell => this.#keeper.state(cell) === null,
          ),
        );
        for (const mates of foreign) this.#comparisons.push({ mates });
      }
    }
  }

  #compareNext(out: ReplicaOut): void {
    while (this.#openCount < OPEN_COUNT_MAX) {
      const next = this.#comparisons.shift();
      if (!next) return;
      this.#compare(next.mates, out);
    }
  }

  #slots(run: CellRun): Set<number> {
    const { placement } = this.#keeper;
    return new Set([...placement.each(run)].map(cell => placement.slotOfCell(cell)));
  }

  #compare(mates: CellRun, out: ReplicaOut): void {
    const { placement, items } = this.#keeper;
    const slots = this.#slots(mates);
    let count = 0;
    for (const _ of items.changes(slot => slots.has(slot))) count += 1;
    if (count > COMPARED_ITEMS_MAX && placement.size(mates) > 1) {
      const middle = placement.step(mates.first, Math.floor(placement.size(mates) / 2) - 1);
      this.#comparisons.push(
        { mates: { first: mates.first, last: middle } },
        { mates: { first: placement.step(middle, 1), last: mates.last } },
      );
      return;
    }
    this.#openCount += 1;
    const digest = items.digest(slot => slots.has(slot));
    this.#router.request(
      placement.anchor(mates.first),
      { type: 'replica.compare', cells: mates, digest },
      { timeoutMs: REQUEST_MS },
      answer => {
        this.#openCount -= 1;
        if (answer?.type === 'replica.compareOk') this.#onCompared(mates, answer, out);
        this.#compareNext(out);
      },
    );
  }

  #onCompared(mates: CellRun, answer: ReplicaCompareOk, out: ReplicaOut): void {
    const { placement } = this.#keeper;
    const { covered, isSame, versions } = answer;
    if (!covered || covered.first !== mates.first || isSame) return;
    if (covered.last !== mates.last) {
      // The mate answers for the first part only: that part again, and the rest by itself.
      if (placement.size(covered) >= placement.size(mates)) return;
      const rest = { first: placement.step(covered.last, 1), last: mates.last };
      this.#comparisons.push({ mates: covered }, { mates: rest });
      return;
    }
    const theirs = new Map(versions.map(({ key, version }) => [key, version]));
    const slots = this.#slots(mates);
    for (const { item } of this.#keeper.items.changes(slot => slots.has(slot))) {
      const known = theirs.get(item.key) ?? null;
      if (compareVersions(known, item.version) < 0) this.#send(mates, item);
    }
    for (const { key, version } of versions) {
      if (!slots.has(placement.slotOf(key))) continue;
      if (compareVersions(this.#keeper.items.version(key), version) < 0) {
        this.#fetch(mates, key, out);
      }
    }
  }

  #mateOf(mates: CellRun, key: string): number | null {
    const { placement } = this.#keeper;
    const cells = placement.cellsOf(placement.slotOf(key));
    return cells.find(cell => placement.includes(mates, cell)) ?? null;
  }

  #send(mates: CellRun, item: Item): void {
    const cell = this.#mateOf(mates, item.key);
    if (cell === null) return;
    const anchor = this.#keeper.placement.anchor(cell);
    const write = { type: 'replica.write', cell, item } as const;
    this.#router.request(anchor, write, { timeoutMs: REQUEST_MS }, () => {
      // Whether it arrived shows in the next comparison.
    });
  }

  #fetch(mates: CellRun, key: string, out: ReplicaOut): void {
    const cell = this.#mateOf(mates, key);
    if (cell === null) return;
    const anchor = this.#keeper.placement.anchor(cell);
    const read = { type: 'replica.read', cell, key, wantsValue: true } as const;
    this.#router.request(anchor, read, { timeoutMs: REQUEST_MS }, answer => {
      if (answer?.type !== 'replica.readOk' || !answer.version) return;
      this.#keeper.apply([{ key, version: answer.version, value: answer.value }], out);
    });
  }

  /** Items that are none of this peer's business any more go to all who should have them. */
  #moveStrays(out: ReplicaOut): void {
    for (const { item, slot } of this.#keeper.items.changes(own => !this.#keeper.holdsSlot(own))) {
      if (this.#moving.size >= OPEN_COUNT_MAX) return;
      if (!this.#moving.has(item.key)) this.#moveStray(item, slot, out);
    }
  }

  #moveStray(item: Item, slot: number, out: ReplicaOut): void {
    const { placement, items } = this.#keeper;
    this.#moving.add(item.key);
    let openCount = placement.degree;
    let savedCount = 0;
    for (const cell of placement.cellsOf(slot)) {
      const write = { type: 'replica.write', cell, item } as const;
      this.#router.request(placement.anchor(cell), write, { timeoutMs: REQUEST_MS }, answer => {
        openCount -= 1;
        if (answer?.type === 'replica.writeOk') savedCount += 1;
        if (openCount > 0) return;
        this.#moving.delete(item.key);
        const isStray = items.get(item.key) === item && !this.#keeper.holdsSlot(slot);
        if (savedCount === placement.degree && isStray) this.#keeper.drop([item.key], out);
        this.#moveStrays(out);
      });
    }
  }
}
