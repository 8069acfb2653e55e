import { TabringError } from '../../kernel/errors.ts';
import type { PeerId } from '../../kernel/machine.ts';
import { withinDeadline } from './deadline.ts';
import { IndexedDbStore } from './indexeddb-store.ts';
import { MemoryStore } from './memory-store.ts';
import { storeError } from './peer-database.ts';
import type { StoreClaim } from './peer-store.ts';
import { createPeerId, peerOfStoreName, storeNameOf } from './store-name.ts';

/** Whether the browser may clear the store when it runs out of room; `unknown` where it is mute. */
export type StoragePersistence = 'persistent' | 'best-effort' | 'unknown';

/** The claim of the store that a page uses for its own peer. */
export interface OwnStoreClaim extends StoreClaim {
  /** What became of asking the browser to keep the data. May take as long as the user thinks. */
  readonly persistence: Promise<StoragePersistence>;
}

/**
 * Takes a store of the network that no tab uses, or makes a new one. A page without Web Locks (not
 * HTTPS) gets a store in memory: it could not know which of those on disk are free. Rejects with
 * `TabringError` `store-failed` or `store-full` when the browser refuses to keep anything.
 *
 * A store on disk is guarded by a Web Lock of its name, held until `release` or the end of the page.
 * Nobody opens a store without its lock, and a new one is locked before it can be seen.
 */
export async function claimStore({
  network,
}: {
  readonly network: string;
}): Promise<OwnStoreClaim> {
  const locks = webLocks();
  if (locks === null) return memoryClaim();
  const persistence = requestPersistence();
  for (const peer of await listStores(network)) {
    const claim = await claimOrphan({ locks, network, peer });
    if (claim !== null) return { ...claim, persistence };
  }
  return { ...(await createStore(locks, network)), persistence };
}

/**
 * Takes every store of the network that no tab uses, for a page that brings their peers back too.
 * Rejects with `TabringError` `store-failed`.
 */
export async function claimOrphans(options: { readonly network: string }): Promise<StoreClaim[]> {
  const { network } = options;
  const locks = webLocks();
  if (locks === null) return [];
  const peers = await listStores(network);
  const claims = await Promise.all(peers.map(peer => claimOrphan({ locks, network, peer })));
  return claims.filter(claim => claim !== null);
}

/** Null on pages that are not secure, whatever the types say. */
function webLocks(): LockManager | null {
  const locks: LockManager | undefined = navigator.locks;
  return locks ?? null;
}

function memoryClaim(): OwnStoreClaim {
  const persistence = Promise.resolve<StoragePersistence>('best-effort');
  return { store: new MemoryStore(), isNew: true, persistence, release: () => {} };
}

type Orphan = { readonly locks: LockManager; readonly network: string; readonly peer: PeerId };

/** Null if another tab uses the store, or it is gone, or cannot be opened. */
async function claimOrphan({ locks, network, peer }: Orphan): Promise<StoreClaim | null> {
  const store = new IndexedDbStore({ network, peer });
  let release: (() => void) | null = null;
  try {
    release = await tryLock(locks, storeNameOf(network, peer));
    if (release === null) return null;
    // Whoever held the lock before may have deleted it: its identity must not come back empty.
    const isThere = await store.connect({ mayCreate: false });
    if (isThere) return { store, isNew: false, release };
    forgetStore(network, peer);
  } catch {
    // Damaged, or of a later version. It is left as it is, and must not keep this page from starting;
    // if the browser refuses all of them, making a new one fails and says so.
  }
  release?.();
  return null;
}

async function createStore(locks: LockManager, network: string): Promise<StoreClaim> {
  const peer = createPeerId();
  const release = await tryLock(locks, storeNameOf(network, peer));
  if (release === null) throw new TabringError('store-failed', 'a lock of a random name was taken');
  const store = new IndexedDbStore({ network, peer });
  try {
    await store.connect({ mayCreate: true });
  } catch (error) {
    release();
    throw error;
  }
  rememberStore(network, peer);
  return { store, isNew: true, release };
}

/** Resolves to what lets go of the lock, or to null if it is not free now. */
async function tryLock(locks: LockManager, name: string): Promise<(() => void) | null> {
  const locking = new Promise<(() => void) | null>((resolve, reject) => {
    const hold = (lock: Lock | null): Promise<void> | null => {
      if (lock !== null) return new Promise(release => resolve(release));
      resolve(null);
      return null;
    };
    locks.request(name, { ifAvailable: true }, hold).catch(reject);
  });
  try {
    return await withinDeadline('locking the store', locking, release => release?.());
  } catch (error) {
    throw storeError(error, 'the store cannot be locked');
  }
}

/** The stores of a network, those in use included. */
async function listStores(network: string): Promise<PeerId[]> {
  try {
    const names = await withinDeadline('listing the stores', listNames());
    return names.map(name => peerOfStoreName(name, network)).filter(peer => peer !== null);
  } catch (error) {
    throw storeError(error, 'the stores cannot be listed');
  }
}

/**
 * Every current browser can list its databases. For those that cannot (Firefox before 126) the names
 * of stores made here are noted in `localStorage`, one entry each, so that tabs never overwrite
 * each other's notes. A note without a database does no harm: see `claimOrphan`.
 */
async function listNames(): Promise<string[]> {
  if (canListDatabases()) {
    return (await indexedDB.databases()).map(({ name }) => name ?? '');
  }
  return Object.keys(localStorage);
}

function canListDatabases(): boolean {
  return typeof indexedDB.databases === 'function';
}

function rememberStore(network: string, peer: PeerId): void {
  if (canListDatabases()) return;
  try {
    localStorage.setItem(storeNameOf(network, peer), '');
  } catch {
    // Full or refused: this tab works, and only later ones will not find its store.
  }
}

function forgetStore(network: string, peer: PeerId): void {
  if (!canListDatabases()) localStorage.removeItem(storeNameOf(network, peer));
}

async function requestPersistence(): Promise<StoragePersistence> {
  try {
    const isPersistent = await navigator.storage.persist();
    return isPersistent ? 'persistent' : 'best-effort';
  } catch {
    return 'unknown'; // Not offered here, or refused: the data is kept as long as there is room.
  }
}
