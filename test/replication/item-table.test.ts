import { expect } from 'chai';
import fc from 'fast-check';
import type { PeerId } from '../../src/kernel/machine.ts';
import { ItemTable, itemBytes, parseItem } from '../../src/replication/item-table.ts';
import { Placement } from '../../src/replication/placement.ts';
import type { Item } from '../../src/replication/replica-message.ts';
import { compareVersions, type Version } from '../../src/replication/version.ts';

const placement = new Placement({ degree: 4, slotCount: 8 });
const EVERY = () => true;

const version: fc.Arbitrary<Version> = fc.record({
  counter: fc.integer({ min: 1, max: 4 }),
  writer: fc.constantFrom('a', 'b', 'c').map(writer => writer as PeerId),
  incarnation: fc.integer({ min: 1, max: 3 }),
});

/** One version stands for one value: so the value is made of it. */
const item: fc.Arbitrary<Item> = fc
  .tuple(fc.constantFrom('k1', 'k2', 'k3', 'ключ'), version)
  .map(([key, own]) => ({
    key,
    version: own,
    value: own.counter === 4 ? null : Uint8Array.of(own.counter, own.incarnation),
  }));

function tableOf(items: readonly Item[]): ItemTable {
  const table = new ItemTable(placement);
  for (const one of items) table.put(one);
  return table;
}

describe('versions', () => {
  it('are totally ordered', () => {
    const nullable = fc.option(version);
    fc.assert(
      fc.property(nullable, nullable, nullable, (x, y, z) => {
        expect(Math.sign(compareVersions(x, y)) + Math.sign(compareVersions(y, x))).to.equal(0);
        const isSame = JSON.stringify(x) === JSON.stringify(y);
        expect(compareVersions(x, y) === 0).to.equal(isSame);
        if (compareVersions(x, y) <= 0 && compareVersions(y, z) <= 0) {
          expect(compareVersions(x, z)).to.be.at.most(0);
        }
      }),
      { numRuns: 1_000 },
    );
  });
});

describe('ItemTable', () => {
  it('holds the newest of each key, whatever the order, and then has the same digest', () => {
    fc.assert(
      fc.property(fc.array(item), fc.nat(), (items, turn) => {
        const at = items.length === 0 ? 0 : turn % items.length;
        const [one, two] = [
          tableOf(items),
          tableOf([...items.slice(at), ...items.slice(0, at)].reverse()),
        ];
        expect(one.digest(EVERY)).to.equal(two.digest(EVERY));
        expect(one.bytes).to.equal(two.bytes);
        for (const { key, version: own } of items) {
          expect(compareVersions(one.version(key), own)).to.be.at.least(0);
          expect(one.get(key)).to.deep.equal(two.get(key));
        }
        const held = [...one.changes(EVERY)].map(entry => entry.item);
        expect(one.bytes).to.equal(held.reduce((sum, next) => sum + itemBytes(next), 0));
      }),
    );
  });

  it('has another digest when one version differs', () => {
    const one: Item = {
      key: 'k',
      version: { counter: 1, writer: 'a' as PeerId, incarnation: 1 },
      value: null,
    };
    const base = tableOf([one]).digest(EVERY);
    for (const change of [{ counter: 2 }, { writer: 'b' as PeerId }, { incarnation: 2 }]) {
      const other = { ...one, version: { ...one.version, ...change } };
      expect(tableOf([other]).digest(EVERY), JSON.stringify(change)).to.not.equal(base);
    }
    expect(tableOf([]).digest(EVERY)).to.not.equal(base);
  });

  it('tells changes in their order, so that who copies it in portions misses none', () => {
    fc.assert(
      fc.property(fc.array(item), fc.array(item), fc.integer({ min: 1, max: 3 }), (a, b, size) => {
        const source = tableOf(a);
        const copy = new ItemTable(placement);
        let since = 0;
        const copyPortion = (): boolean => {
          const portion = [...source.changes(EVERY, since)].slice(0, size);
          for (const entry of portion) {
            expect(entry.sequence).to.be.above(since);
            since = entry.sequence;
            copy.put(entry.item);
          }
          return portion.length > 0;
        };
        for (const next of b) {
          copyPortion();
          source.put(next); // While it is being copied.
        }
        while (copyPortion());
        expect(copy.digest(EVERY)).to.equal(source.digest(EVERY));
      }),
    );
  });

  it('counts bytes of what it removes off again', () => {
    fc.assert(
      fc.property(fc.array(item), items => {
        const table = tableOf(items);
        for (const { key } of items) table.remove(key);
        expect([table.bytes, table.size]).to.deep.equal([0, 0]);
        expect(table.remove('k1')).to.equal(false);
      }),
    );
  });

  it('reads no record that no peer of ours wrote', () => {
    for (const odd of [null, 1, {}, { key: 'k' }, { key: '', version: null, value: null }]) {
      expect(parseItem(odd)).to.equal(null);
    }
  });
});
