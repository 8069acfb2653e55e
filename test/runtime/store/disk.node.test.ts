import { describe, it } from 'node:test';
import { expect } from 'chai';
import type * as claimsModule from '../../../src/runtime/store/store-claims.ts';
import { withLab } from '../../tabs/harness.ts';
import type { Tab } from '../../tabs/tab.ts';

/**
 * What a page alone cannot try: a disk that is really full, a tab and a browser that are killed.
 * Each tab claims the store of its own peer as a joining tab does.
 */
const PAGE = '/test/tabs/pages/plain.html';
const MODULE = '/src/runtime/store/store-claims.ts';

type Found = {
  readonly peer: string;
  readonly isNew: boolean;
  readonly incarnation: number;
  readonly keys: readonly string[];
};

/** Claims and opens a store, and leaves both with the page for `write`. */
function claim(tab: Tab): Promise<Found> {
  return tab.evaluate(async module => {
    const claims = (await import(module)) as typeof claimsModule;
    const { store, isNew } = await claims.claimStore({ network: 'disk' });
    const { peer, incarnation, records } = await store.open();
    Object.assign(globalThis, { store });
    return { peer, isNew, incarnation, keys: records.map(record => record.key) };
  }, MODULE);
}

/** Writes incompressible bytes, strictly; the outcome is `ok` or the error's code. */
function write(tab: Tab, key: string, bytes: number): Promise<string> {
  return tab.evaluate(
    async options => {
      const { store } = globalThis as unknown as { store: claimsModule.OwnStoreClaim['store'] };
      const value = new Uint8Array(options.bytes);
      for (let start = 0; start < options.bytes; start += 65_536) {
        crypto.getRandomValues(value.subarray(start, start + 65_536));
      }
      return store.write([{ table: 'items', key: options.key, value }], 'strict').then(
        () => 'ok',
        (error: { code: string }) => error.code,
      );
    },
    { key, bytes },
  );
}

describe('stores on a real disk', () => {
  it('say that it is full, lose nothing, and take what fits after they are opened again', () =>
    withLab({}, async lab => {
      const browser = await lab.launch({ profile: true });
      const tab = await browser.openTab(PAGE);
      const session = await browser.context.newCDPSession(tab.page);
      await session.send('Storage.overrideQuotaForOrigin', {
        origin: new URL(lab.url).origin,
        quotaSize: 3_000_000,
      });
      await claim(tab);
      expect(await write(tab, 'small', 1_000)).to.equal('ok');
      expect(await write(tab, 'large', 8_000_000)).to.equal('store-full');
      expect(await write(tab, 'behind it', 1)).to.equal('store-full');
      const keys = await tab.evaluate(async () => {
        const { store } = globalThis as unknown as { store: claimsModule.OwnStoreClaim['store'] };
        return (await store.open()).records.map(record => record.key);
      });
      expect(keys).to.deep.equal(['small']);
      expect(await write(tab, 'also small', 1_000)).to.equal('ok');
    }));

  it('go to another tab when theirs is killed, with all that was written', () =>
    withLab({}, async lab => {
      const browser = await lab.launch();
      const [one, two] = await browser.openTabs(2, PAGE);
      const first = await claim(one!);
      expect(await write(one!, 'a', 1_000)).to.equal('ok');
      const second = await claim(two!);
      expect(second.isNew).to.equal(true);
      expect(second.peer).not.to.equal(first.peer);
      await one!.kill();
      const three = await browser.openTab(PAGE);
      const { peer } = first;
      expect(await claim(three)).to.deep.equal({ peer, isNew: false, incarnation: 2, keys: ['a'] });
    }));

  it('outlive a browser that is killed the moment a strict write is confirmed', () =>
    withLab({}, async lab => {
      const browser = await lab.launch({ profile: true });
      const tab = await browser.openTab(PAGE);
      const { peer } = await claim(tab);
      for (const key of ['a', 'b', 'c']) expect(await write(tab, key, 100_000)).to.equal('ok');
      await browser.kill();
      const again = await lab.launch({ profile: browser.profile! });
      const found = await claim(await again.openTab(PAGE));
      expect(found).to.deep.equal({ peer, isNew: false, incarnation: 2, keys: ['a', 'b', 'c'] });
    }));
});
