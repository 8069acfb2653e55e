import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { withLab } from './harness.ts';
import { get, openRing, put, untilPerfect, withServer } from './rings.ts';

describe('a ring of real tabs', () => {
  it('forms among tabs of one browser without a server, and values cross', () =>
    withLab({}, async lab => {
      const browser = await lab.launch();
      const tabs = await openRing(browser, 5);
      await untilPerfect(tabs);
      await put(tabs[0]!, 'greeting', 'hello');
      for (const tab of tabs) assert.equal(await get(tab, 'greeting'), 'hello');
    }));

  it('forms among two browsers that share nothing but a signaling server', () =>
    withLab({ signaling: true }, async lab => {
      const browser = await lab.launch();
      const other = await browser.newContext();
      const [here, there] = await Promise.all([
        openRing(browser, 3, withServer(lab)),
        openRing(browser, 3, withServer(lab), other),
      ]);
      await untilPerfect([...here, ...there]);
      await put(here[0]!, 'greeting', 'hello');
      for (const tab of [...here, ...there]) assert.equal(await get(tab, 'greeting'), 'hello');
    }));

  it('has nine tabs, heals when some are killed without a goodbye, and keeps every value', () =>
    withLab({ signaling: true }, async lab => {
      const browser = await lab.launch();
      const other = await browser.newContext();
      const tabs = await openRing(browser, 5, withServer(lab));
      tabs.push(...(await openRing(browser, 4, withServer(lab), other)));
      await untilPerfect(tabs);
      for (let i = 0; i < 12; i++) await put(tabs[i % 9]!, `key ${i}`, `value ${i}`);
      // One at a time, each when the ring has closed behind the one before.
      for (const victim of [2, 6, 0]) {
        const [gone] = tabs.splice(victim % tabs.length, 1);
        await gone!.kill();
        await untilPerfect(tabs);
      }
      for (let i = 0; i < 12; i++) {
        assert.equal(await get(tabs[i % tabs.length]!, `key ${i}`), `value ${i}`);
      }
    }));

  it('closes behind tabs that say goodbye, down to the last one', () =>
    withLab({}, async lab => {
      const browser = await lab.launch();
      const tabs = await openRing(browser, 4);
      await untilPerfect(tabs);
      for (let i = 0; i < 8; i++) await put(tabs[i % 4]!, `key ${i}`, `value ${i}`);
      while (tabs.length > 1) {
        await tabs.shift()!.close();
        await untilPerfect(tabs);
      }
      for (let i = 0; i < 8; i++) assert.equal(await get(tabs[0]!, `key ${i}`), `value ${i}`);
      assert.equal(await tabs[0]!.evaluate(() => window.ring?.status), 'alone');
    }));

  it('has everything again when all tabs were closed and two are opened', () =>
    withLab({}, async lab => {
      const browser = await lab.launch();
      // A page that is on no ring keeps the context, and with it the disk, alive.
      await browser.openTab('/test/tabs/pages/plain.html');
      const tabs = await openRing(browser, 6);
      await untilPerfect(tabs);
      for (let i = 0; i < 12; i++) await put(tabs[i % 6]!, `key ${i}`, `value ${i}`);
      await Promise.all(tabs.map((tab, i) => (i % 2 === 0 ? tab.kill() : tab.close())));
      const again = await openRing(browser, 2);
      await untilPerfect(again);
      for (let i = 0; i < 12; i++) assert.equal(await get(again[i % 2]!, `key ${i}`), `value ${i}`);
    }));

  it('goes on without its signaling server, and takes in new tabs once it is back', () =>
    withLab({ signaling: true }, async lab => {
      const browser = await lab.launch();
      const [first, second] = [await browser.newContext(), await browser.newContext()];
      const tabs = [
        ...(await openRing(browser, 2, withServer(lab), first)),
        ...(await openRing(browser, 2, withServer(lab), second)),
      ];
      await untilPerfect(tabs);
      const options = withServer(lab);
      await put(tabs[0]!, 'before', 'here');
      await lab.stopSignaling();
      await put(tabs[1]!, 'without', 'a server');
      for (const tab of tabs) assert.equal(await get(tab, 'without'), 'a server');
      // A tab of the first browser joins through its siblings; its links to the tabs of the second
      // one can only have been signalled over the ring.
      const [late] = await openRing(browser, 1, options, first);
      tabs.push(late!);
      await untilPerfect(tabs);
      const others = await Promise.all(
        tabs.slice(2, 4).map(tab => tab.evaluate(() => window.ring?.id)),
      );
      const linked = await late!.evaluate(() =>
        window.ring?.snapshot().links.map(link => link.peer),
      );
      assert.ok(
        others.some(id => id && linked?.includes(id)),
        'a link over the ring',
      );
      assert.equal(await get(late!, 'before'), 'here');
      await lab.startSignaling();
      const third = await browser.newContext();
      tabs.push(...(await openRing(browser, 1, options, third)));
      await untilPerfect(tabs);
      assert.equal(await get(tabs.at(-1)!, 'without'), 'a server');
    }));

  it('is one ring when tabs of two browsers are all opened at once', () =>
    withLab({ signaling: true }, async lab => {
      const browser = await lab.launch();
      const other = await browser.newContext();
      const [here, there] = await Promise.all([
        openRing(browser, 4, withServer(lab)),
        openRing(browser, 4, withServer(lab), other),
      ]);
      await untilPerfect([...here, ...there]);
    }));

  it('survives the death of the whole browser in its profile folder', () =>
    withLab({}, async lab => {
      const browser = await lab.launch({ profile: true });
      const tabs = await openRing(browser, 3);
      await untilPerfect(tabs);
      for (let i = 0; i < 9; i++) await put(tabs[i % 3]!, `key ${i}`, `value ${i}`);
      await browser.kill();
      const again = await lab.launch({ profile: browser.profile! });
      const back = await openRing(again, 2);
      await untilPerfect(back);
      for (let i = 0; i < 9; i++) assert.equal(await get(back[i % 2]!, `key ${i}`), `value ${i}`);
    }));

  it('carries a value of one MiB between tabs', () =>
    withLab({}, async lab => {
      const browser = await lab.launch();
      const tabs = await openRing(browser, 4);
      await untilPerfect(tabs);
      await tabs[0]!.evaluate(async () => {
        const value = new Uint8Array(2 ** 20 - 16);
        for (let i = 0; i < value.length; i++) value[i] = i * 31;
        await window.ring?.put('large', value);
      });
      for (const tab of tabs) {
        const sum = await tab.evaluate(async () => {
          const value = await window.ring?.get('large');
          if (!(value instanceof Uint8Array)) return String(value);
          return value.length === 2 ** 20 - 16 && value.every((byte, i) => byte === (i * 31) % 256);
        });
        assert.equal(sum, true);
      }
    }));
});
