import type { Delivery } from '../routing/router.ts';
import type { RingState } from '../ring/ring-state.ts';
import type { CellTable } from './cell-table.ts';
import { itemBytes } from './item-table.ts';
import type { Cell, CellRun } from './placement.ts';
import type { Offers } from './offers.ts';
import type { ReplicaConfig, ReplicaOut, ReplicaRouter } from './replica-contract.ts';
import type { ReplicaKeeper } from './replica-keeper.ts';
import type {
  Item,
  ReplicaCompare,
  ReplicaPull,
  ReplicaPullOk,
  ReplicaRead,
  ReplicaRouted,
  ReplicaWrite,
} from './replica-message.ts';
import type { Takeovers } from './takeovers.ts';

/** Answers what others ask of this peer's cells. A cell that is learning never answers a read. */
export class ReplicaServer {
  readonly #keeper: ReplicaKeeper;
  readonly #ring: RingState;
  readonly #cells: CellTable;
  readonly #takeovers: Takeovers;
  readonly #offers: Offers;
  readonly #router: ReplicaRouter;
  readonly #config: ReplicaConfig;

  constructor(parts: {
    keeper: ReplicaKeeper;
    ring: RingState;
    cells: CellTable;
    takeovers: Takeovers;
    offers: Offers;
    router: ReplicaRouter;
    config: ReplicaConfig;
  }) {
    this.#keeper = parts.keeper;
    this.#ring = parts.ring;
    this.#cells = parts.cells;
    this.#takeovers = parts.takeovers;
    this.#offers = parts.offers;
    this.#router = parts.router;
    this.#config = parts.config;
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

  #onRead(read: ReplicaRead, delivery: Delivery<ReplicaRouted>, out: ReplicaOut): void {
    const isActive = this.#cells.answers(read.cell) === true;
    if (!isActive && this.#handOnToSource(read.cell, delivery, out)) return;
    const item = isActive ? this.#keeper.items.get(read.key) : null;
    this.#answer(delivery, {
      type: 'replica.readOk',
      cell: read.cell,
      owner: this.#ring.self,
      state: isActive ? 'active' : 'learning',
      version: item?.version ?? null,
      value: read.wantsValue ? (item?.value ?? null) : null,
      hasValue: item !== null && item.value !== null,
    });
  }

  #onWrite(write: ReplicaWrite, delivery: Delivery<ReplicaRouted>, out: ReplicaOut): void {
    const { cell, item } = write;
    const { placement } = this.#keeper;
    const state = this.#cells.state(cell);
    // A cell that was released, or was never here, promises nothing: the writer asks again.
    if (state === null) return out.count('replica.notOwner');
    if (placement.slotOf(item.key) !== placement.slotOfCell(cell)) {
      return out.count('replica.strangeCells');
    }
    if (state === 'learning' && this.#handOnToSource(cell, delivery, out)) return;
    this.#keeper.apply([item], out);
    if (state === 'learning') this.#cells.promise(cell);
    this.#answer(delivery, { type: 'replica.writeOk', cell });
  }

  /** While a former owner is being copied from, it still is the one that answers. */
  #handOnToSource(cell: Cell, delivery: Delivery<ReplicaRouted>, out: ReplicaOut): boolean {
    const source = this.#cells.hasPromised(cell) ? null : this.#takeovers.sourceOf(cell);
    if (source === null) return false;
    out.count('replica.handedOn');
    return this.#router.handOn(source, delivery);
  }

  #onPull(pull: ReplicaPull, delivery: Delivery<ReplicaRouted>, out: ReplicaOut): void {
    if (!this.#isRun(pull.cells)) return out.count('replica.strangeCells');
    const { covered, state } = this.#cells.covered(pull.cells);
    const payload = this.#portion(pull, covered, state);
    const puller = delivery.trail[0];
    const isLast = pull.isRelease && payload.isComplete;
    if (isLast && covered && puller !== undefined) this.#offers.release(puller, covered);
    this.#answer(delivery, payload);
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
      const slots = this.#cells.slots(covered);
      for (const { item, sequence } of this.#keeper.items.changes(
        slot => slots.has(slot),
        pull.since,
      )) {
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

  #onCompare(compare: ReplicaCompare, delivery: Delivery<ReplicaRouted>): void {
    const { covered, state } = this.#isRun(compare.cells)
      ? this.#cells.covered(compare.cells)
      : { covered: null, state: 'learning' };
    const isUsable = covered !== null && state === 'active';
    const isWhole = isUsable && covered.last === compare.cells.last;
    const slots = isUsable ? this.#cells.slots(covered) : new Set<number>();
    const isSame = isWhole && this.#keeper.items.digest(slot => slots.has(slot)) === compare.digest;
    const versions = [];
    if (isWhole && !isSame) {
      for (const { item } of this.#keeper.items.changes(slot => slots.has(slot))) {
        versions.push({ key: item.key, version: item.version });
        if (versions.length >= this.#config.portionItemsMax) break;
      }
    }
    this.#answer(delivery, {
      type: 'replica.compareOk',
      covered: isUsable ? covered : null,
      isSame,
      versions,
    });
  }

  #answer({ trail, request }: Delivery<ReplicaRouted>, payload: ReplicaRouted): void {
    this.#router.answer({ trail, request, payload });
  }

  #isRun(run: CellRun): boolean {
    return this.#keeper.placement.isRun(run);
  }
}
