import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import type { RequestListener } from 'node:http';
import { describe, it } from 'node:test';
import { serveHttp, serveTcp, unusedUrl, type BadServer } from './bad-servers.ts';
import { BootstrapTab, newNetwork, withBrowser } from './bootstrap-tabs.ts';

const TEST = { timeout: 90_000 };

/** What is promised, on a machine that is busy with tests. */
const REJECTED_MS_MAX = 6_000;

const HELLO = JSON.stringify({ protocol: 1, iceServers: [] });

/** Says hello like a real one. */
function helloThen(listener: RequestListener): RequestListener {
  return (request, response) => {
    if (request.url?.endsWith('/rendezvous') && request.method === 'GET') response.end(HELLO);
    else listener(request, response);
  };
}

const INVALID: readonly [string, RequestListener][] = [
  ['HTML', (_, response) => response.end('<!doctype html><title>Welcome</title>')],
  ['nothing', (_, response) => response.end()],
  ['JSON of another kind', (_, response) => response.end('{"hello":"world"}')],
  ['another protocol', (_, response) => response.end('{"protocol":2,"iceServers":[]}')],
  ['bytes', (_, response) => response.end(randomBytes(1_000))],
  ['404', (_, response) => response.writeHead(404).end('Not found')],
  ['500 and a page', (_, response) => response.writeHead(500).end('<h1>Oops</h1>')],
  ['ICE servers that are none', (_, response) => response.end(hello([{ urls: 'http://x' }]))],
  ['a redirection to itself', (_, response) => response.writeHead(302, { location: '' }).end()],
  [
    'an answer without end',
    (_, response) => {
      const send = (): void => {
        while (!response.destroyed && response.write('x'.repeat(10_000)));
      };
      response.on('drain', send);
      send();
    },
  ],
];

function hello(iceServers: unknown): string {
  return JSON.stringify({ protocol: 1, iceServers });
}

const UNREACHABLE: readonly [string, () => Promise<BadServer>][] = [
  ['silence', () => serveTcp(() => {})],
  ['an answer that stops', () => serveHttp((_, response) => void response.write('{'))],
  ['bytes that are no HTTP', () => serveTcp(socket => socket.end(randomBytes(100)))],
  ['a connection that breaks', () => serveTcp(socket => socket.destroy())],
  ['a proxy’s 502', () => serveHttp((_, response) => response.writeHead(502).end('Bad gateway'))],
  ['a proxy’s empty 500', () => serveHttp((_, response) => response.writeHead(500).end())],
  [
    'a hello and no websocket',
    () => serveHttp(helloThen((_, response) => response.writeHead(404).end())),
  ],
  ['a hello and silence', () => serveHttp(helloThen(() => {}))],
];

describe('ServerBootstrap', TEST, () => {
  it('rejects with signaling-invalid when something else answers', () =>
    withBrowser({ signaling: false }, async (_, browser) => {
      const tab = await BootstrapTab.open(browser, { network: 'x', signaling: null });
      for (const [name, listener] of INVALID) {
        for (const isReadable of [true, false]) {
          if (!isReadable && /bytes|stops|without end|itself/.test(name)) continue;
          const server = await serveHttp(listener, isReadable);
          try {
            await expectRejection(tab, server.url, 'signaling-invalid', name);
          } finally {
            await server.close();
          }
        }
      }
    }));

  for (const [name, serve] of UNREACHABLE) {
    it(`rejects with signaling-unreachable when the address gives ${name}`, () =>
      withBrowser({ signaling: false }, async (_, browser) => {
        const tab = await BootstrapTab.open(browser, { network: 'x', signaling: null });
        const server = await serve();
        try {
          await expectRejection(tab, server.url, 'signaling-unreachable', name);
        } finally {
          await server.close();
        }
      }));
  }

  it('rejects with signaling-unreachable when nobody listens, and tries on as a member', () =>
    withBrowser({}, async (lab, browser) => {
      const tab = await BootstrapTab.open(browser, { network: 'x', signaling: null });
      await expectRejection(tab, await unusedUrl(), 'signaling-unreachable', 'nobody');
      const options = { network: newNetwork(), signaling: lab.signaling.url, isServerOnly: true };
      await lab.stopSignaling();
      await tab.open(options);
      await tab.setMember(true);
      // For a while: the attempts are not many, and nothing is printed but what the browser prints.
      const before = tab.tab.log.length;
      const until = performance.now() + 4_000;
      await tab.tab.waitFor((end: number) => performance.now() > end, {
        arg: await tab.tab.evaluate(() => performance.now() + 4_000),
      });
      assert.ok(performance.now() >= until - 100);
      const lines = tab.tab.log.slice(before);
      assert.ok(lines.length > 2 && lines.length < 14, `${lines.length} lines`);
      assert.deepEqual(await tab.tab.evaluate(() => pageLab.traces), []);
      await lab.startSignaling();
      await tab.tab.waitFor(() => pageLab.traces.length === 1, { timeoutMs: 5_000 });
    }));
});

async function expectRejection(
  tab: BootstrapTab,
  signaling: string,
  code: string,
  name: string,
): Promise<void> {
  await tab.open({ network: newNetwork(), signaling, isServerOnly: true });
  const startedAt = performance.now();
  await assert.rejects(tab.introduce(), new RegExp(`code ${code}`), name);
  assert.ok(performance.now() - startedAt < REJECTED_MS_MAX, `${name} took too long`);
  await tab.close();
}
