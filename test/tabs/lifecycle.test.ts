import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { withLab, type Tab, type TabBrowser } from './harness.ts';
import { get, openRing, put, ringPath, untilJoined, untilPerfect } from './rings.ts';

/**
 * What browsers do to tabs: freeze them, put them into the back/forward cache, reload, hide and
 * close them. In browsers that do it as a user's does.
 */
const PLAIN = '/test/tabs/pages/plain.html';

/** Which run of which peer a tab is. */
type Run = { readonly id: string; readonly incarnation: number };

function runOf(tab: Tab): Promise<Run> {
  return tab.evaluate(() => {
    const self = window.ring?.snapshot().self;
    if (!self) throw new Error('it has no place');
    return { id: self.peer, incarnation: self.incarnation };
  });
}

/** Waits until the tab is on a ring again, in a later run of the same peer. */
async function untilBack(tab: Tab, before: Run): Promise<void> {
  await tab.waitFor(
    run => {
      const snapshot = window.ring?.snapshot();
      const { self, status } = snapshot ?? {};
      if (status !== 'joined' && status !== 'alone') return false;
      return self?.peer === run.id && self.incarnation > run.incarnation;
    },
    {
      arg: before,
      timeoutMs: 30_000,
      what: `${tab.name} is back as the same peer`,
      state: () => ({ status: window.ring?.status, self: window.ring?.snapshot().self }),
    },
  );
}

/** Notes the lines of the log of these tabs from now on. */
async function noteLines(tabs: readonly Tab[]): Promise<void> {
  for (const tab of tabs) {
    await tab.evaluate(() => {
      window.lines = [];
      window.ring?.on('trace', ({ entry }) => window.lines.push(entry.text));
    });
  }
}

function linesOf(tab: Tab): Promise<string[]> {
  return tab.evaluate(() => window.lines);
}

/** Opens another tab, which comes to the front: all others are hidden then. */
async function hideAll(browser: TabBrowser, tabs: readonly Tab[]): Promise<Tab> {
  const front = await browser.openTab(PLAIN);
  for (const tab of tabs) await tab.waitFor(() => document.visibilityState === 'hidden');
  return front;
}

/** Freezes a tab: its own status is read from its log once it is back, for now it stands still. */
async function freeze(tab: Tab): Promise<void> {
  await tab.evaluate(() => {
    window.lines = [];
    window.ring?.on('statuschange', ({ status }) => window.lines.push(status));
  });
  await tab.freeze();
}

describe('a tab that is frozen', () => {
  it('leaves the ring to the others at once, and is the same peer when it is back', () =>
    withLab({}, async lab => {
      const browser = await lab.launch({ lifecycle: true });
      const tabs = await openRing(browser, 4);
      await hideAll(browser, tabs);
      await untilPerfect(tabs);
      await put(tabs[0]!, 'greeting', 'old');
      const [frozen, ...others] = tabs;
      const before = await runOf(frozen!);
      await noteLines(others);
      await freeze(frozen!);

      await untilPerfect(others);
      for (const tab of others) {
        const lines = await linesOf(tab);
        assert.ok(!lines.some(line => line.startsWith('suspects')), lines.join('\n'));
      }
      await put(others[0]!, 'greeting', 'new');

      await frozen!.resume();
      await untilBack(frozen!, before);
      assert.deepEqual((await linesOf(frozen!)).slice(0, 2), ['paused', 'joining']);
      await untilPerfect(tabs);
      assert.equal(await get(frozen!, 'greeting'), 'new');
      await put(frozen!, 'greeting', 'newer');
      for (const tab of others) assert.equal(await get(tab, 'greeting'), 'newer');
    }));

  it('lets go of its store, and takes another one if somebody has it now', () =>
    withLab({}, async lab => {
      const browser = await lab.launch({ lifecycle: true });
      const tabs = await openRing(browser, 2);
      await hideAll(browser, tabs);
      await untilPerfect(tabs);
      await put(tabs[0]!, 'greeting', 'hello');
      const [frozen, other] = tabs;
      const before = await runOf(frozen!);
      await freeze(frozen!);
      await untilPerfect([other!]);

      const [heir] = await openRing(browser, 1);
      assert.equal((await runOf(heir!)).id, before.id);
      await hideAll(browser, [heir!]);
      await frozen!.resume();
      await untilJoined(frozen!);
      assert.notEqual((await runOf(frozen!)).id, before.id);
      await untilPerfect([frozen!, other!, heir!]);
      assert.equal(await get(frozen!, 'greeting'), 'hello');
    }));

  it('answers calls that were made before when it is back', () =>
    withLab({}, async lab => {
      const browser = await lab.launch({ lifecycle: true });
      const tabs = await openRing(browser, 2);
      await hideAll(browser, tabs);
      await untilPerfect(tabs);
      await put(tabs[0]!, 'greeting', 'hello');
      const before = await runOf(tabs[0]!);
      await tabs[0]!.evaluate(() => {
        // While the page is told of it, and after the ring has been: the last moment there is.
        document.addEventListener('freeze', () => {
          window.ring?.get('greeting').then(
            value => (document.title = String(value)),
            (error: unknown) => (document.title = String(error)),
          );
        });
      });
      await freeze(tabs[0]!);
      await untilPerfect([tabs[1]!]);
      await tabs[0]!.resume();
      await untilBack(tabs[0]!, before);
      await tabs[0]!.waitFor(() => document.title === 'hello', {
        state: () => document.title,
      });
    }));

  it('in the middle of writing is the same peer when it is back, and keeps what it confirmed', () =>
    withLab({}, async lab => {
      const browser = await lab.launch({ lifecycle: true });
      const tabs = await openRing(browser, 3);
      await hideAll(browser, tabs);
      await untilPerfect(tabs);
      const before = await runOf(tabs[0]!);
      await tabs[0]!.evaluate(() => {
        const outcomes: string[] = [];
        Object.assign(window, { outcomes });
        const write = async (lane: number): Promise<void> => {
          for (let i = 0; i < 1_000; i++) {
            const key = `lane ${lane}, ${i}`;
            const outcome = await window.ring!.put(key, key).then(
              () => 'done',
              (error: { code: string }) => error.code,
            );
            outcomes.push(`${key}: ${outcome}`);
            if (outcome !== 'done') return;
          }
        };
        for (let lane = 0; lane < 8; lane++) void write(lane);
      });
      const outcomesOf = (): Promise<string[]> =>
        tabs[0]!.evaluate(() => (window as unknown as { outcomes: string[] }).outcomes);
      await tabs[0]!.waitFor(
        () => (window as unknown as { outcomes: string[] }).outcomes.length > 40,
      );
      await freeze(tabs[0]!);
      await untilPerfect(tabs.slice(1));
      await tabs[0]!.resume();
      await untilBack(tabs[0]!, before);
      await untilPerfect(tabs);
      // Eight writes were under way; nobody can know what became of them.
      await tabs[0]!.waitFor(
        () =>
          (window as unknown as { outcomes: string[] }).outcomes.filter(
            outcome => !outcome.endsWith(': done'),
          ).length === 8,
        { timeoutMs: 15_000 },
      );
      const outcomes = await outcomesOf();
      for (const outcome of outcomes) assert.match(outcome, /: (done|outcome-unknown)$/);
      const done = outcomes.filter(outcome => outcome.endsWith(': done'));
      for (const key of done.map(outcome => outcome.slice(0, -': done'.length))) {
        assert.equal(await get(tabs[1]!, key), key);
      }
    }));

  it('while it joins goes on with that when it is back', () =>
    withLab({}, async lab => {
      const browser = await lab.launch({ lifecycle: true });
      const tab = await browser.openTab(ringPath({ wait: '' }));
      const others = await openRing(browser, 2);
      await hideAll(browser, [tab, ...others]);
      await tab.evaluate(() => {
        const joining = window.Tabring.join({ network: 'test' });
        // Frozen the moment it has begun: the page's own call comes before the browser's.
        document.dispatchEvent(new Event('freeze'));
        joining.then(
          ring => (window.ring = ring),
          (error: unknown) => (window.joinError = String(error)),
        );
      });
      await tab.freeze();
      await untilPerfect(others);
      await tab.resume();
      await untilJoined(tab);
      await untilPerfect([tab, ...others]);
    }));
});

describe('a tab that goes to another page', () => {
  it('and back is the same peer again, with the value that was written meanwhile', () =>
    withLab({}, async lab => {
      const browser = await lab.launch({ lifecycle: true });
      const tabs = await openRing(browser, 3);
      await untilPerfect(tabs);
      await put(tabs[0]!, 'greeting', 'old');
      const [gone, ...others] = tabs;
      const before = await runOf(gone!);
      await gone!.evaluate(() => (document.title = 'the same document'));
      await gone!.page.goto(new URL(PLAIN, lab.url).href);
      await untilPerfect(others);
      await put(others[0]!, 'greeting', 'new');

      // From the cache the page is not loaded again, so there is no `load` to wait for.
      await gone!.page.goBack({ waitUntil: 'commit' });
      await untilBack(gone!, before);
      assert.equal(await gone!.evaluate(() => document.title), 'the same document');
      await untilPerfect(tabs);
      assert.equal(await get(gone!, 'greeting'), 'new');
    }));

  it('or is loaded again, is the same peer in a later run', () =>
    withLab({}, async lab => {
      const browser = await lab.launch({ lifecycle: true });
      const tabs = await openRing(browser, 3);
      await untilPerfect(tabs);
      await put(tabs[0]!, 'greeting', 'hello');
      for (const tab of tabs) {
        const before = await runOf(tab);
        await tab.page.reload();
        await untilBack(tab, before);
        await untilPerfect(tabs);
        assert.equal(await get(tab, 'greeting'), 'hello');
      }
    }));
});

describe('a tab that is hidden', () => {
  it('stays on the ring, answers and is not suspected', () =>
    withLab({}, async lab => {
      const browser = await lab.launch({ lifecycle: true });
      const tabs = await openRing(browser, 3);
      await hideAll(browser, tabs);
      await untilPerfect(tabs);
      await put(tabs[0]!, 'greeting', 'hello');
      await noteLines(tabs);
      const before = await Promise.all(tabs.map(runOf));
      // Timers of a hidden page fire once a second: eleven of them are more than ten seconds, which
      // is more than any detector needs to notice that somebody is gone.
      await tabs[0]!.evaluate(() => {
        let ticks = 0;
        setInterval(() => (document.title = `${++ticks}`), 1_000);
      });
      await tabs[0]!.waitFor(() => Number(document.title) >= 11, { timeoutMs: 30_000 });

      await untilPerfect(tabs);
      for (const [i, tab] of tabs.entries()) {
        assert.deepEqual(await runOf(tab), before[i], 'the same run');
        assert.equal(await get(tab, 'greeting'), 'hello');
        const lines = await linesOf(tab);
        assert.ok(!lines.some(line => /suspects|is gone|begins anew/.test(line)), lines.join('\n'));
      }
    }));
});

describe('a tab that is closed', () => {
  it('says goodbye: the others need no failure detector to close the ring behind it', () =>
    withLab({}, async lab => {
      const browser = await lab.launch({ lifecycle: true });
      const tabs = await openRing(browser, 4);
      await untilPerfect(tabs);
      const closing = tabs.shift()!;
      const { id } = await runOf(closing);
      await noteLines(tabs);
      await closing.close();
      await untilPerfect(tabs);
      const said = await Promise.all(tabs.map(linesOf));
      const name = id.slice(0, 6);
      for (const lines of said) {
        assert.ok(lines.includes(`${name} said goodbye`), lines.join('\n'));
        assert.ok(!lines.includes(`suspects ${name}`), lines.join('\n'));
      }
    }));
});

describe('leaving', () => {
  it('hands everything over before it is done, and ends the peer for good', () =>
    withLab({}, async lab => {
      const browser = await lab.launch({ lifecycle: true });
      const tabs = await openRing(browser, 4);
      await untilPerfect(tabs);
      const keys = Array.from({ length: 12 }, (_, i) => `key ${i}`);
      for (const [i, key] of keys.entries()) await put(tabs[i % 4]!, key, `value of ${key}`);
      // One after the other, down to one: what is left of the ring has everything, each time.
      while (tabs.length > 1) {
        const leaving = tabs.shift()!;
        await leaving.evaluate(() => window.ring?.leave());
        for (const key of keys) {
          assert.equal(await get(tabs[0]!, key), `value of ${key}`, `${tabs.length} are left`);
        }
        await untilPerfect(tabs);
        const after = await leaving.evaluate(async () => ({
          status: window.ring?.status,
          code: await window.ring?.get('key 0').catch((error: { code: string }) => error.code),
        }));
        assert.deepEqual(after, { status: 'left', code: 'left' });
      }
    }));
});
