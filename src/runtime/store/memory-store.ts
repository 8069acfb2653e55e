import { TabringError } from '../../kernel/errors.ts';
import type { Change, Durability, PeerId, StoreTable } from '../../kernel/machine.ts';
import type { Value } from '../../kernel/value.ts';
import { copyChanges, copyValue, STORE_TABLES } from './changes.ts';
import type { PeerStore, StoreImage } from './peer-store.ts';
import { createPeerId } from './store-name.ts';
import { WriteQueue } from './write-queue.ts';

/** What several `MemoryStore`s can open one after the other, as tabs do a database. */
export class MemoryDisk {
  readonly peer: PeerId;
  /** 0 before the first open, and after a `destroy`. */
  incarnation = 0;
  readonly tables: ReadonlyMap<StoreTable, Map<string, Value>> = new Map(
    STORE_TABLES.map(table => [table, new Map()]),
  );

  constructor(peer: PeerId = createPeerId()) {
    this.peer = peer;
  }
}

/**
 * A store that is gone with the page. For pages that have nothing better (plain http), and tests:
 * it keeps the rules of `PeerStore` as strictly as one on disk.
 */
export class MemoryStore implements PeerStore {
  readonly kind = 'memory';
  readonly #disk: MemoryDisk;
  #writes: WriteQueue | null = null;
  #incarnation = 0;
  #isClosed = false;

  constructor(disk: MemoryDisk = new MemoryDisk()) {
    this.#disk = disk;
  }

  async open(): Promise<StoreImage> {
    if (this.#isClosed) throw closedError();
    await this.#writes?.drain();
    const { peer, tables } = this.#disk;
    const incarnation = ++this.#disk.incarnation;
    this.#incarnation = incarnation;
    this.#writes = new WriteQueue(changes => this.#commit(changes, incarnation));
    const records = [...tables].flatMap(([table, content]) =>
      [...content].map(([key, value]) => ({ table, key, value: copyValue(value) })),
    );
    return { peer, incarnation, records };
  }

  async write(changes: readonly Change[], durability: Durability): Promise<void> {
    return this.#opened().write(copyChanges(changes), durability);
  }

  async isCurrent(): Promise<boolean> {
    this.#opened();
    return this.#disk.incarnation === this.#incarnation;
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    await this.#writes?.drain();
  }

  async destroy(): Promise<void> {
    if (this.#isClosed) throw closedError();
    if (this.#writes !== null && !(await this.isCurrent())) throw supersededError();
    await this.close();
    this.#disk.incarnation = 0;
    for (const content of this.#disk.tables.values()) content.clear();
  }

  #opened(): WriteQueue {
    if (this.#isClosed || this.#writes === null) throw closedError();
    return this.#writes;
  }

  async #commit(changes: readonly Change[], incarnation: number): Promise<void> {
    if (this.#disk.incarnation !== incarnation) throw supersededError();
    for (const { table, key, value } of changes) {
      if (value === undefined) this.#disk.tables.get(table)?.delete(key);
      else this.#disk.tables.get(table)?.set(key, value);
    }
  }
}

function closedError(): TabringError {
  return new TabringError('store-failed', 'the store is not open');
}

function supersededError(): TabringError {
  return new TabringError('superseded', 'another tab has taken this store over');
}
