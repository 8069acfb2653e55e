import { parseItem } from '../replication/item-table.ts';
import type { Item } from '../replication/replica-message.ts';
import type { PeerEnvironment } from './contract.ts';
import { parsePlace, type PeerPlace } from './place.ts';

/** What the store holds; records that nobody of ours can have written are left where they are. */
export function readRecords(records: PeerEnvironment['records']) {
  let place: PeerPlace | null = null;
  let damagedCount = 0;
  const items: Item[] = [];
  for (const { table, key, value } of records) {
    if (table === 'meta') {
      if (key === 'place') place = parsePlace(value);
      if (key === 'place' && !place) damagedCount += 1;
      continue;
    }
    const item = table === 'items' ? parseItem(value) : null;
    if (item?.key === key) items.push(item);
    else damagedCount += 1;
  }
  return { place, items, damagedCount };
}
