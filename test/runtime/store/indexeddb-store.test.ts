import { expect } from 'chai';
import type { PeerId } from '../../../src/kernel/machine.ts';
import { IndexedDbStore } from '../../../src/runtime/store/indexeddb-store.ts';
import { createPeerId, storeNameOf } from '../../../src/runtime/store/store-name.ts';
import { asMap, codeOf, put, runStoreConformance } from '../../conformance/store.ts';
import { Stubs } from './stubs.ts';

const NETWORK = 'a network / of: tests';

function deleteDatabase(name: string): Promise<void> {
  return new Promise((resolve, reject) => {
    const request = indexedDB.deleteDatabase(name);
    request.onsuccess = () => resolve();
    request.onerror = () => reject(new Error('not deleted', { cause: request.error }));
  });
}

/** A connection as a script of somebody else might hold it. */
function openRaw(name: string, version?: number): Promise<IDBDatabase> {
  return new Promise((resolve, reject) => {
    const request = indexedDB.open(name, version);
    request.onsuccess = () => resolve(request.result);
    request.onerror = () => reject(new Error('not opened', { cause: request.error }));
  });
}

/** Writes past the store, as a disk that is ill or a script that is none of ours would. */
async function writeRaw(name: string, table: string, key: IDBValidKey, value: unknown) {
  const database = await openRaw(name);
  await new Promise((resolve, reject) => {
    const transaction = database.transaction(table, 'readwrite');
    transaction.objectStore(table).put(value, key);
    transaction.oncomplete = resolve;
    transaction.onabort = () => reject(new Error('aborted', { cause: transaction.error }));
  });
  database.close();
}

function quotaError(): DOMException {
  return new DOMException('no room', 'QuotaExceededError');
}

runStoreConformance('IndexedDbStore', async () => {
  const peer = createPeerId();
  const stores: IndexedDbStore[] = [];
  return {
    next: () => {
      const store = new IndexedDbStore({ network: NETWORK, peer });
      stores.push(store);
      return store;
    },
    dispose: async () => {
      await Promise.all(stores.map(store => store.close()));
      await deleteDatabase(storeNameOf(NETWORK, peer));
    },
  };
});

describe('IndexedDbStore', () => {
  const stubs = new Stubs();
  let peer: PeerId;
  let name: string;
  let stores: IndexedDbStore[];

  beforeEach(() => {
    peer = createPeerId();
    name = storeNameOf(NETWORK, peer);
    stores = [];
  });

  afterEach(async () => {
    stubs.restore();
    await Promise.all(stores.map(store => store.close()));
    await deleteDatabase(name);
  });

  function next(): IndexedDbStore {
    const store = new IndexedDbStore({ network: NETWORK, peer });
    stores.push(store);
    return store;
  }

  async function storeWith(...keys: readonly string[]): Promise<IndexedDbStore> {
    const store = next();
    await store.open();
    await store.write(keys.map((key, i) => put('items', key, i)), 'strict'); // prettier-ignore
    return store;
  }

  it('keeps its peer apart from all others, in a database of its own', async () => {
    const store = await storeWith('a');
    expect(store.kind).to.equal('indexeddb');
    expect(store.peer).to.equal(peer);
    const names = (await indexedDB.databases()).map(database => database.name);
    expect(names).to.include(name);
  });

  it('writes what waits in one transaction, strict if any of it is', async () => {
    const store = await storeWith();
    const durabilities: unknown[] = [];
    const { transaction } = IDBDatabase.prototype;
    stubs.replace(IDBDatabase.prototype, 'transaction', function (this: IDBDatabase, ...args) {
      durabilities.push(args[2]?.durability);
      return transaction.apply(this, args);
    });
    const issue = (durability: 'strict' | 'relaxed') =>
      store.write([put('items', 'a', 1)], durability);
    await Promise.all([issue('relaxed'), issue('relaxed'), issue('strict'), issue('relaxed')]);
    await Promise.all([issue('relaxed'), issue('relaxed')]);
    await issue('strict');
    expect(durabilities).to.deep.equal(['relaxed', 'strict', 'relaxed', 'relaxed', 'strict']);
  });

  describe('damage', () => {
    it('skips and counts records that no peer wrote, and loses none of the good ones', async () => {
      await (await storeWith('good', 'better')).close();
      await writeRaw(name, 'items', 'a date', new Date());
      await writeRaw(name, 'items', 'not a number', NaN);
      await writeRaw(name, 'cells', 'nothing', undefined);
      await writeRaw(name, 'meta', 7, 'a key that is no text');
      const store = next();
      expect(asMap(await store.open())).to.deep.equal({ 'items/good': 0, 'items/better': 1 });
      expect(store.damagedCount).to.equal(4);
      await store.write([put('items', 'a date', 'replaced')], 'strict');
      expect((await next().open()).records).to.have.length(3);
    });

    it('reads record by record when they cannot be read all at once', async () => {
      await (await storeWith('a', 'b', 'c')).close();
      // As if the file of one large value were gone: every request for it fails.
      const { getAll, get } = IDBObjectStore.prototype;
      stubs.replace(IDBObjectStore.prototype, 'getAll', function (this: IDBObjectStore, ...args) {
        const request = getAll.apply(this, args);
        if (this.name === 'items') this.transaction.abort();
        return request;
      });
      stubs.replace(IDBObjectStore.prototype, 'get', function (this: IDBObjectStore, key) {
        const request = get.call(this, key);
        if (key === 'b') this.transaction.abort();
        return request;
      });
      const store = next();
      expect(asMap(await store.open())).to.deep.equal({ 'items/a': 0, 'items/c': 2 });
      expect(store.damagedCount).to.equal(1);
    });

    for (const self of [null, 'text', {}, { incarnation: -1 }, { incarnation: 1.5 }]) {
      it(`starts higher than ever when its count is ${JSON.stringify(self)}`, async () => {
        const former = await storeWith('a');
        await writeRaw(name, 'self', 'self', self);
        expect(await codeOf(former.write([], 'strict'))).to.equal('superseded');
        const image = await next().open();
        expect(image.incarnation).to.be.above(1_000_000_000);
        expect(image.peer).to.equal(peer);
        expect(asMap(image)).to.deep.equal({ 'items/a': 0 });
        expect((await next().open()).incarnation).to.equal(image.incarnation + 1);
      });
    }

    it('rejects with `store-failed` when the database is of a later version', async () => {
      await (await storeWith('a')).close();
      (await openRaw(name, 99)).close();
      expect(await codeOf(next().open())).to.equal('store-failed');
    });
  });

  describe('a full disk', () => {
    it('rejects with `store-full`, writes none of it, and nothing behind it', async () => {
      const store = await storeWith('a');
      stubs.replace(IDBObjectStore.prototype, 'put', () => {
        throw quotaError();
      });
      const codes = [
        codeOf(store.write([put('items', 'b', 1)], 'strict')),
        codeOf(store.write([put('items', 'c', 1)], 'relaxed')),
      ];
      expect(await Promise.all(codes)).to.deep.equal(['store-full', 'store-full']);
      stubs.restore();
      expect(await codeOf(store.write([put('items', 'd', 1)], 'strict'))).to.equal('store-full');
      expect(await store.isCurrent()).to.equal(true);
      const image = await store.open();
      expect(asMap(image)).to.deep.equal({ 'items/a': 0 });
      await store.write([put('items', 'e', 1)], 'strict');
      expect((await next().open()).records).to.have.length(2);
    });

    it('rejects an `open` that finds no room with `store-full`', async () => {
      stubs.replace(IDBObjectStore.prototype, 'put', () => {
        throw quotaError();
      });
      const store = next();
      expect(await codeOf(store.open())).to.equal('store-full');
      stubs.restore();
      expect((await store.open()).incarnation).to.equal(1);
    });
  });

  describe('a refused or ill disk', () => {
    it('rejects with `store-failed` when the browser refuses IndexedDB', async () => {
      stubs.replace(IDBFactory.prototype, 'open', () => {
        throw new DOMException('access is denied', 'SecurityError');
      });
      expect(await codeOf(next().open())).to.equal('store-failed');
    });

    it('rejects with `store-failed` where there is no IndexedDB', async () => {
      stubs.replace(globalThis, 'indexedDB', undefined);
      expect(await codeOf(next().open())).to.equal('store-failed');
    });

    it('rejects an `open` that never comes with `store-failed`, and holds on to nothing', async () => {
      await (await storeWith('a')).close();
      const blocker = await openRaw(name); // Will not let go for the deletion before ours.
      const deleted = deleteDatabase(name);
      stubs.hurryTimers();
      const store = next();
      expect(await codeOf(store.open())).to.equal('store-failed');
      stubs.restore();
      blocker.close();
      await deleted;
      await deleteDatabase(name); // Comes through only if the late connection was closed.
    });

    it('rejects a `destroy` that another connection holds up with `store-failed`', async () => {
      const store = await storeWith('a');
      const blocker = await openRaw(name);
      stubs.hurryTimers();
      expect(await codeOf(store.destroy())).to.equal('store-failed');
      blocker.close();
    });

    it('rejects a write that never ends with `store-failed`', async () => {
      const store = await storeWith('a');
      const other = await openRaw(name);
      const transaction = other.transaction('self', 'readwrite');
      let isHeld = true;
      const hold = (): void => {
        if (isHeld) transaction.objectStore('self').get('self').onsuccess = hold;
      };
      hold();
      stubs.hurryTimers();
      const write = store.write([put('items', 'b', 1)], 'strict');
      expect(await codeOf(write)).to.equal('store-failed');
      isHeld = false;
      other.close();
      await store.close();
    });

    it('rejects with `store-failed` once the browser has closed the database', async () => {
      const connections = watchConnections();
      const store = await storeWith('a');
      connections[0]!.dispatchEvent(new Event('close'));
      expect(await codeOf(store.write([], 'strict'))).to.equal('store-failed');
      expect(await codeOf(store.isCurrent())).to.equal('store-failed');
      connections[0]!.close();
      expect((await store.open()).incarnation).to.equal(2);
      await store.write([put('items', 'b', 1)], 'strict');
    });

    it('lets go when another tab deletes the database, and does not make it again', async () => {
      const store = await storeWith('a');
      await deleteDatabase(name);
      expect(await codeOf(store.write([put('items', 'b', 1)], 'strict'))).to.equal('store-failed');
      expect(await codeOf(store.open())).to.equal('store-failed');
      const names = (await indexedDB.databases()).map(database => database.name);
      expect(names).not.to.include(name);
    });

    function watchConnections(): IDBDatabase[] {
      const connections: IDBDatabase[] = [];
      const { open } = IDBFactory.prototype;
      stubs.replace(IDBFactory.prototype, 'open', function (this: IDBFactory, ...args) {
        const request = open.apply(this, args);
        request.addEventListener('success', () => connections.push(request.result));
        return request;
      });
      return connections;
    }
  });

  it('resolves `connect` to false, and makes nothing, when there is no database', async () => {
    expect(await next().connect({ mayCreate: false })).to.equal(false);
    const names = (await indexedDB.databases()).map(database => database.name);
    expect(names).not.to.include(name);
  });
});
