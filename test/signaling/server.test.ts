import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { describe, it } from 'node:test';
import { startSignaling } from '../../signaling/server.ts';
import { openSocket, Page, post, request, until, withServer } from './clients.ts';

const TEST = { timeout: 20_000 };

describe('the signaling server', () => {
  it('describes itself to people, and says hello to pages', TEST, () =>
    withServer({ iceServers: [{ urls: ['stun:127.0.0.1:3478'] }] }, async server => {
      const page = await Page.open(server, 'a');
      await page.ask('register');
      const { status, json } = await request(server.url);
      assert.equal(status, 200);
      assert.equal(json['name'], 'tabring signaling server');
      assert.deepEqual([json['pages'], json['members'], json['networks']], [1, 1, 1]);
      assert.deepEqual((await request(`${server.url}/`)).status, 200);
      const hello = await request(`${server.url}/rendezvous`);
      const iceServers = [{ urls: ['stun:127.0.0.1:3478'] }];
      assert.deepEqual(hello, { status: 200, json: { protocol: 1, iceServers } });
    }),
  );

  it('is open to pages of every origin', TEST, () =>
    withServer({}, async server => {
      const url = `${server.url}/rendezvous`;
      const headers = { origin: 'https://example.org', 'access-control-request-method': 'POST' };
      const preflight = await fetch(url, { method: 'OPTIONS', headers });
      assert.equal(preflight.status, 204);
      assert.match(preflight.headers.get('access-control-allow-methods') ?? '', /POST/);
      for (const response of [preflight, await fetch(url), await fetch(server.url)]) {
        assert.equal(response.headers.get('access-control-allow-origin'), '*');
        await response.text();
      }
    }),
  );

  it('introduces pages to each other', TEST, () =>
    withServer({ rendezvous: { collectMs: 50 } }, async server => {
      const [a, b] = [await Page.open(server, 'a'), await Page.open(server, 'b')];
      assert.equal((await a.introduce())['type'], 'wait');
      assert.equal((await b.introduce())['type'], 'wait');
      const found = await until(
        () => a.introduce(),
        answer => answer['type'] === 'found',
      );
      assert.equal(found['protocol'], 1);
      assert.equal((await b.introduce())['type'], 'wait');
      assert.equal((await a.ask('renew'))['type'], 'found');
      assert.deepEqual(await a.ask('register'), {
        protocol: 1,
        type: 'registered',
        isListed: true,
      });
      assert.deepEqual(await b.introduce(), { protocol: 1, type: 'join', members: ['a'] });
      await b.ask('register');
      assert.deepEqual(await b.ask('find'), { protocol: 1, type: 'members', members: ['a'] });
      assert.deepEqual(await a.ask('withdraw'), { protocol: 1, type: 'withdrawn' });
      assert.deepEqual((await b.ask('find'))['members'], []);
    }),
  );

  it('forgets a member at once when its websocket is gone', TEST, () =>
    withServer({}, async server => {
      const pages: Page[] = [];
      for (const id of ['a', 'b', 'c']) pages.push(await Page.open(server, id));
      for (const page of pages) await page.ask('register');
      pages[0]!.socket.terminate();
      pages[1]!.socket.close();
      await until(
        () => pages[2]!.ask('find'),
        ({ members }) => Array.isArray(members) && members.length === 0,
      );
    }),
  );

  it('waits for a member whose websocket broke, not for one that closed it', TEST, () =>
    withServer({ rendezvous: { graceMs: 2_000 } }, async server => {
      const [a, b, c] = [
        await Page.open(server, 'a'),
        await Page.open(server, 'b'),
        await Page.open(server, 'c'),
      ];
      const isAlone = () =>
        until(
          () => request(server.url),
          ({ json }) => json['members'] === 0,
        );
      const isFounder = () =>
        until(
          () => a.introduce(true),
          ({ type }) => type === 'found',
        );
      await isFounder(); // The grace after the start is over.
      await a.ask('withdraw');
      await b.ask('register');
      b.socket.terminate();
      await isAlone();
      assert.equal((await a.introduce(true))['type'], 'wait');
      await isFounder();
      await a.ask('withdraw');
      await c.ask('register');
      c.socket.close();
      await isAlone();
      assert.equal((await a.introduce(true))['type'], 'found');
    }),
  );

  it('greets a page that returns under its id, and drops its old websocket', TEST, () =>
    withServer({}, async server => {
      const before = await Page.open(server, 'a');
      await before.ask('register');
      const after = await Page.open(server, 'a');
      await before.closed;
      const other = await Page.open(server, 'b');
      assert.deepEqual((await other.ask('find'))['members'], ['a'], 'it is still a member');
      other.send({ type: 'OFFER', dst: 'a', payload: { sdp: 'x' } });
      assert.equal((await after.received('OFFER'))['src'], 'b');
    }),
  );

  it('tells at once that the page an offer is for is not there', TEST, () =>
    withServer({}, async server => {
      const page = await Page.open(server, 'a');
      page.send({ type: 'OFFER', dst: 'nobody', payload: {} });
      const expire = await page.received('EXPIRE');
      assert.equal(expire['src'], 'nobody');
    }),
  );

  it('closes a websocket that no longer answers, soon if somebody could not reach it', TEST, () =>
    withServer({ pingMs: 60_000, probeMs: 200 }, async server => {
      const [dead, a] = [await Page.open(server, 'dead'), await Page.open(server, 'a')];
      await dead.ask('register');
      dead.socket.pong = () => {}; // What its library would do by itself.
      (dead.socket as unknown as { _receiver: { removeAllListeners(e: string): void } })[
        '_receiver'
      ].removeAllListeners('ping');
      await a.ask('find', { failed: ['dead'] });
      await dead.closed;
      await a.ask('find', { failed: ['dead', 'a', 'nobody'] });
      assert.deepEqual((await a.ask('find'))['members'], []);
      assert.equal(a.socket.readyState, 1);
    }),
  );

  it('does not know pages without a websocket, nor with the wrong token', TEST, () =>
    withServer({}, async server => {
      const body = { network: 'net', id: 'a', token: 't', action: 'register' };
      assert.equal((await post(server, body)).status, 409);
      await Page.open(server, 'a');
      const { status, json } = await post(server, body);
      assert.equal(status, 403);
      assert.equal((json['error'] as { code: string }).code, 'wrong-token');
    }),
  );

  it('refuses an id that somebody has', TEST, () =>
    withServer({}, async server => {
      await Page.open(server, 'a');
      const thief = Page.connect(server, { id: 'a', token: 'wrong' });
      assert.equal((await thief.received('ID-TAKEN'))['type'], 'ID-TAKEN');
      await thief.closed;
    }),
  );

  it('starts again at the same port at once, and knows nobody', TEST, () =>
    withServer({}, async server => {
      const page = await Page.open(server, 'a');
      await page.ask('register');
      await server.close();
      await page.closed;
      const again = await startSignaling({ port: server.port });
      try {
        assert.equal((await request(again.url)).json['members'], 0);
        const answer = await (await Page.open(again, 'a')).introduce(true);
        assert.equal(answer['type'], 'wait', 'its members have time to come back');
      } finally {
        await again.close();
      }
    }),
  );

  it('rejects wrong options and an occupied port', TEST, () =>
    withServer({}, async server => {
      await assert.rejects(startSignaling({ port: server.port }), { code: 'EADDRINUSE' });
      await assert.rejects(startSignaling({ port: 0, path: 'signaling' }), /path/);
      await assert.rejects(startSignaling({ port: 0, path: '/a b' }), /path/);
    }),
  );

  it('can be anywhere', TEST, () =>
    withServer({ path: '/' }, async server => {
      assert.equal((await request(server.url)).status, 200);
      const page = await Page.open(server, 'a');
      assert.equal((await page.introduce())['type'], 'found');
    }),
  );
});

describe('the signaling server, mistreated,', () => {
  it('answers malformed requests with an error', TEST, () =>
    withServer({}, async server => {
      const page = await Page.open(server, 'a');
      const good = { network: 'net', id: 'a', token: page.token, action: 'find' };
      const bodies: unknown[] = [
        '',
        '{',
        'null',
        '[]',
        '"find"',
        '\u0000',
        {},
        { ...good, action: 'else' },
        { ...good, action: 'introduce' },
        { ...good, action: 'introduce', holdsStore: 'yes' },
        { ...good, network: '' },
        { ...good, network: 'x'.repeat(129) },
        { ...good, network: 1 },
        { ...good, id: '' },
        { ...good, id: 'x'.repeat(65) },
        { ...good, id: '../a' },
        { ...good, token: null },
        { ...good, failed: 'b' },
        { ...good, failed: Array.from({ length: 9 }, () => 'b') },
        '{"network":"\\ud800","id":"a","token":"t","action":"find"}',
        '['.repeat(2_000),
      ];
      for (const body of bodies) {
        const { status, json } = await post(server, body);
        assert.equal(status, 400, JSON.stringify(body));
        assert.equal((json['error'] as { code: string }).code, 'malformed');
      }
      assert.equal((await page.ask('find'))['type'], 'members');
      const proto = `{"__proto__":{"action":"find"},"network":"net","id":"a","token":"t"}`;
      assert.equal((await post(server, proto)).status, 400);
    }),
  );

  it('answers bytes that are not text, and too many of them, with an error', TEST, () =>
    withServer({}, async server => {
      const url = `${server.url}/rendezvous`;
      const bytes = new Uint8Array([0xff, 0xfe, 0x00]);
      assert.equal((await request(url, { method: 'POST', body: bytes })).status, 400);
      for (const size of [4_097, 100_000, 5_000_000]) {
        const { status, json } = await request(url, { method: 'POST', body: 'x'.repeat(size) });
        assert.equal(status, 413);
        assert.equal((json['error'] as { code: string }).code, 'too-large');
      }
    }),
  );

  it('knows its methods and paths', TEST, () =>
    withServer({}, async server => {
      const { origin } = new URL(server.url);
      for (const method of ['PUT', 'DELETE', 'PATCH']) {
        const response = await fetch(`${server.url}/rendezvous`, { method });
        assert.equal(response.status, 405);
        assert.equal(response.headers.get('allow'), 'GET, POST, OPTIONS');
        await response.text();
      }
      assert.equal((await request(server.url, { method: 'POST', body: '' })).status, 405);
      const paths = ['/', '/other', '/signaling/peerjs/peers', '/signaling/%ff', '/signaling/x/id'];
      for (const path of paths) assert.equal((await request(origin + path)).status, 404, path);
      const id = await fetch(`${server.url}/peerjs/id`);
      assert.match(await id.text(), /^[0-9a-f-]{36}$/);
    }),
  );

  it('survives what is not HTTP', TEST, () =>
    withServer({}, async server => {
      const texts = [
        'hello\r\n\r\n',
        'GET http://[ HTTP/1.1\r\nhost: x\r\n\r\n',
        'GET // HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n',
        'GET /signaling/peerjs HTTP/1.1\r\nhost: x\r\nupgrade: websocket\r\nconnection: upgrade\r\n\r\n',
        'GET /else HTTP/1.1\r\nhost: x\r\nupgrade: websocket\r\nconnection: upgrade\r\nsec-websocket-version: 13\r\nsec-websocket-key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n',
        'POST /signaling/rendezvous HTTP/1.1\r\nhost: x\r\ncontent-length: 10\r\n\r\nabc',
      ];
      for (const text of texts) {
        const socket = await openSocket(server);
        const ended = new Promise(resolve => socket.once('close', resolve));
        socket.resume();
        socket.end(text);
        await ended;
      }
      const socket = await openSocket(server);
      socket.write(randomBytes(10_000));
      socket.destroy();
      assert.equal((await request(server.url)).status, 200);
    }),
  );

  it('refuses malformed websocket clients', TEST, () =>
    withServer({}, async server => {
      const queries = [
        { id: '', token: 't' },
        { id: 'a', token: '' },
        { id: 'x'.repeat(65), token: 't' },
        { id: '%00', token: 't' },
        { id: 'a%2Fb', token: 't' },
        { id: 'a', token: 't', query: '&key=wrong' },
      ];
      for (const query of queries) {
        const page = Page.connect(server, query);
        await page.closed;
      }
      assert.equal((await request(server.url)).json['pages'], 0);
    }),
  );

  it('drops malformed messages, and never keeps one', TEST, () =>
    withServer({}, async server => {
      const [a, b] = [await Page.open(server, 'a'), await Page.open(server, 'b')];
      const garbage = [
        '',
        '{',
        'null',
        '1',
        '"x"',
        '[]',
        '{}',
        '{"type":1}',
        '{"type":"LEAVE"}',
        '{"type":"OPEN","dst":"b"}',
        '{"type":"OFFER"}',
        '{"type":"OFFER","dst":{}}',
        '{"type":"OFFER","dst":["b"]}',
        '{"type":"ANSWER","dst":"nobody"}',
        '{"type":"EXPIRE","dst":"b"}',
        '{"type":"HEARTBEAT","dst":"b"}',
        '{"type":"__proto__","dst":"b"}',
        '{"type":["OFFER"],"dst":"b"}',
      ];
      for (const message of garbage) a.send(message);
      a.socket.send(randomBytes(500));
      a.send({ type: 'OFFER', dst: 'b', payload: 'the end' });
      assert.equal((await b.received('OFFER'))['payload'], 'the end');
      assert.deepEqual(b.messages, []);
      // A page that leaves PeerServer by message would be listed, and not to be reached.
      assert.equal((await a.ask('register'))['type'], 'registered');
    }),
  );

  it('closes websockets that send too much', TEST, () =>
    withServer({}, async server => {
      const [large, many, quiet] = [
        await Page.open(server, 'large'),
        await Page.open(server, 'many'),
        await Page.open(server, 'quiet'),
      ];
      large.send({ type: 'OFFER', dst: 'quiet', payload: 'x'.repeat(200_000) });
      assert.equal(await large.closed, 1009);
      for (let i = 0; i < 5_000; i++) many.send({ type: 'CANDIDATE', dst: 'nobody' });
      await many.closed;
      assert.equal(quiet.socket.readyState, 1);
      assert.deepEqual(quiet.messages, []);
    }),
  );

  it('bounds pages, networks and members', TEST, () => {
    const rendezvous = { networkCountMax: 2, memberCountMax: 2 };
    return withServer({ clientCountMax: 4, rendezvous }, async server => {
      const pages: Page[] = [];
      for (const id of ['a', 'b', 'c', 'd']) pages.push(await Page.open(server, id));
      await Page.connect(server, { id: 'e', token: 't' }).closed;
      const listed = [];
      for (const page of pages) listed.push((await page.ask('register'))['isListed']);
      assert.deepEqual(listed, [true, true, false, false]);
      await pages[2]!.ask('register', { network: 'two' });
      const full = await pages[3]!.ask('introduce', { network: 'three', holdsStore: true });
      assert.equal((full['error'] as { code: string }).code, 'full');
      pages[0]!.socket.close();
      await pages[0]!.closed;
      await until(
        () => request(server.url),
        ({ json }) => json['pages'] === 3,
      );
      await Page.open(server, 'e');
    });
  });

  it('stays up and fair in a flood', TEST, () =>
    withServer({}, async server => {
      const member = await Page.open(server, 'member');
      await member.ask('register');
      const flood = Array.from({ length: 200 }, async (_, i) => {
        const page = Page.connect(server, { id: `p${i}`, token: 't' });
        await page.received('OPEN');
        for (let j = 0; j < 50; j++) page.send({ type: 'OFFER', dst: `x${j}`, payload: 'x' });
        await Promise.all([
          page.ask('introduce', { holdsStore: i % 2 === 0 }),
          post(server, randomBytes(100).toString('latin1')),
          page.ask('register', { network: `net${i}` }),
        ]);
        page.socket.terminate();
      });
      await Promise.all(flood);
      await until(
        () => request(server.url),
        ({ json }) => json['pages'] === 1 && json['networks'] === 1,
      );
      const newcomer = await Page.open(server, 'newcomer');
      assert.deepEqual((await newcomer.introduce())['members'], ['member']);
    }),
  );
});
