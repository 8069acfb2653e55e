import { deleteDB } from 'idb';
import { isValue } from '../../kernel/codec.ts';
import { TabringError } from '../../kernel/errors.ts';
import type { Change, Durability, PeerId, StoreTable } from '../../kernel/machine.ts';
import { copyChanges, STORE_TABLES } from './changes.ts';
import { withinDeadline } from './deadline.ts';
import {
  DATABASE_TABLES,
  nameOf,
  openPeerDatabase,
  storeError,
  type PeerDatabase,
} from './peer-database.ts';
import type { PeerStore, StoreImage, StoreRecord } from './peer-store.ts';
import { storeNameOf } from './store-name.ts';
import { WriteQueue } from './write-queue.ts';

/** The only key of the table `self`. */
const SELF_KEY = 'self';

/**
 * A peer's store in an IndexedDB database of its own.
 *
 * Invariants:
 * 1. Every write transaction reads the incarnation first, and is aborted unless it is this opener's:
 *    transactions of one database that span the same tables run one after the other, so nothing
 *    of a former opener is written after the next one's `open`.
 * 2. Nothing but a transaction's own requests is awaited while it runs (it would end by itself).
 * 3. After a failed write nothing is written (see `WriteQueue`) until `open` takes the store over
 *    again, which a new run of the peer may do on the same object.
 */
export class IndexedDbStore implements PeerStore {
  readonly kind = 'indexeddb';
  readonly peer: PeerId;
  readonly #name: string;
  #database: PeerDatabase | null = null;
  #writes: WriteQueue | null = null;
  #incarnation = 0;
  #damagedCount = 0;
  #wasConnected = false;
  #isClosed = false;

  constructor({ network, peer }: { readonly network: string; readonly peer: PeerId }) {
    this.peer = peer;
    this.#name = storeNameOf(network, peer);
  }

  /** Records that the last `open` found and did not believe. They stay on disk as they are. */
  get damagedCount(): number {
    return this.#damagedCount;
  }

  /**
   * Opens the database without taking the peer over, which `open` does first by itself. Returns
   * false when there is none and `mayCreate` is false. Rejects like `open`.
   */
  async connect({ mayCreate }: { readonly mayCreate: boolean }): Promise<boolean> {
    if (this.#isClosed) throw closedError();
    if (this.#database !== null) return true;
    let database: PeerDatabase | null = null;
    const onLost = (reason: string): void => this.#onLost(database, reason);
    database = await openPeerDatabase({ name: this.#name, mayCreate, onLost });
    // Closed, or connected by another call, in the meantime.
    if (this.#isClosed || this.#database !== null) database?.close();
    else this.#database = database;
    this.#wasConnected ||= database !== null;
    return this.#database !== null;
  }

  async open(): Promise<StoreImage> {
    await this.#writes?.drain();
    // One that was there and is gone is not made again: the same identity would start from nothing.
    const isThere = await this.connect({ mayCreate: !this.#wasConnected });
    if (!isThere) throw new TabringError('store-failed', 'the store was deleted');
    const database = this.#connected();
    try {
      const incarnation = await withinDeadline(
        'taking the store over',
        takeOver(database, this.peer),
      );
      const { records, damagedCount } = await withinDeadline('reading', readAll(database));
      this.#incarnation = incarnation;
      this.#damagedCount = damagedCount;
      this.#writes = new WriteQueue((changes, durability) =>
        this.#commit({ database, incarnation, changes, durability }),
      );
      return { peer: this.peer, incarnation, records };
    } catch (error) {
      throw storeError(error, 'the store cannot be read');
    }
  }

  async write(changes: readonly Change[], durability: Durability): Promise<void> {
    if (this.#isClosed || this.#writes === null) throw closedError();
    return this.#writes.write(copyChanges(changes), durability);
  }

  async isCurrent(): Promise<boolean> {
    if (this.#writes === null) throw closedError();
    const database = this.#connected();
    try {
      const self = await withinDeadline('reading', database.get('self', SELF_KEY));
      return incarnationOf(self) === this.#incarnation;
    } catch (error) {
      throw storeError(error, 'the store cannot be read');
    }
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    await this.#writes?.drain();
    this.#database?.close();
    this.#database = null;
  }

  async destroy(): Promise<void> {
    if (this.#isClosed) throw closedError();
    if (this.#writes !== null && !(await this.isCurrent())) throw supersededError();
    await this.close();
    try {
      await withinDeadline('deleting the store', deleteDB(this.#name));
    } catch (error) {
      throw storeError(error, 'the store cannot be deleted');
    }
  }

  #connected(): PeerDatabase {
    if (this.#isClosed || this.#database === null) throw closedError();
    return this.#database;
  }

  async #commit(group: Group): Promise<void> {
    try {
      await withinDeadline('writing', commit(group));
    } catch (error) {
      throw storeError(error, 'the store cannot be written');
    }
  }

  #onLost(database: PeerDatabase | null, reason: string): void {
    if (this.#database === null || this.#database !== database) return;
    this.#database = null; // The next `open` connects anew.
    this.#writes?.fail(new TabringError('store-failed', `the store is gone: ${reason}`));
  }
}

/** Raises the incarnation, strictly durable, and returns it. */
async function takeOver(database: PeerDatabase, peer: PeerId): Promise<number> {
  const transaction = database.transaction(DATABASE_TABLES, 'readwrite', { durability: 'strict' });
  transaction.done.catch(() => {}); // Awaited below, unless something else fails first.
  const self = transaction.objectStore('self');
  const [record, ...counts] = await Promise.all([
    self.get(SELF_KEY),
    ...STORE_TABLES.map(table => transaction.objectStore(table).count()),
  ]);
  const isNew = record === undefined && counts.every(count => count === 0);
  // If the count is damaged the records are still good. No store was ever opened this often.
  const before = incarnationOf(record) ?? (isNew ? 0 : Math.floor(Date.now() / 1_000));
  await self.put({ peer, incarnation: before + 1 }, SELF_KEY);
  await transaction.done;
  return before + 1;
}

/** Whether nobody has opened the store since is what this number tells; null if it is damaged. */
function incarnationOf(self: unknown): number | null {
  if (typeof self !== 'object' || self === null || !('incarnation' in self)) return null;
  const { incarnation } = self;
  return typeof incarnation === 'number' && Number.isSafeInteger(incarnation) && incarnation > 0
    ? incarnation
    : null;
}

type Records = { readonly records: StoreRecord[]; readonly damagedCount: number };

/** All good records. Nobody else's writes can come in between: they are refused by now. */
async function readAll(database: PeerDatabase): Promise<Records> {
  const records: StoreRecord[] = [];
  let damagedCount = 0;
  for (const { table, key, value } of await readEntries(database)) {
    if (typeof key === 'string' && isValue(value)) records.push({ table, key, value });
    else damagedCount++;
  }
  return { records, damagedCount };
}

type Entry = { readonly table: StoreTable; readonly key: unknown; readonly value: unknown };

async function readEntries(database: PeerDatabase): Promise<readonly Entry[]> {
  try {
    return await readAtOnce(database);
  } catch {
    return readOneByOne(database); // A single record whose file is damaged fails them all.
  }
}

async function readAtOnce(database: PeerDatabase): Promise<readonly Entry[]> {
  const transaction = startReading(database);
  const tables = STORE_TABLES.map(async table => {
    const records = transaction.objectStore(table);
    const [keys, values] = await Promise.all([records.getAllKeys(), records.getAll()]);
    return keys.map((key, index) => ({ table, key, value: values[index] }));
  });
  return (await Promise.all(tables)).flat();
}

/** Leaves out the values that are lost; each is read in a transaction of its own, which fails alone. */
async function readOneByOne(database: PeerDatabase): Promise<readonly Entry[]> {
  const entries: Entry[] = [];
  for (const table of STORE_TABLES) {
    const keys = await startReading(database).objectStore(table).getAllKeys();
    for (const key of keys) {
      const reading: Promise<unknown> = startReading(database).objectStore(table).get(key);
      entries.push({ table, key, value: await reading.catch(() => undefined) });
    }
  }
  return entries;
}

function startReading(database: PeerDatabase) {
  const transaction = database.transaction(STORE_TABLES, 'readonly');
  transaction.done.catch(() => {}); // Its requests fail too, and are waited for.
  return transaction;
}

type Group = {
  readonly database: PeerDatabase;
  readonly incarnation: number;
  readonly changes: readonly Change[];
  readonly durability: Durability;
};

/** One transaction: all the changes, or none if the store is no longer this opener's. */
async function commit({ database, incarnation, changes, durability }: Group): Promise<void> {
  const transaction = database.transaction(DATABASE_TABLES, 'readwrite', { durability });
  let isSuperseded = false;
  const check = async (): Promise<void> => {
    const self = await transaction.objectStore('self').get(SELF_KEY);
    isSuperseded = incarnationOf(self) !== incarnation;
    if (isSuperseded) abortIfRunning(transaction);
  };
  // All requests at once, answered in order: the check is done before any change can be kept.
  const requests: Promise<unknown>[] = [transaction.done, check()];
  try {
    for (const { table, key, value } of changes) {
      const records = transaction.objectStore(table);
      requests.push(value === undefined ? records.delete(key) : records.put(value, key));
    }
  } catch (error) {
    requests.push(Promise.reject(error));
    abortIfRunning(transaction);
  }
  const outcomes = await Promise.allSettled(requests);
  if (isSuperseded) throw supersededError();
  const reasons = outcomes.flatMap(one =>
    one.status === 'rejected' ? [one.reason as unknown] : [],
  );
  // A full disk aborts the transaction: most of the reasons say only that.
  const cause = reasons.find(reason => nameOf(reason) !== 'AbortError') ?? reasons[0];
  if (reasons.length > 0) throw cause;
}

function abortIfRunning(transaction: { abort(): void }): void {
  try {
    transaction.abort();
  } catch {
    // It has ended by itself, for a reason that it tells.
  }
}

function closedError(): TabringError {
  return new TabringError('store-failed', 'the store is not open');
}

function supersededError(): TabringError {
  return new TabringError('superseded', 'another tab has taken this store over');
}
