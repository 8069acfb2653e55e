import type { Change } from '../../kernel/machine.ts';
import { parsePlace, type PeerPlace } from '../../peer/place.ts';
import { parseItem } from '../../replication/item-table.ts';
import type { Item } from '../../replication/replica-message.ts';
import { compareVersions } from '../../replication/version.ts';
import type { PeerStore, StoreClaim, StoreImage, StoreRecord } from './peer-store.ts';

export type TakenIn = {
  /** All that is in the own store now. */
  readonly records: readonly StoreRecord[];
  readonly takenCount: number;
  /** Stores that could not be read: they stay as they are, for another time. */
  readonly leftCount: number;
};

/**
 * Brings everything that stores without a tab hold into our own, the newest version of each item,
 * and removes them once it is durable here. Rejects with `TabringError` `store-full` or
 * `store-failed` when our own store does not take it; then nothing was removed.
 */
export async function takeInOrphans(
  own: { readonly store: PeerStore; readonly records: readonly StoreRecord[] },
  orphans: readonly StoreClaim[],
): Promise<TakenIn> {
  const items = new Map<string, Item>();
  for (const item of itemsOf(own.records)) items.set(item.key, item);
  const rest = own.records.filter(record => record.table !== 'items');
  const changes = new Map<string, Change>();
  const taken: StoreClaim[] = [];
  for (const orphan of orphans) {
    const image = await openOrphan(orphan);
    if (!image) continue;
    taken.push(orphan);
    if (!placeOf(rest)) rest.push(...image.records.filter(record => record.table === 'meta'));
    for (const item of itemsOf(image.records)) {
      const known = items.get(item.key);
      if (known && compareVersions(known.version, item.version) >= 0) continue;
      items.set(item.key, item);
      changes.set(item.key, { table: 'items', key: item.key, value: item });
    }
  }
  if (changes.size > 0) await own.store.write([...changes.values()], 'strict');
  for (const orphan of taken) {
    await orphan.store.destroy(); // Everything in it is durable here now.
    orphan.release();
  }
  const all = [...items.values()].map(item => {
    return { table: 'items' as const, key: item.key, value: item };
  });
  const leftCount = orphans.length - taken.length;
  return { records: [...rest, ...all], takenCount: taken.length, leftCount };
}

/** Where the peer stood, as its records say; null for a store that was never on a ring. */
export function placeOf(records: readonly StoreRecord[]): PeerPlace | null {
  const record = records.find(({ table, key }) => table === 'meta' && key === 'place');
  return record ? parsePlace(record.value) : null;
}

/** Null, and the store let go of, when it cannot be opened: that must not keep a page from starting. */
async function openOrphan(orphan: StoreClaim): Promise<StoreImage | null> {
  try {
    return await orphan.store.open();
  } catch {
    orphan.release();
    return null;
  }
}

function itemsOf(records: readonly StoreRecord[]): Item[] {
  const items: Item[] = [];
  for (const { table, value } of records) {
    const item = table === 'items' ? parseItem(value) : null;
    if (item) items.push(item);
  }
  return items;
}
