import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { serveHttp, unusedUrl } from './bad-servers.ts';
import { isSettled, newNetwork, told, untilTold, withScene } from './bootstrap-tabs.ts';

const TEST = { timeout: 90_000 };

describe('The bootstrap of a page', () => {
  it('names one founder of all the tabs of two browsers opened at once', TEST, () =>
    withScene({}, async scene => {
      const options = { network: newNetwork(), signaling: scene.server.url };
      const contexts = [await scene.newContext(), await scene.newContext()];
      const tabs = await Promise.all(
        contexts.flatMap(context => [0, 1, 2].map(() => scene.open(options, context))),
      );
      const roles = await Promise.all(tabs.map(tab => tab.join()));
      assert.equal(roles.filter(({ role }) => role === 'founder').length, 1);
      await untilTold(scene, ({ members }) => members === 6);
      // One tab of the other browser came through the server, all others through their siblings.
      const kinds = await Promise.all(tabs.map(({ tab }) => tab.evaluate(() => pageLab.linkKinds)));
      const peerjsCount = kinds.flat().filter(kind => kind === 'peerjs').length;
      assert.equal(peerjsCount, 2, 'both ends of one link');
      // Each tab is found once, although tabs of this browser are found in two ways.
      const found = await Promise.all(tabs.map(tab => tab.findMembers()));
      for (const labels of found) {
        const pages = labels.map(label => label.split(',')[0]);
        assert.equal(new Set(pages).size, pages.length, labels.join('; '));
        assert.equal(labels.filter(label => label.includes('tab of this')).length, 2);
      }
    }),
  );

  it('lets tabs that joined through a sibling receive newcomers from elsewhere', TEST, () =>
    withScene({}, async scene => {
      const options = { network: newNetwork(), signaling: scene.server.url };
      const [a, b] = await scene.openAll(2, options, await scene.newContext());
      assert.equal((await a!.join()).role, 'founder');
      const { labels } = await b!.join();
      assert.match(labels[0]!, /tab of this browser/);
      await untilTold(scene, ({ members }) => members === 2);
      await a!.tab.close();
      const stranger = await scene.open(options);
      assert.equal((await stranger.join()).role, 'joiner');
      assert.equal(await b!.tab.evaluate(() => pageLab.newcomerCount), 1);
    }),
  );

  it('waits with founding for a sibling that is asking the server', TEST, () =>
    withScene({}, async scene => {
      const options = { network: newNetwork(), signaling: scene.server.url };
      const [a, b] = await scene.openAll(2, options, await scene.newContext());
      const stranger = await scene.open(options);
      assert.equal((await stranger.introduce()).role, 'founder');
      const introductions = [a!.join(), b!.join()];
      assert.equal(await isSettled(Promise.any(introductions), 500), false);
      await stranger.setMember(true);
      for (const { role } of await Promise.all(introductions)) assert.equal(role, 'joiner');
      assert.equal(await stranger.tab.evaluate(() => pageLab.newcomerCount), 1);
    }),
  );

  it('replaces a founder of either browser that is killed', TEST, () =>
    withScene({ rendezvous: { graceMs: 500 } }, async scene => {
      const options = { network: newNetwork(), signaling: scene.server.url };
      const [a, b] = await scene.openAll(2, options, await scene.newContext());
      const stranger = await scene.open(options);
      assert.equal((await a!.introduce(true)).role, 'founder');
      const [second, third] = [b!.introduce(), stranger.introduce()];
      await a!.tab.kill();
      const first = await Promise.race([
        second.then(() => [b!, third] as const),
        third.then(() => [stranger, second] as const),
      ]);
      await first[0].tab.kill();
      assert.equal((await first[1]).role, 'founder');
    }),
  );

  it('joins through a sibling while the server is away, and registers when it is back', TEST, () =>
    withScene({}, async scene => {
      const options = { network: newNetwork(), signaling: scene.server.url };
      const [a, b] = await scene.openAll(2, options, await scene.newContext());
      assert.equal((await a!.join()).role, 'founder');
      await scene.stopServer();
      assert.equal((await b!.join()).role, 'joiner');
      assert.equal((await b!.findMembers()).length, 1);
      await scene.startServer();
      await untilTold(scene, ({ members }) => members === 2);
    }),
  );

  it('founds nothing without the server, and says why', TEST, () =>
    withScene({ hasServer: false }, async scene => {
      const network = newNetwork();
      const unreachable = { network, signaling: await unusedUrl() };
      const [a, b] = await scene.openAll(2, unreachable, await scene.newContext());
      const rejected = /code signaling-unreachable/;
      await Promise.all([
        assert.rejects(a!.introduce(), rejected),
        assert.rejects(b!.introduce(true), rejected),
      ]);
      await assert.rejects(a!.findMembers(), rejected);
      const other = await serveHttp((_, response) => response.end('<html>'));
      try {
        await a!.open({ network, signaling: other.url });
        await assert.rejects(a!.introduce(), /code signaling-invalid/);
      } finally {
        await other.close();
      }
    }),
  );

  it('needs no server at all for tabs of one browser', TEST, () =>
    withScene({ hasServer: false }, async scene => {
      const options = { network: newNetwork(), signaling: null };
      const tabs = await scene.openAll(4, options, await scene.newContext());
      const roles = await Promise.all(tabs.map(tab => tab.join()));
      assert.equal(roles.filter(({ role }) => role === 'founder').length, 1);
      const stranger = await scene.open(options);
      assert.equal((await stranger.join()).role, 'founder', 'another browser, another ring');
    }),
  );

  it('replaces a tab that is killed while it founds, without a server', TEST, () =>
    withScene({ hasServer: false }, async scene => {
      const options = { network: newNetwork(), signaling: null };
      const [a, b] = await scene.openAll(2, options, await scene.newContext());
      assert.equal((await a!.introduce(true)).role, 'founder');
      const second = b!.introduce();
      await a!.tab.kill();
      assert.equal((await second).role, 'founder');
    }),
  );

  it('goes to the server when the tabs of this browser are frozen', TEST, () =>
    withScene({}, async scene => {
      const context = await scene.launchForLifecycle();
      const options = { network: newNetwork(), signaling: scene.server.url };
      const frozen = await scene.open(options, context);
      assert.equal((await frozen.join()).role, 'founder');
      const stranger = await scene.open(options);
      assert.equal((await stranger.join()).role, 'joiner');
      const newcomer = await scene.open(options, context);
      await frozen.tab.waitFor(() => document.visibilityState === 'hidden');
      await frozen.tab.freeze();
      const { labels } = await newcomer.introduce();
      assert.equal(labels.length, 2);
      const attempts = labels.map((_, contact) => newcomer.connect(contact));
      assert.equal(await Promise.any(attempts), 'peerjs');
      await frozen.tab.resume();
      await Promise.allSettled(attempts);
    }),
  );

  it('sends a hidden tab’s answers at once', TEST, () =>
    withScene({ hasServer: false }, async scene => {
      const context = await scene.launchForLifecycle();
      const options = { network: newNetwork(), signaling: null };
      const hidden = await scene.open(options, context);
      assert.equal((await hidden.join()).role, 'founder');
      const newcomer = await scene.open(options, context);
      await hidden.tab.waitFor(() => document.visibilityState === 'hidden');
      const took = await newcomer.tab.evaluate(async () => {
        const startedAt = performance.now();
        await pageLab.findMembers();
        return performance.now() - startedAt;
      });
      assert.ok(took < 250, `${took} ms`);
      assert.equal((await newcomer.join()).role, 'joiner');
    }),
  );

  it('leaves nothing behind on the server', TEST, () =>
    withScene({}, async scene => {
      const options = { network: newNetwork(), signaling: scene.server.url };
      const tabs = await scene.openAll(3, options);
      for (const tab of tabs) await tab.join();
      await tabs[0]!.tab.close();
      await tabs[1]!.tab.kill();
      await tabs[2]!.close();
      await untilTold(scene, ({ pages, members }) => pages === 0 && members === 0);
      assert.equal((await told(scene)).networks, 0);
    }),
  );
});
