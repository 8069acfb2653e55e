import { expect } from 'chai';
import { TabringError, type TabringErrorCode } from '../../src/kernel/errors.ts';
import type { Change, StoreTable } from '../../src/kernel/machine.ts';
import type { Value } from '../../src/kernel/value.ts';
import type { PeerStore, StoreImage } from '../../src/runtime/store/peer-store.ts';

/** One place to store, empty at first, and ways for one page after the other to come to it. */
export interface StorePlace {
  /** The store as the next page gets it: not open yet. */
  next(): PeerStore;
  /** Removes whatever is left. */
  dispose(): Promise<void>;
}

/** What every `PeerStore` promises. A store of your own is fit for tabring if it passes this. */
export function runStoreConformance(name: string, makePlace: () => Promise<StorePlace>): void {
  describe(`${name} conforms to PeerStore`, () => {
    let place: StorePlace;

    beforeEach(async () => {
      place = await makePlace();
    });

    afterEach(() => place.dispose());

    async function opened(): Promise<PeerStore> {
      const store = place.next();
      await store.open();
      return store;
    }

    /** What the next page finds. */
    async function found(): Promise<StoreImage> {
      const store = place.next();
      const image = await store.open();
      await store.close();
      return image;
    }

    describe('open', () => {
      it('makes an identity and an empty store the first time', async () => {
        const { peer, incarnation, records } = await found();
        expect(peer).to.be.a('string').with.length.within(1, 64);
        expect(incarnation).to.equal(1);
        expect(records).to.deep.equal([]);
      });

      it('keeps the identity and counts the opens', async () => {
        const first = await found();
        for (const incarnation of [2, 3, 4]) {
          expect(await found()).to.deep.equal({ ...first, incarnation });
        }
      });

      it('takes over from a page that did not close', async () => {
        const first = await opened();
        await first.write([put('items', 'a', 1)], 'strict');
        const image = await found();
        expect(image.incarnation).to.equal(2);
        expect(asMap(image)).to.deep.equal({ 'items/a': 1 });
      });

      it('gives images that nobody else changes', async () => {
        const store = place.next();
        await store.open();
        await store.write([put('items', 'a', { list: [1] })], 'relaxed');
        const image = await found();
        const value = image.records[0]!.value as { list: number[] };
        value.list.push(2);
        expect(asMap(await found())).to.deep.equal({ 'items/a': { list: [1] } });
        await store.close();
      });
    });

    describe('write', () => {
      it('puts, replaces and deletes in all tables', async () => {
        const store = await opened();
        await store.write(
          [put('meta', 'k', 'm'), put('items', 'k', 'i'), put('cells', 'k', 'c')],
          'strict',
        );
        await store.write([put('items', 'k', 'new'), remove('cells', 'k')], 'relaxed');
        await store.close();
        expect(asMap(await found())).to.deep.equal({ 'meta/k': 'm', 'items/k': 'new' });
      });

      it('makes the changes of one write in order', async () => {
        const store = await opened();
        await store.write(
          [put('items', 'a', 1), remove('items', 'a'), put('items', 'a', 2), put('items', 'b', 1)],
          'strict',
        );
        await store.write([put('items', 'b', 2), remove('items', 'b')], 'strict');
        await store.close();
        expect(asMap(await found())).to.deep.equal({ 'items/a': 2 });
      });

      it('takes nothing to write, and deletes of what is not there', async () => {
        const store = await opened();
        await store.write([], 'strict');
        await store.write([remove('items', 'never')], 'relaxed');
        await store.close();
        expect(asMap(await found())).to.deep.equal({});
      });

      for (const [what, value] of Object.entries(EVERY_KIND)) {
        it(`gives back what it was given: ${what}`, async () => {
          const store = await opened();
          await store.write([put('items', 'key', value)], 'strict');
          await store.close();
          expect(asMap(await found())).to.deep.equal({ 'items/key': value });
        });
      }

      it('gives back any keys', async () => {
        const keys = ['', ' ', 'a/b', 'ключ', '\u0000', '__proto__', '9', 'x'.repeat(2_000)];
        const store = await opened();
        await store.write(keys.map((key, i) => put('items', key, i)), 'strict'); // prettier-ignore
        await store.close();
        const { records } = await found();
        const entries = records.map(({ key, value }) => [key, value] as const);
        expect(new Map(entries)).to.deep.equal(new Map(keys.map((key, i) => [key, i])));
      });

      it('stores values as they are at the call', async () => {
        const store = await opened();
        const bytes = new Uint8Array([1, 2, 3]);
        const list = [1];
        const writes = [
          store.write([put('items', 'before', 0)], 'strict'), // Keeps the next one waiting.
          store.write([put('items', 'bytes', bytes), put('items', 'list', list)], 'strict'),
        ];
        bytes.fill(9);
        list.push(2);
        await Promise.all(writes);
        await store.close();
        expect(asMap(await found())).to.deep.include({
          'items/bytes': new Uint8Array([1, 2, 3]),
          'items/list': [1],
        });
      });

      it('stores bytes without the buffer that they are a view of', async () => {
        const store = await opened();
        await store.write([put('items', 'a', new Uint8Array(1_000_000).subarray(5, 8))], 'strict');
        await store.close();
        const value = (await found()).records[0]!.value as Uint8Array;
        expect([value.byteLength, value.buffer.byteLength]).to.deep.equal([3, 3]);
      });

      it('completes in the order of the calls, however many there are', async () => {
        const store = await opened();
        const completed: number[] = [];
        const writes = Array.from({ length: 2_500 }, (_, i) => {
          const durability = i % 7 === 0 ? 'strict' : 'relaxed';
          const changes = [put('items', `key ${i % 100}`, i), put('cells', 'last', i)];
          return store.write(changes, durability).then(() => completed.push(i));
        });
        await Promise.all(writes);
        expect(completed).to.deep.equal([...completed.keys()]);
        await store.close();
        const records = asMap(await found());
        expect(records['cells/last']).to.equal(2_499);
        for (let i = 0; i < 100; i++) expect(records[`items/key ${i}`]).to.equal(2_400 + i);
      });

      it('takes many changes at once', async () => {
        const store = await opened();
        const changes = Array.from({ length: 5_000 }, (_, i) => put('items', String(i), i));
        await store.write(changes, 'strict');
        await store.close();
        expect((await found()).records).to.have.length(5_000);
      });

      it('refuses what is no value, and writes nothing of it', async () => {
        const store = await opened();
        const odd: unknown[] = [() => {}, NaN, new Date(), new Map(), { a: undefined }, Array(2), 1n]; // prettier-ignore
        const circular: unknown[] = [];
        circular.push(circular);
        for (const value of [...odd, circular]) {
          const changes = [put('items', 'good', 1), put('items', 'bad', value as Value)];
          expect(await codeOf(store.write(changes, 'strict'))).to.equal('store-failed');
        }
        await store.write([put('items', 'after', 1)], 'strict');
        await store.close();
        expect(asMap(await found())).to.deep.equal({ 'items/after': 1 });
      });
    });

    describe('a former opener', () => {
      it('is refused from the moment that another one has opened the store', async () => {
        const former = await opened();
        await former.write([put('items', 'a', 'former')], 'strict');
        const next = await opened();
        const late = [put('items', 'a', 'late'), remove('items', 'b'), put('meta', 'x', 1)];
        expect(await codeOf(former.write(late, 'strict'))).to.equal('superseded');
        expect(await codeOf(former.write([], 'relaxed'))).to.equal('superseded');
        await next.write([put('items', 'b', 'next')], 'strict');
        expect(await codeOf(former.write(late, 'relaxed'))).to.equal('superseded');
        await next.close();
        expect(asMap(await found())).to.deep.equal({ 'items/a': 'former', 'items/b': 'next' });
      });

      it('is refused all that is behind the open of another, and keeps all before', async () => {
        const former = await opened();
        const outcomes: Promise<number | TabringErrorCode>[] = [];
        const issue = (i: number): void => {
          const write = former.write([put('items', String(i), i)], 'relaxed');
          outcomes.push(write.then(() => i).catch((error: TabringError) => error.code));
        };
        for (let i = 0; i < 50; i++) issue(i);
        const next = place.next();
        const opening = next.open();
        for (let i = 50; i < 100; i++) issue(i);
        const image = await opening;
        for (let i = 100; i < 150; i++) issue(i);
        const settled = await Promise.all(outcomes);
        const kept = settled.filter(outcome => outcome !== 'superseded');
        expect(kept, 'what was kept is a prefix').to.deep.equal([...kept.keys()]);
        expect(settled.slice(100)).to.deep.equal(Array(50).fill('superseded'));
        const stored = Object.values(asMap(image)).map(Number);
        expect(stored.sort((x, y) => x - y)).to.deep.equal(kept);
        await next.close();
      });

      it('is told that it is not current any more', async () => {
        const former = await opened();
        expect(await former.isCurrent()).to.equal(true);
        const next = await opened();
        expect(await former.isCurrent()).to.equal(false);
        expect(await next.isCurrent()).to.equal(true);
        await former.close();
        expect(await next.isCurrent()).to.equal(true);
        await next.close();
      });

      it('may open the store again itself, and is current then', async () => {
        const store = await opened();
        await store.write([put('items', 'a', 1)], 'relaxed');
        const other = await opened();
        expect(await codeOf(store.write([put('items', 'a', 2)], 'strict'))).to.equal('superseded');
        const image = await store.open();
        expect(image.incarnation).to.equal(3);
        expect(asMap(image)).to.deep.equal({ 'items/a': 1 });
        await store.write([put('items', 'a', 3)], 'strict');
        expect(await codeOf(other.write([], 'strict'))).to.equal('superseded');
        await store.close();
        expect(asMap(await found())).to.deep.equal({ 'items/a': 3 });
      });

      it('finishes its writes before it opens the store again', async () => {
        const store = await opened();
        const writes = Array.from({ length: 20 }, (_, i) =>
          store.write([put('items', String(i), i)], 'relaxed'),
        );
        const image = await store.open();
        await Promise.all(writes);
        expect(image.records).to.have.length(20);
        await store.close();
      });

      it('cannot destroy the store', async () => {
        const former = await opened();
        const next = await opened();
        expect(await codeOf(former.destroy())).to.equal('superseded');
        await next.write([put('items', 'a', 1)], 'strict');
        await next.close();
        expect(asMap(await found())).to.deep.equal({ 'items/a': 1 });
      });
    });

    describe('close', () => {
      it('waits for writes under way', async () => {
        const store = await opened();
        const done: number[] = [];
        for (let i = 0; i < 20; i++) {
          void store.write([put('items', String(i), i)], 'relaxed').then(() => done.push(i));
        }
        await store.close();
        expect(done).to.have.length(20);
        expect((await found()).records).to.have.length(20);
      });

      it('refuses every call afterwards, and may be called again', async () => {
        const store = await opened();
        await store.close();
        const calls = [store.open(), store.write([], 'strict'), store.isCurrent(), store.destroy()];
        for (const call of calls) expect(await codeOf(call)).to.equal('store-failed');
        await store.close();
      });

      it('is fine for a store that was never open, and so is nothing else', async () => {
        const store = place.next();
        expect(await codeOf(store.write([], 'strict'))).to.equal('store-failed');
        expect(await codeOf(store.isCurrent())).to.equal('store-failed');
        await store.close();
      });
    });

    describe('destroy', () => {
      it('removes everything, for good', async () => {
        const store = await opened();
        await store.write([put('items', 'a', 1)], 'strict');
        await store.destroy();
        expect(await codeOf(store.write([], 'strict'))).to.equal('store-failed');
        const { incarnation, records } = await found();
        expect({ incarnation, records }).to.deep.equal({ incarnation: 1, records: [] });
      });

      it('works on a store that was not opened', async () => {
        const store = await opened();
        await store.write([put('items', 'a', 1)], 'strict');
        await store.close();
        await place.next().destroy();
        expect((await found()).records).to.deep.equal([]);
      });
    });
  });
}

/** One of each that `Value` allows, and some large ones. */
const EVERY_KIND: Readonly<Record<string, Value>> = {
  null: null,
  true: true,
  false: false,
  'a number': 1.5,
  'large numbers': [Number.MAX_SAFE_INTEGER, Number.MIN_SAFE_INTEGER, 1.7e308, 5e-324],
  'empty text': '',
  'text of all kinds': 'a\u0000ключ 🎈',
  'no bytes': new Uint8Array(0),
  bytes: Uint8Array.from({ length: 256 }, (_, i) => i),
  'an empty list': [],
  'an empty object': {},
  'nested things': { a: [1, 'two', null, { b: new Uint8Array([3]) }], c: { d: { e: [[[]]] } } },
  'deep nesting': Array.from({ length: 60 }).reduce<Value>(inner => [inner], 1),
  'a megabyte of bytes': Uint8Array.from({ length: 2 ** 20 }, (_, i) => i * 7),
  'a megabyte of text': 'ab'.repeat(2 ** 19),
  'a long list': Array.from({ length: 50_000 }, (_, i) => i),
};

export function put(table: StoreTable, key: string, value: Value): Change {
  return { table, key, value };
}

export function remove(table: StoreTable, key: string): Change {
  return { table, key, value: undefined };
}

/** The records of an image by table and key. */
export function asMap(image: StoreImage): Record<string, Value> {
  return Object.fromEntries(
    image.records.map(({ table, key, value }) => [`${table}/${key}`, value]),
  );
}

/** The code with which a promise is rejected. */
export async function codeOf(promise: Promise<unknown>): Promise<TabringErrorCode> {
  const error: unknown = await promise.then(
    () => expect.fail('it was fulfilled'),
    (reason: unknown) => reason,
  );
  expect(error).to.be.instanceOf(TabringError);
  return (error as TabringError).code;
}
