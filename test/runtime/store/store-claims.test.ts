import { expect } from 'chai';
import type { StoreClaim } from '../../../src/runtime/store/peer-store.ts';
import { claimOrphans, claimStore } from '../../../src/runtime/store/store-claims.ts';
import {
  createPeerId,
  peerOfStoreName,
  storeNameOf,
} from '../../../src/runtime/store/store-name.ts';
import { asMap, codeOf, put } from '../../conformance/store.ts';
import type * as claimsModule from '../../../src/runtime/store/store-claims.ts';
import { Stubs } from './stubs.ts';

type ClaimsModule = typeof claimsModule;
const MODULE_URL = new URL('../../../src/runtime/store/store-claims.ts', import.meta.url).href;

describe('claims of stores', () => {
  const stubs = new Stubs();
  let network: string;
  let claims: StoreClaim[];
  let frames: HTMLIFrameElement[];

  beforeEach(() => {
    network = `claims: ${crypto.randomUUID()}`;
    claims = [];
    frames = [];
  });

  afterEach(async () => {
    stubs.restore();
    for (const frame of frames) frame.remove();
    for (const { store, release } of claims) {
      await store.close();
      release();
    }
    for (const { name = '' } of await indexedDB.databases()) {
      if (peerOfStoreName(name, network) !== null) indexedDB.deleteDatabase(name);
    }
    localStorage.clear();
  });

  async function claim(): Promise<StoreClaim> {
    const one = await claimStore({ network });
    claims.push(one);
    return one;
  }

  async function orphans(): Promise<StoreClaim[]> {
    const some = await claimOrphans({ network });
    claims.push(...some);
    return some;
  }

  async function letGo({ store, release }: StoreClaim): Promise<void> {
    const count = await heldCount();
    await store.close();
    release();
    await untilHeld(count - 1);
  }

  /** How many stores of the network are locked. */
  async function heldCount(): Promise<number> {
    const { held = [] } = await navigator.locks.query();
    return held.filter(({ name = '' }) => peerOfStoreName(name, network) !== null).length;
  }

  /** A lock is free a moment after its holder let go of it. */
  async function untilHeld(count: number): Promise<void> {
    while ((await heldCount()) !== count) continue;
  }

  /** Another page of this origin, whose own module code runs in it, and which can be ended. */
  async function openPage(): Promise<{ module: ClaimsModule; end(): Promise<void> }> {
    const frame = document.createElement('iframe');
    frames.push(frame);
    document.body.append(frame);
    const { eval: evaluate } = frame.contentWindow as unknown as { eval(code: string): unknown };
    const module = (await evaluate(`import(${JSON.stringify(MODULE_URL)})`)) as ClaimsModule;
    const end = async (): Promise<void> => {
      const count = await heldCount();
      frame.remove();
      await untilHeld(count - 1);
    };
    return { module, end };
  }

  async function peersOf(some: readonly StoreClaim[]): Promise<string[]> {
    return Promise.all(some.map(async ({ store }) => (await store.open()).peer));
  }

  it('makes a new store, in IndexedDB, when there is none', async () => {
    const one = await claim();
    expect(one.isNew).to.equal(true);
    expect(one.store.kind).to.equal('indexeddb');
    const image = await one.store.open();
    expect(image.incarnation).to.equal(1);
    expect(image.peer).to.match(/^[\w-]{22}$/);
  });

  it('gives a released store to the next, with its identity and data', async () => {
    const first = await claim();
    const { peer } = await first.store.open();
    await first.store.write([put('items', 'a', 1)], 'strict');
    await letGo(first);
    const second = await claim();
    expect(second.isNew).to.equal(false);
    const image = await second.store.open();
    expect({ peer: image.peer, incarnation: image.incarnation }).to.deep.equal({
      peer,
      incarnation: 2,
    });
    expect(asMap(image)).to.deep.equal({ 'items/a': 1 });
  });

  it('never gives one store to two claimers', async () => {
    const many = await Promise.all(Array.from({ length: 8 }, claim));
    const peers = await peersOf(many);
    expect(new Set(peers).size).to.equal(8);
    for (const one of many) await letGo(one);
    const again = await Promise.all(Array.from({ length: 10 }, claim));
    const peersAgain = await peersOf(again);
    expect(new Set(peersAgain).size).to.equal(10);
    expect(again.filter(({ isNew }) => isNew)).to.have.length(2);
    expect(peersAgain).to.include.members(peers);
  });

  it('never gives one store to two pages, and to another page when the first is gone', async () => {
    const page = await openPage();
    const theirs = await page.module.claimStore({ network });
    const { peer } = await theirs.store.open();
    await theirs.store.write([put('items', 'a', 'theirs')], 'strict');
    const mine = await claim();
    expect(mine.isNew).to.equal(true);
    expect(await orphans()).to.deep.equal([]);
    await page.end(); // Without closing or releasing anything, as in a crash.
    const [orphan] = await orphans();
    const image = await orphan!.store.open();
    expect(image.peer).to.equal(peer);
    expect(asMap(image)).to.deep.equal({ 'items/a': 'theirs' });
  });

  it('shares the stores out between pages that start at once', async () => {
    const before = await Promise.all(Array.from({ length: 4 }, claim));
    const peers = await peersOf(before);
    for (const one of before) await letGo(one);
    const pages = await Promise.all([openPage(), openPage(), openPage()]);
    const taken = await Promise.all(
      [claim(), ...pages.map(page => page.module.claimStore({ network }))].map(async one =>
        (await (await one).store.open()).peer,
      ),
    ); // prettier-ignore
    expect(taken).to.have.members(peers);
  });

  it('gives the orphans, and only those of the network that nobody uses', async () => {
    const [used, ...free] = await Promise.all(Array.from({ length: 4 }, claim));
    const peers = await peersOf(free);
    for (const one of free) await letGo(one);
    const stranger = await claimStore({ network: `${network} other` });
    await stranger.store.close();
    stranger.release();
    const found = await orphans();
    expect(found.map(({ isNew }) => isNew)).to.deep.equal([false, false, false]);
    expect(await peersOf(found)).to.have.members(peers);
    expect(await orphans()).to.deep.equal([]);
    await used!.store.open();
  });

  it('shares the orphans between those who ask at once', async () => {
    const before = await Promise.all(Array.from({ length: 5 }, claim));
    for (const one of before) await letGo(one);
    const [mine, theirs] = await Promise.all([orphans(), orphans()]);
    expect(mine.length + theirs.length).to.equal(5);
    expect(new Set(await peersOf([...mine, ...theirs])).size).to.equal(5);
  });

  it('does not give a store that was destroyed', async () => {
    const one = await claim();
    const { peer } = await one.store.open();
    await one.store.destroy();
    one.release();
    await untilHeld(0);
    expect(await orphans()).to.deep.equal([]);
    const next = await claim();
    expect((await next.store.open()).peer).not.to.equal(peer);
  });

  it('does not bring back a store destroyed between the listing and the lock', async () => {
    const peer = createPeerId();
    const name = storeNameOf(network, peer);
    stubs.replace(IDBFactory.prototype, 'databases', async () => [{ name, version: 1 }]);
    const one = await claim();
    expect(one.isNew).to.equal(true);
    stubs.restore();
    expect((await indexedDB.databases()).map(database => database.name)).not.to.include(name);
  });

  it('passes over a store that cannot be opened, and leaves it as it is', async () => {
    const name = storeNameOf(network, createPeerId());
    const request = indexedDB.open(name, 99); // Of a later version.
    await new Promise(resolve => (request.onsuccess = resolve));
    request.result.close();
    const one = await claim();
    expect(one.isNew).to.equal(true);
    expect(await orphans()).to.deep.equal([]);
    expect((await indexedDB.databases()).map(database => database.name)).to.include(name);
    await untilHeld(1); // The lock of the one that was passed over is free again.
  });

  it('allows to release more than once', async () => {
    const one = await claim();
    await letGo(one);
    one.release();
    expect(await orphans()).to.have.length(1);
    one.release();
    expect(await orphans()).to.deep.equal([]);
  });

  it('keeps in memory on a page without Web Locks', async () => {
    stubs.replace(navigator, 'locks', undefined);
    const [one, two] = [await claim(), await claim()];
    expect([one.store.kind, one.isNew]).to.deep.equal(['memory', true]);
    expect(new Set(await peersOf([one, two])).size).to.equal(2);
    expect(await orphans()).to.deep.equal([]);
    one.release();
  });

  for (const [what, refuse] of Object.entries({
    'open and list': () => {
      const refused = (): never => {
        throw new DOMException('access is denied', 'SecurityError');
      };
      stubs.replace(IDBFactory.prototype, 'open', refused);
      stubs.replace(IDBFactory.prototype, 'databases', refused);
    },
    open: () =>
      stubs.replace(IDBFactory.prototype, 'open', () => {
        throw new DOMException('not in private mode', 'InvalidStateError');
      }),
    'everything: there is none': () => stubs.replace(globalThis, 'indexedDB', undefined),
  })) {
    it(`rejects with \`store-failed\`, and keeps no lock, when the browser refuses to ${what}`, async () => {
      refuse();
      expect(await codeOf(claimStore({ network }))).to.equal('store-failed');
      await untilHeld(0);
    });
  }

  it('rejects with `store-failed` when the stores cannot be listed in time', async () => {
    stubs.replace(IDBFactory.prototype, 'databases', () => new Promise(() => {}));
    stubs.hurryTimers();
    expect(await codeOf(claimStore({ network }))).to.equal('store-failed');
    expect(await codeOf(claimOrphans({ network }))).to.equal('store-failed');
  });

  it('finds stores again in a browser that cannot list databases', async () => {
    stubs.replace(IDBFactory.prototype, 'databases', undefined);
    const first = await claim();
    const { peer } = await first.store.open();
    await letGo(first);
    const second = await claim();
    expect((await second.store.open()).peer).to.equal(peer);
    await second.store.destroy();
    second.release();
    await untilHeld(0);
    const third = await claim();
    expect(third.isNew).to.equal(true);
    expect(Object.keys(localStorage), 'the note of the destroyed one').to.have.length(1);
  });

  describe('persistence', () => {
    const cases = {
      persistent: () => Promise.resolve(true),
      'best-effort': () => Promise.resolve(false),
      unknown: () => Promise.reject(new Error('refused')),
    };
    for (const [outcome, persist] of Object.entries(cases)) {
      it(`is asked for and reported: ${outcome}`, async () => {
        stubs.replace(StorageManager.prototype, 'persist', persist);
        const one = await claimStore({ network });
        claims.push(one);
        expect(await one.persistence).to.equal(outcome);
      });
    }

    it('keeps nobody waiting', async () => {
      stubs.replace(StorageManager.prototype, 'persist', () => new Promise(() => {}));
      await (await claim()).store.open();
    });
  });
});

describe('names of stores', () => {
  it('give the peer back, for any network, and for no other', () => {
    const peer = createPeerId();
    for (const network of ['', ':', 'a:b', '/', 'ключ', peer]) {
      const name = storeNameOf(network, peer);
      expect(peerOfStoreName(name, network)).to.equal(peer);
      for (const other of ['x', 'a', ':b']) expect(peerOfStoreName(name, other)).to.equal(null);
    }
    for (const name of ['', 'tabring:', 'tabring:x:y', `tabring:${peer}`, `x${peer}:y`]) {
      expect(peerOfStoreName(name, 'y')).to.equal(null);
    }
  });

  it('hold new identities each time', () => {
    const peers = Array.from({ length: 1_000 }, createPeerId);
    expect(new Set(peers).size).to.equal(1_000);
    for (const peer of peers) expect(peer).to.match(/^[\w-]{22}$/);
  });
});
