import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { Locator } from 'playwright-core';
import { withLab, type Tab, type TabBrowser } from './harness.ts';

/** The demo as a user meets it: through its form, its picture and the keyboard. */
const DEMO = '/index.html?network=demo-test';

/** Opens the demo, and waits until its picture shows so many peers. */
async function openDemo(browser: TabBrowser, peerCount: number): Promise<Tab> {
  const tab = await browser.openTab(DEMO);
  await untilShown(tab, peerCount);
  return tab;
}

async function untilShown(tab: Tab, peerCount: number): Promise<void> {
  await tab.waitFor(
    count => {
      const root = document.querySelector('ring-view')?.shadowRoot;
      return root?.querySelectorAll('[role=option]:not(.unconfirmed)').length === count;
    },
    {
      arg: peerCount,
      timeoutMs: 30_000,
      what: `${tab.name} shows ${peerCount} peers`,
      state: () => document.querySelector('ring-view')?.shadowRoot?.textContent,
    },
  );
}

function form(tab: Tab): { key: Locator; value: Locator; button(name: string): Locator } {
  const store = tab.page.locator('ring-store');
  return {
    key: store.getByLabel('Key', { exact: true }),
    value: store.getByLabel('Value', { exact: true }),
    button: name => store.getByRole('button', { name, exact: true }),
  };
}

/** Waits until the form says this of the last request. */
async function untilSaid(tab: Tab, text: string): Promise<void> {
  await tab.waitFor(
    wanted =>
      document
        .querySelector('ring-store')
        ?.shadowRoot?.querySelector('[part=result]')
        ?.textContent?.includes(wanted),
    {
      arg: text,
      timeoutMs: 15_000,
      what: `the form of ${tab.name} says ${text}`,
      state: () => document.querySelector('ring-store')?.shadowRoot?.textContent,
    },
  );
}

/** Waits until the picture has four pins, all of replicas that are active, by peers it shows. */
async function untilPinned(tab: Tab): Promise<void> {
  await tab.waitFor(
    () => {
      const root = document.querySelector('ring-view')?.shadowRoot;
      const pins = [...(root?.querySelectorAll('[part=replica]') ?? [])];
      const held = root?.querySelectorAll('[role=option] .held.active').length;
      return pins.length === 4 && pins.every(pin => pin.matches('.active')) && held === 4;
    },
    {
      timeoutMs: 15_000,
      what: `${tab.name} shows where the four replicas are`,
      state: () =>
        [
          ...(document
            .querySelector('ring-view')
            ?.shadowRoot?.querySelectorAll('[part=replica], .held') ?? []),
        ].map(pin => pin.getAttribute('class')),
    },
  );
}

/** The peer that has the keyboard's focus, by what is said of it; null if none has. */
function focusedPeer(tab: Tab): Promise<string | null> {
  return tab.evaluate(() => {
    const focused = document.querySelector('ring-view')?.shadowRoot?.activeElement;
    return focused?.getAttribute('role') === 'option' ? focused.getAttribute('aria-label') : null;
  });
}

/** Presses the Tab key until a peer of the picture has the focus. */
async function tabToRing(tab: Tab): Promise<string> {
  for (let presses = 0; presses < 20; presses++) {
    await tab.page.keyboard.press('Tab');
    const peer = await focusedPeer(tab);
    if (peer !== null) return peer;
  }
  throw new Error('the Tab key does not lead to the ring');
}

describe('the demo, without a server', () => {
  it('carries a value from the form of one tab to that of another, and shows its replicas', () =>
    withLab({}, async lab => {
      const browser = await lab.launch();
      const first = await openDemo(browser, 1);
      const second = await openDemo(browser, 2);
      await untilShown(first, 2);

      const writing = form(first);
      await writing.key.fill('a colour');
      await writing.value.fill('vermilion');
      await writing.button('Store').click();
      await untilSaid(first, 'Stored “a colour”.');
      await untilPinned(first);

      const reading = form(second);
      await reading.key.fill('a colour');
      await reading.button('Read').click();
      await untilSaid(second, '“a colour” is: vermilion');
      assert.equal(await reading.value.inputValue(), 'vermilion');
      await untilPinned(second);

      await reading.button('Delete').click();
      await untilSaid(second, 'Deleted “a colour”.');
      await writing.button('Read').click();
      await untilSaid(first, 'Nothing is stored under “a colour”.');
    }));

  it('keeps the list of keys fresh in every tab', () =>
    withLab({}, async lab => {
      const browser = await lab.launch();
      const first = await openDemo(browser, 1);
      const second = await openDemo(browser, 2);
      const { key, value } = form(first);
      await key.fill('greeting');
      await value.fill('good morning');
      await value.press('Enter');
      await untilSaid(first, 'Stored “greeting”.');
      await second.waitFor(
        () =>
          document
            .querySelector('ring-store')
            ?.shadowRoot?.querySelector('[part=keys]')
            ?.textContent?.includes('good morning'),
        { timeoutMs: 15_000, what: 'the other tab lists the value' },
      );
    }));

  it('is used with the keyboard: Tab leads to the ring, arrows go round it, Enter chooses', () =>
    withLab({}, async lab => {
      const browser = await lab.launch();
      const tab = await openDemo(browser, 1);
      await openDemo(browser, 2);
      await openDemo(browser, 3);
      await untilShown(tab, 3);
      await tab.page.bringToFront();

      const self = await tabToRing(tab);
      assert.match(self, /^You, peer/);
      const press = async (key: string): Promise<string> => {
        await tab.page.keyboard.press(key);
        return (await focusedPeer(tab)) ?? 'nobody';
      };
      const places = [placeOf(self)];
      for (let i = 0; i < 3; i++) places.push(placeOf(await press('ArrowRight')));
      assert.deepEqual(
        places,
        [0, 1, 2, 3].map(step => ((places[0]! - 1 + step) % 3) + 1),
      );
      assert.equal(placeOf(await press('ArrowLeft')), ((places[0]! + 1) % 3) + 1);
      assert.match(await press('Home'), /^You, peer/);

      await tab.page.keyboard.press('ArrowRight');
      await tab.page.keyboard.press('Enter');
      await tab.waitFor(() => {
        const root = document.querySelector('ring-view')?.shadowRoot;
        const chosen = root?.querySelector('[role=option][aria-selected=true]');
        const name = /^Peer (\S+?),/.exec(chosen?.getAttribute('aria-label') ?? '')?.[1];
        const details = root?.querySelector('[part=details]')?.textContent ?? '';
        return name !== undefined && details.includes(name);
      });
      // Out of the ring again, to what comes behind it.
      await tab.page.keyboard.press('Tab');
      assert.equal(await focusedPeer(tab), null);
    }));
});

/** `…, 2 of 3` → 2 */
function placeOf(label: string): number {
  const place = /, (\d+) of 3$/.exec(label)?.[1];
  if (place === undefined) throw new Error(`no place in "${label}"`);
  return Number(place);
}
