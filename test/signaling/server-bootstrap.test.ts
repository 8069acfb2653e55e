import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { RENDEZVOUS_CONFIG } from '../../signaling/rendezvous.ts';
import { isSettled, newNetwork, told, untilTold, withScene } from './bootstrap-tabs.ts';
import { serveProxy } from './bad-servers.ts';
import { Page } from './clients.ts';

const { graceMs } = RENDEZVOUS_CONFIG;
const TEST = { timeout: 90_000 };

describe('ServerBootstrap', () => {
  it('names one founder of pages opened at once, and opens links to it', TEST, () =>
    withScene({}, async scene => {
      const options = { network: newNetwork(), signaling: scene.server.url, isServerOnly: true };
      const tabs = await scene.openAll(4, options);
      const roles = await Promise.all(tabs.map(tab => tab.join()));
      assert.equal(roles.filter(({ role }) => role === 'founder').length, 1);
      const joiners = tabs.filter((_, i) => roles[i]!.role === 'joiner');
      for (const joiner of joiners) {
        assert.deepEqual(await joiner.tab.evaluate(() => pageLab.linkKinds[0]), 'peerjs');
      }
      const members = await tabs[0]!.findMembers();
      assert.equal(members.length, 3);
      assert.deepEqual(await told(scene), { ...(await told(scene)), pages: 4, members: 4 });
    }),
  );

  it(
    'lets a page with a store go first, and replaces a founder that gives up or is closed',
    TEST,
    () =>
      withScene({}, async scene => {
        const options = { network: newNetwork(), signaling: scene.server.url, isServerOnly: true };
        const [a, b, c] = await scene.openAll(3, options);
        const introductions = [a!.introduce(), b!.introduce(true)] as const;
        assert.equal((await introductions[1]).role, 'founder');
        const third = c!.introduce(true);
        await b!.setMember(false);
        assert.equal((await third).role, 'founder');
        await c!.tab.close();
        assert.equal((await introductions[0]).role, 'founder');
      }),
  );

  it('replaces a founder that is killed while it founds', TEST, () =>
    withScene({ rendezvous: { graceMs: 500 } }, async scene => {
      const options = { network: newNetwork(), signaling: scene.server.url, isServerOnly: true };
      const [a, b] = await scene.openAll(2, options);
      assert.equal((await a!.introduce(true)).role, 'founder');
      const second = b!.introduce();
      await a!.tab.kill();
      assert.equal((await second).role, 'founder');
    }),
  );

  it('stays founder for as long as founding takes, and over a restart of the server', TEST, () => {
    const leaseMs = 700;
    return withScene({ rendezvous: { leaseMs, renewMs: 200 } }, async scene => {
      const options = { network: newNetwork(), signaling: scene.server.url, isServerOnly: true };
      const [a, b] = await scene.openAll(2, options);
      assert.equal((await a!.introduce()).role, 'founder');
      await scene.stopServer();
      await scene.startServer();
      // The new server has no grace; the founder is faster than anybody who comes now.
      await untilTold(scene, ({ networks }) => networks === 1);
      const second = b!.introduce(true);
      assert.equal(await isSettled(second, 3 * leaseMs), false);
      await a!.setMember(true);
      assert.equal((await second).role, 'joiner');
      assert.equal(await b!.connect(), 'peerjs');
    });
  });

  it('comes back to a server that was away, and keeps its links meanwhile', TEST, () =>
    // Nobody may be named founder by the new server before the members are back.
    withScene({ rendezvous: { graceMs } }, async scene => {
      const options = { network: newNetwork(), signaling: scene.server.url, isServerOnly: true };
      const [a, b, c] = await scene.openAll(3, options);
      assert.equal((await a!.join()).role, 'founder');
      assert.equal((await b!.join()).role, 'joiner');
      await scene.stopServer();
      await a!.tab.waitFor(() => pageLab.traces.includes('the signaling server is lost'));
      await b!.echo();
      await scene.startServer();
      assert.equal((await c!.join()).role, 'joiner');
      await b!.echo();
      await untilTold(scene, ({ members }) => members === 3);
      for (const tab of [a!, b!]) {
        const traces = await tab.tab.evaluate(() => pageLab.traces);
        assert.equal(traces.filter(text => text.startsWith('connected')).length, 2);
      }
    }),
  );

  it('notices that its network is gone without a word, and comes back', TEST, () =>
    withScene({}, async scene => {
      const proxy = await serveProxy(scene.server.port);
      try {
        const network = newNetwork();
        const config = { beatMs: 300 };
        const options = { network, signaling: proxy.url, isServerOnly: true, config };
        const tab = await scene.open(options);
        await tab.join();
        proxy.hang();
        const expected = ['connected to the signaling server', 'the signaling server is lost'];
        await tab.tab.waitFor((traces: string) => pageLab.traces.slice(0, 3).join() === traces, {
          arg: [...expected, expected[0]].join(),
          state: () => pageLab.traces,
        });
        await untilTold(scene, ({ pages, members }) => pages === 1 && members === 1);
      } finally {
        await proxy.close();
      }
    }),
  );

  it('withdraws what it asked for', TEST, () =>
    withScene({}, async scene => {
      const options = { network: newNetwork(), signaling: scene.server.url, isServerOnly: true };
      const [a, b] = await scene.openAll(2, options);
      await a!.introduce(true);
      const rejected = assert.rejects(b!.introduce(true), /code aborted/);
      await b!.abort();
      await rejected;
      await a!.setMember(true);
      await a!.setMember(false);
      assert.equal((await b!.introduce(true)).role, 'founder');
      const third = a!.introduce();
      await b!.close();
      assert.equal((await third).role, 'founder', 'closing is a goodbye');
      await assert.rejects(b!.introduce(), /code aborted/);
      await untilTold(scene, ({ pages }) => pages === 1);
    }),
  );

  it('says at once that a contact is gone, and tells the server', TEST, () =>
    withScene({}, async scene => {
      const options = { network: newNetwork(), signaling: scene.server.url, isServerOnly: true };
      const [a, b] = await scene.openAll(2, options);
      await a!.join();
      assert.equal((await b!.introduce()).role, 'joiner');
      await a!.close();
      await untilTold(scene, ({ pages }) => pages === 1);
      const startedAt = performance.now();
      await assert.rejects(b!.connect(), /code unreachable/);
      assert.ok(performance.now() - startedAt < 3_000, 'it waited for a time-out');
      assert.equal((await b!.introduce()).role, 'founder');
    }),
  );

  it('is unharmed by garbage from other pages', TEST, () =>
    withScene({}, async scene => {
      const options = { network: newNetwork(), signaling: scene.server.url, isServerOnly: true };
      const [a, b] = await scene.openAll(2, options);
      await a!.join();
      const rogue = await Page.open(scene.server, 'rogue');
      const { members } = (await rogue.ask('find', { network: options.network })) as {
        members: string[];
      };
      const dst = members[0]!;
      const sdp = { type: 'offer', sdp: 'v=0' };
      const offer = { type: 'data', sdp, connectionId: 'c', label: 'l', reliable: true };
      const payloads: unknown[] = [
        undefined,
        null,
        'x',
        {},
        { ...offer, serialization: 'else' },
        { ...offer, serialization: 'binary' },
        { ...offer, serialization: 'raw', reliable: false },
        { ...offer, serialization: 'raw', type: 'media' },
        { ...offer, serialization: 'raw', sdp: 'v=0' },
        { ...offer, serialization: 'raw', sdp: { type: 'offer' } },
        { ...offer, serialization: 'raw', sdp: { type: 'offer', sdp: 'x'.repeat(70_000) } },
        { ...offer, serialization: 'raw', connectionId: {} },
      ];
      for (const payload of payloads) rogue.send({ type: 'OFFER', dst, payload });
      for (const type of ['ANSWER', 'CANDIDATE']) {
        rogue.send({ type, dst, payload: { type: 'data', connectionId: 'none' } });
        rogue.send({ type, dst });
      }
      rogue.send({ type: 'LEAVE', dst });
      await a!.tab.waitFor((count: number) => pageLab.malformedCount === count, {
        arg: payloads.length + 4,
        state: () => pageLab.malformedCount,
      });
      // Well-formed, but no session description: it costs a connection, which ends by itself.
      rogue.send({ type: 'OFFER', dst, payload: { ...offer, serialization: 'raw' } });
      assert.equal((await b!.join()).role, 'joiner');
    }),
  );

  it('hands out the ICE servers that the server has', TEST, () => {
    const iceServers = [{ urls: ['stun:127.0.0.1:9'] }];
    return withScene({ iceServers }, async scene => {
      const options = { network: newNetwork(), signaling: scene.server.url, isServerOnly: true };
      const tab = await scene.open(options);
      assert.deepEqual(await tab.tab.evaluate(() => pageLab.iceServers()), iceServers);
    });
  });

  it('takes a relative address, and refuses what is none', TEST, () =>
    withScene({ hasServer: false }, async scene => {
      const options = { network: newNetwork(), signaling: null };
      const tab = await scene.open(options);
      for (const signaling of ['ftp://127.0.0.1/', 'http://', 'http://a:b@127.0.0.1/', 'ws://x']) {
        const opening = tab.open({ ...options, signaling });
        await assert.rejects(opening, /signaling is an http\(s\) address/);
      }
      await tab.open({ ...options, signaling: './nothing/here', isServerOnly: true });
      await assert.rejects(tab.introduce(), /code signaling-invalid/);
    }),
  );
});
