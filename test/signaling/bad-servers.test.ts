import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import type { RequestListener } from 'node:http';
import { describe, it } from 'node:test';
import { serveHttp, serveTcp, unusedUrl, type BadServer } from './bad-servers.ts';
import { newNetwork, withScene, type BootstrapTab } from './bootstrap-tabs.ts';

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

describe('ServerBootstrap', () => {
  it('rejects with signaling-invalid when something else answers', TEST, () =>
    withScene({ hasServer: false }, async scene => {
      const tab = await scene.open({ network: 'x', signaling: null });
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
    }),
  );

  it('rejects with signaling-unreachable when there is nothing that works', TEST, () =>
    withScene({ hasServer: false }, async scene => {
      // All at once: most of them take as long as this page is patient.
      const attempts = UNREACHABLE.map(async ([name, serve]) => {
        const tab = await scene.open({ network: 'x', signaling: null });
        const server = await serve();
        try {
          await expectRejection(tab, server.url, 'signaling-unreachable', name);
        } finally {
          await server.close();
        }
      });
      await Promise.all(attempts);
    }),
  );

  it('rejects with signaling-unreachable when nobody listens, and tries on as a member', TEST, () =>
    withScene({}, async scene => {
      const tab = await scene.open({ network: 'x', signaling: null });
      await expectRejection(tab, await unusedUrl(), 'signaling-unreachable', 'nobody');
      const options = { network: newNetwork(), signaling: scene.server.url, isServerOnly: true };
      await scene.stopServer();
      await tab.open(options);
      await tab.setMember(true);
      // The browser prints a line for each attempt, and nothing else is printed. Eight attempts are
      // at least 5 s apart, the first four half a second.
      const startedAt = performance.now();
      const { log } = tab.tab;
      const linesAt = log.length;
      const isQuiet = (): boolean => log.slice(linesAt).every(line => /ERR_CONNECTION/.test(line));
      while (log.length < linesAt + 8) await new Promise(resolve => setTimeout(resolve, 50));
      assert.ok(isQuiet(), log.slice(linesAt).join());
      assert.ok(performance.now() - startedAt > 4_000, 'it asks too often');
      assert.deepEqual(await tab.tab.evaluate(() => pageLab.traces), []);
      await scene.startServer();
      await tab.tab.waitFor(() => pageLab.traces.length === 1, { timeoutMs: 5_000 });
    }),
  );
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
