import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import type { RequestListener } from 'node:http';
import { describe, it } from 'node:test';
import { serveHttp, serveTcp, unusedUrl, type BadServer } from '../signaling/bad-servers.ts';
import { withLab, type Lab, type Tab, type TabBrowser } from './harness.ts';
import { get, openRing, put, ringPath, untilPerfect } from './rings.ts';
import type {} from './pages/stranger.ts';

/**
 * What a ring must bear from outside: addresses that are none, servers that are something else, a
 * disk that is full or refused, and pages that open links and say what they like on them.
 */
const STRANGER = '/test/tabs/pages/stranger.html';

/** How joining ended: the error's code, or the status. */
type Ending = { readonly code: string; readonly ms: number };

/** Joins a network of its own through this address. The page must be opened with `wait`. */
function joinThrough(tab: Tab, signaling: string): Promise<Ending> {
  return tab.evaluate(
    async options => {
      const beganMs = performance.now();
      const end = (code: string) => ({ code, ms: performance.now() - beganMs });
      try {
        const ring = await window.Tabring.join(options);
        await ring.leave();
        return end('it joined');
      } catch (error) {
        return end(error instanceof window.TabringError ? error.code : String(error));
      }
    },
    { network: `through ${signaling}`, signaling },
  );
}

/** A rejection by the server itself comes within seconds, by the documented deadline in any case. */
const JOIN_MS_MAX = 15_000;

const HELLO = JSON.stringify({ protocol: 1, iceServers: [] });

/** A server that says hello like a real one, and does something else with every other request. */
function afterHello(listener: RequestListener): RequestListener {
  return (request, response) => {
    const isHello = request.url?.endsWith('/rendezvous') && request.method === 'GET';
    if (isHello) response.end(HELLO);
    else listener(request, response);
  };
}

const endless: RequestListener = (_, response) => {
  const send = (): void => {
    while (!response.destroyed && response.write('x'.repeat(10_000)));
  };
  response.on('drain', send);
  send();
};

type Serve = () => Promise<BadServer>;

/** What it does, the code that joining through it ends with, and how to start it. */
type NoServer = readonly [string, 'signaling-unreachable' | 'signaling-invalid', Serve];

const NO_SERVERS: readonly NoServer[] = [
  ['silence', 'signaling-unreachable', () => serveTcp(() => {})],
  ['bytes', 'signaling-unreachable', () => serveTcp(socket => socket.end(randomBytes(99)))],
  ['a broken connection', 'signaling-unreachable', () => serveTcp(socket => socket.destroy())],
  ['half an answer', 'signaling-unreachable', http((_, response) => void response.write('{'))],
  ['HTML', 'signaling-invalid', http((_, response) => void response.end('<h1>Welcome</h1>'))],
  ['other JSON', 'signaling-invalid', http((_, response) => void response.end('{"a":1}'))],
  ['an endless answer', 'signaling-invalid', http(endless)],
  ['500', 'signaling-invalid', http((_, response) => void response.writeHead(500).end('Oops'))],
  ['404', 'signaling-invalid', http((_, response) => void response.writeHead(404).end('None'))],
  ['hello and silence', 'signaling-unreachable', http(afterHello(() => {}))],
  [
    'hello and 404',
    'signaling-unreachable',
    http(afterHello((_, response) => void response.writeHead(404).end())),
  ],
];

function http(listener: RequestListener): Serve {
  return () => serveHttp(listener);
}

describe('joining through a signaling address', () => {
  it('at which nobody listens ends with signaling-unreachable', () =>
    withLab({}, async lab => {
      const tab = await (await lab.launch()).openTab(ringPath({ wait: '' }));
      const { code, ms } = await joinThrough(tab, await unusedUrl());
      assert.equal(code, 'signaling-unreachable');
      assert.ok(ms < JOIN_MS_MAX, `after ${ms} ms`);
    }));

  it('that is something else ends with an error that says so', () =>
    withLab({}, async lab => {
      const tab = await (await lab.launch()).openTab(ringPath({ wait: '' }));
      const tryToJoin = async ([name, expected, serve]: NoServer): Promise<void> => {
        const server = await serve();
        try {
          const { code, ms } = await joinThrough(tab, server.url);
          assert.equal(code, expected, name);
          assert.ok(ms < JOIN_MS_MAX, `${name}: after ${ms} ms`);
        } finally {
          await server.close();
        }
      };
      await Promise.all(NO_SERVERS.map(tryToJoin));
    }));

  it('that is none does no harm to tabs of one browser that find each other', () =>
    withLab({}, async lab => {
      const browser = await lab.launch();
      const tabs = await openRing(browser, 2);
      const server = await serveHttp((_, response) => void response.end('<h1>Welcome</h1>'));
      try {
        tabs.push(...(await openRing(browser, 1, { signaling: server.url })));
        await untilPerfect(tabs);
        await put(tabs[2]!, 'greeting', 'hello');
        assert.equal(await get(tabs[0]!, 'greeting'), 'hello');
      } finally {
        await server.close();
      }
    }));
});

/** The code of the error that the call ends with, or `done`. */
function putCode(tab: Tab, key: string, bytes: number): Promise<string> {
  return tab.evaluate(
    async ([k, length]) => {
      const value = new Uint8Array(length);
      // Random, so that nothing can pack it; in portions, for no more is given at once.
      for (let start = 0; start < length; start += 65_536) {
        crypto.getRandomValues(value.subarray(start, Math.min(start + 65_536, length)));
      }
      try {
        // Others could confirm it yet, so a refusal comes when the time is up.
        await window.ring?.put(k, value, { timeoutMs: 5_000 });
        return 'done';
      } catch (error) {
        return error instanceof window.TabringError ? error.code : String(error);
      }
    },
    [key, bytes] as const,
  );
}

/** The number of bytes stored under each key, or what the read ended with. */
function lengths(tab: Tab, keys: readonly string[]): Promise<(number | string)[]> {
  return tab.evaluate(
    names =>
      Promise.all(
        names.map(async name => {
          try {
            const value = await window.ring?.get(name);
            return value instanceof Uint8Array ? value.length : String(value);
          } catch (error) {
            return error instanceof window.TabringError ? error.code : String(error);
          }
        }),
      ),
    keys,
  );
}

/** Sets how many bytes all tabs of the browser may store together; no number: as many as they want. */
type SetQuota = (quotaSize?: number) => Promise<void>;

/**
 * Of a browser without tabs yet: an open database notices a lower limit only half a minute later. The
 * limit is lifted by itself when the session that has set it ends, and that with its page.
 */
async function quotaOf(lab: Lab, browser: TabBrowser): Promise<SetQuota> {
  const { page } = await browser.openTab('/test/tabs/pages/plain.html');
  const session = await browser.context.newCDPSession(page);
  const { origin } = new URL(lab.url);
  return async quotaSize => {
    const limit = quotaSize === undefined ? {} : { quotaSize };
    await session.send('Storage.overrideQuotaForOrigin', { origin, ...limit });
  };
}

/** Bytes of one value: large enough that a few fill the disk, small enough to cross at once. */
const VALUE_BYTES = 400_000;
const QUOTA_BYTES = 6_000_000;
const VALUES_MAX = 60;

/** Stores values until one is refused. Returns the keys of those that were not, and the refusal. */
async function fillDisk(tab: Tab): Promise<{ keys: string[]; code: string }> {
  const keys: string[] = [];
  for (let i = 0; i < VALUES_MAX; i++) {
    const code = await putCode(tab, `value ${i}`, VALUE_BYTES);
    if (code !== 'done') return { keys, code };
    keys.push(`value ${i}`);
  }
  throw new Error('the disk does not become full');
}

describe('a full disk', () => {
  for (const tabCount of [1, 2]) {
    it(`refuses a write with store-full, keeps all before it, and takes more once there is room (${tabCount} tabs)`, () =>
      withLab({}, async lab => {
        const browser = await lab.launch({ profile: true });
        const setQuota = await quotaOf(lab, browser);
        await setQuota(QUOTA_BYTES);
        const tabs = await openRing(browser, tabCount);
        await untilPerfect(tabs);
        const { keys, code } = await fillDisk(tabs[0]!);
        assert.ok(keys.length > 0, 'some fit');
        // A tab that holds no replica of the key only knows that the others did not confirm.
        const refused = tabCount === 1 ? /^store-full$/ : /^(store-full|outcome-unknown)$/;
        assert.match(code, refused);
        // Every one that was confirmed, from every tab, while there is no room.
        for (const tab of tabs) {
          const found = await lengths(tab, keys);
          assert.deepEqual(found, Array(keys.length).fill(VALUE_BYTES), tab.name);
        }
        assert.match(await putCode(tabs.at(-1)!, 'another', VALUE_BYTES), refused);
        const problems = await Promise.all(tabs.map(tab => tab.evaluate(() => window.problems)));
        assert.ok(problems.flat().includes('store-full'), 'somebody is told of it');

        await setQuota();
        for (const tab of tabs) {
          assert.equal(await putCode(tab, `after ${tab.name}`, VALUE_BYTES), 'done');
        }
        keys.push(...tabs.map(tab => `after ${tab.name}`));
        await untilPerfect(tabs);

        // On disk, not only in memory.
        await Promise.all(tabs.map(tab => tab.kill()));
        const [again] = await openRing(browser, 1);
        const found = await lengths(again!, keys);
        assert.deepEqual(found, Array(keys.length).fill(VALUE_BYTES));
      }));
  }

  it('that belongs to a new tab makes its joining end with store-full', () =>
    withLab({}, async lab => {
      const browser = await lab.launch({ profile: true });
      const setQuota = await quotaOf(lab, browser);
      const tab = await browser.openTab(ringPath({ wait: '' }));
      await setQuota(1);
      const code = await tab.evaluate(() =>
        window.Tabring.join({ network: 'test' }).then(
          () => 'it joined',
          (error: unknown) => (error instanceof window.TabringError ? error.code : String(error)),
        ),
      );
      assert.equal(code, 'store-full');
      await setQuota();
      await openRing(browser, 1);
    }));
});

describe('IndexedDB that is refused', () => {
  it('makes joining end with store-failed, and a ring in memory works all the same', () =>
    withLab({}, async lab => {
      const browser = await lab.launch();
      await browser.context.addInitScript(() => {
        IDBFactory.prototype.open = () => {
          throw new DOMException('The user has denied it.', 'SecurityError');
        };
      });
      const refused = await browser.openTab(ringPath());
      const code = await refused.waitFor(() => window.joinError);
      assert.equal(code, 'store-failed');
      const tabs = await openRing(browser, 2, { store: 'memory' });
      await untilPerfect(tabs);
      await put(tabs[0]!, 'greeting', 'hello');
      assert.equal(await get(tabs[1]!, 'greeting'), 'hello');
    }));
});

/** A sum of a counter over tabs. */
async function counted(tabs: readonly Tab[], name: string): Promise<number> {
  const counts = await Promise.all(
    tabs.map(tab => tab.evaluate(key => window.ring?.snapshot().counters[key] ?? 0, name)),
  );
  return counts.reduce((sum, count) => sum + count, 0);
}

async function untilCounted(tabs: readonly Tab[], name: string, atLeast: number): Promise<void> {
  const deadline = performance.now() + 20_000;
  while ((await counted(tabs, name)) < atLeast) {
    if (performance.now() > deadline) {
      throw new Error(`${name} is ${await counted(tabs, name)}, not ${atLeast}`);
    }
  }
}

describe('a stranger that opens a link to a tab of the ring', () => {
  it('as a peer, and floods it with garbage, does no harm, and is counted', () =>
    withLab({}, async lab => {
      const browser = await lab.launch();
      const tabs = await openRing(browser, 3);
      await untilPerfect(tabs);
      await put(tabs[0]!, 'before', 'here');
      const stranger = await browser.openTab(STRANGER);
      const link = await stranger.evaluate(() => window.stranger.connect('test'));
      await stranger.evaluate(one => window.stranger.hello(one), link);
      await stranger.waitFor(one => window.stranger.look(one).heard.length > 1, { arg: link });

      const sent = await stranger.evaluate(
        one => window.stranger.flood(one, { seed: 1, rounds: 20 }),
        link,
      );
      const frames = await stranger.evaluate(
        one => window.stranger.floodFrames(one, { seed: 2, count: 400 }),
        link,
      );
      assert.ok(sent > 200, `${sent} messages of garbage`);
      // While it goes on: the ring answers.
      const storing = put(tabs[1]!, 'meanwhile', 'stored');
      await untilCounted(tabs, 'message.malformed', sent);
      await untilCounted(tabs, 'link.malformed', frames);
      await storing;
      await untilPerfect(tabs);
      for (const tab of tabs) {
        assert.equal(await get(tab, 'before'), 'here');
        assert.equal(await get(tab, 'meanwhile'), 'stored');
      }
    }));

  it('and never says hello is hung up on', () =>
    withLab({}, async lab => {
      const browser = await lab.launch();
      const tabs = await openRing(browser, 2);
      await untilPerfect(tabs);
      const stranger = await browser.openTab(STRANGER);
      const link = await stranger.evaluate(() => window.stranger.connect('test'));
      await stranger.waitFor(one => window.stranger.look(one).end, { arg: link });
      await untilCounted(tabs, 'link.stranger', 1);
      await untilPerfect(tabs);
      await put(tabs[0]!, 'greeting', 'hello');
      assert.equal(await get(tabs[1]!, 'greeting'), 'hello');
    }));

  const strange: readonly (readonly [string, Readonly<Record<string, string | number>>])[] = [
    ['of another network', { network: 'another' }],
    ['of another protocol', { protocol: 2 }],
    ['without a name', { peer: '' }],
    ['in no run', { incarnation: -1 }],
    ['with more to say than a hello has', { more: 'of it' }],
  ];
  it('and says hello as somebody who has no business there is hung up on', () =>
    withLab({}, async lab => {
      const browser = await lab.launch();
      const tabs = await openRing(browser, 2);
      await untilPerfect(tabs);
      const stranger = await browser.openTab(STRANGER);
      for (const [name, changes] of strange) {
        const link = await stranger.evaluate(() => window.stranger.connect('test'));
        await stranger.evaluate(([one, other]) => window.stranger.hello(one, other), [
          link,
          changes,
        ] as const);
        await stranger.waitFor(one => window.stranger.look(one).end, {
          arg: link,
          what: `${name}: is hung up on`,
          timeoutMs: 4_000, // Before it would be for saying nothing.
        });
        const { heard } = await stranger.evaluate(one => window.stranger.look(one), link);
        assert.ok(heard.length <= 1, `${name}: hears nothing but a hello`);
      }
      await untilCounted(tabs, 'link.stranger', strange.length);
      await untilPerfect(tabs);
      await put(tabs[0]!, 'greeting', 'hello');
      assert.equal(await get(tabs[1]!, 'greeting'), 'hello');
    }));

  it('and says hello as a tab of the ring is no danger to it', () =>
    withLab({}, async lab => {
      const browser = await lab.launch();
      const tabs = await openRing(browser, 3);
      await untilPerfect(tabs);
      const stranger = await browser.openTab(STRANGER);
      const ids = await Promise.all(tabs.map(tab => tab.evaluate(() => window.ring!.id)));
      for (const peer of ids) {
        const link = await stranger.evaluate(() => window.stranger.connect('test'));
        // A run that is over: the link to the present one must stay.
        await stranger.evaluate(
          ([one, name]) => window.stranger.hello(one, { peer: name, incarnation: 0 }),
          [link, peer] as const,
        );
        await stranger.waitFor(one => window.stranger.look(one).end, { arg: link });
      }
      await untilPerfect(tabs);
      await put(tabs[0]!, 'greeting', 'hello');
      for (const tab of tabs) assert.equal(await get(tab, 'greeting'), 'hello');
    }));
});
