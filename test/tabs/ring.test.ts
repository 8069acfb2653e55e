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
});
