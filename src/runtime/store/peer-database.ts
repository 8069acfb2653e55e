import { openDB, type DBSchema, type IDBPDatabase } from 'idb';
import { TabringError } from '../../kernel/errors.ts';
import { STORE_TABLES } from './changes.ts';
import { withinDeadline } from './deadline.ts';

/** Raised when the tables change; a browser then runs `upgrade` on what older versions left. */
const DATABASE_VERSION = 1;

/** Values are unknown until they are checked: other versions and other scripts may write them too. */
interface PeerSchema extends DBSchema {
  /** Who the peer is and how often it started, under `SELF_KEY`; apart from the core's records. */
  self: { key: string; value: unknown };
  meta: { key: string; value: unknown };
  items: { key: string; value: unknown };
  cells: { key: string; value: unknown };
}

export type PeerDatabase = IDBPDatabase<PeerSchema>;

/** All object stores: each transaction spans them, so that there is one order of all writes. */
export const DATABASE_TABLES = ['self', ...STORE_TABLES] as const;

export interface DatabaseOptions {
  readonly name: string;
  /** Whether it may be made if there is none. */
  readonly mayCreate: boolean;
  /** Called when the browser, or another tab, has taken the open database away. */
  readonly onLost: (reason: string) => void;
}

/**
 * Opens a peer's database. Resolves to null if there is none and none may be made: then nothing was
 * made, whatever other tabs are doing. Rejects with `TabringError` `store-failed` or `store-full`.
 */
export async function openPeerDatabase(options: DatabaseOptions): Promise<PeerDatabase | null> {
  const { name, mayCreate, onLost } = options;
  let isMissing = false;
  try {
    const opening = openDB<PeerSchema>(name, DATABASE_VERSION, {
      upgrade(database, oldVersion, _newVersion, transaction) {
        transaction.done.catch(() => {}); // The open request fails with it, and is told why.
        isMissing = oldVersion === 0 && !mayCreate;
        if (isMissing) return transaction.abort();
        for (const table of DATABASE_TABLES) database.createObjectStore(table);
      },
      blocking(_currentVersion, _blockedVersion, event) {
        // Whoever deletes or upgrades it waits for this.
        (event.target as IDBDatabase).close();
        onLost('another tab has deleted it or is of a later version');
      },
      terminated: () => onLost('the browser has closed it; its data may have been cleared'),
    });
    return await withinDeadline('opening the store', opening, database => database.close());
  } catch (error) {
    if (isMissing) return null;
    throw storeError(error, 'the store cannot be opened');
  }
}

/** What the browser's storage said, as one of ours. */
export function storeError(error: unknown, what: string): TabringError {
  if (error instanceof TabringError) return error;
  if (nameOf(error) === 'QuotaExceededError') {
    return new TabringError('store-full', `${what}: no room is left for it`, { cause: error });
  }
  return new TabringError('store-failed', `${what}: ${String(error)}`, { cause: error });
}

export function nameOf(error: unknown): string {
  return error instanceof Error || error instanceof DOMException ? error.name : '';
}
