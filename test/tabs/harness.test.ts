import { describe, it } from 'node:test';
import { expect } from 'chai';
import { isAlive } from './processes.ts';
import { withLab } from './harness.ts';
import { newProfile } from './browser.ts';

const PAGE = '/test/tabs/pages/plain.html';

/** Takes a lock for as long as the page lives, and hears of the page's end. */
function holdLock(name: string): Promise<void> {
  addEventListener('pagehide', () => localStorage.setItem('pagehide', name));
  return new Promise(resolve => {
    void navigator.locks.request(name, () => {
      resolve();
      return new Promise(() => {});
    });
  });
}

async function isHeld(name: string): Promise<boolean> {
  const { held = [] } = await navigator.locks.query();
  return held.some(lock => lock.name === name);
}

/** Writes a record, durably; the browser may be killed the moment this resolves. */
function store(value: string): Promise<void> {
  return new Promise((resolve, reject) => {
    const opening = indexedDB.open('harness', 1);
    opening.onupgradeneeded = () => opening.result.createObjectStore('values');
    opening.onerror = () => reject(opening.error);
    opening.onsuccess = () => {
      const writing = opening.result.transaction('values', 'readwrite', { durability: 'strict' });
      writing.objectStore('values').put(value, 'key');
      writing.oncomplete = () => resolve();
      writing.onerror = () => reject(writing.error);
    };
  });
}

function load(): Promise<unknown> {
  return new Promise((resolve, reject) => {
    const opening = indexedDB.open('harness', 1);
    opening.onupgradeneeded = () => opening.result.createObjectStore('values');
    opening.onerror = () => reject(opening.error);
    opening.onsuccess = () => {
      const reading = opening.result.transaction('values').objectStore('values').get('key');
      reading.onsuccess = () => resolve(reading.result);
      reading.onerror = () => reject(reading.error);
    };
  });
}

/** The error a promise is rejected with. */
async function failure(promise: Promise<unknown>): Promise<Error> {
  try {
    await promise;
  } catch (error) {
    if (error instanceof Error) return error;
  }
  throw new Error('it did not fail');
}

describe('tabs', () => {
  it('each have a process, whose end releases their locks and tells the page nothing', () =>
    withLab({}, async lab => {
      const browser = await lab.launch();
      const [first, ...others] = await browser.openTabs(4, PAGE);
      await first!.evaluate(holdLock, 'mine');
      const before = await browser.rendererPids();
      await others[0]!.waitFor(isHeld, { arg: 'mine' });

      await first!.kill();

      await others[0]!.waitFor(
        async (name: string) => {
          const { held = [] } = await navigator.locks.query();
          return held.every(lock => lock.name !== name);
        },
        { arg: 'mine', timeoutMs: 2_000 },
      );
      expect(before.filter(pid => !isAlive(pid))).to.have.lengthOf(1);
      for (const tab of others) {
        expect(tab.hasCrashed, tab.name).to.equal(false);
        expect(await tab.evaluate(() => localStorage.getItem('pagehide'))).to.equal(null);
      }
    }));

  it('hear pagehide when they are closed as a user closes them', () =>
    withLab({}, async lab => {
      const browser = await lab.launch();
      const [first, second] = await browser.openTabs(2, PAGE);
      await first!.evaluate(holdLock, 'mine');
      await first!.close();
      await second!.waitFor(() => localStorage.getItem('pagehide') === 'mine');
    }));

  it('share locks and storage with tabs of their context only', () =>
    withLab({}, async lab => {
      const browser = await lab.launch();
      const [first, second] = await browser.openTabs(2, PAGE);
      const stranger = await browser.openTab(PAGE, await browser.newContext());
      await first!.evaluate(holdLock, 'mine');
      await first!.evaluate(store, 'written');
      expect(await second!.evaluate(isHeld, 'mine')).to.equal(true);
      expect(await second!.evaluate(load)).to.equal('written');
      expect(await stranger.evaluate(isHeld, 'mine')).to.equal(false);
      expect(await stranger.evaluate(load)).to.equal(undefined);
    }));

  it('stand still while they are frozen', () =>
    withLab({}, async lab => {
      const browser = await lab.launch({ lifecycle: true });
      const tab = await browser.openTab(PAGE);
      const witness = await browser.openTab(PAGE); // Comes to the front, so the first is hidden.
      await tab.waitFor(() => document.visibilityState === 'hidden');
      await tab.evaluate(() => {
        document.addEventListener('freeze', () => localStorage.setItem('heard', 'freeze'));
        document.addEventListener('resume', () => localStorage.setItem('heard', 'resume'));
        setInterval(() => localStorage.setItem('at', `${Date.now()}`), 10);
      });
      await tab.freeze();
      await witness.waitFor(() => localStorage.getItem('heard') === 'freeze');
      // Timers of a hidden page fire once a second; three times that, and it really stands still.
      await witness.waitFor(() => Date.now() - Number(localStorage.getItem('at')) > 3_000);
      await tab.resume();
      await witness.waitFor(() => localStorage.getItem('heard') === 'resume');
      await witness.waitFor(() => Date.now() - Number(localStorage.getItem('at')) < 2_000);
    }));

  it('come back from the back/forward cache as they were', () =>
    withLab({}, async lab => {
      const browser = await lab.launch({ lifecycle: true });
      const tab = await browser.openTab(PAGE);
      await tab.evaluate(() => {
        addEventListener('pageshow', event => (document.title = `restored ${event.persisted}`));
      });
      await tab.page.goto(new URL(`${PAGE}?elsewhere`, lab.url).href);
      // The page is not loaded again, so there is no `load` to wait for.
      await tab.page.goBack({ waitUntil: 'commit' });
      await tab.waitFor(() => document.title === 'restored true');
    }));
});

describe('a browser', () => {
  it('that is killed leaves what it had stored in its profile folder', () =>
    withLab({}, async lab => {
      const profile = newProfile();
      const browser = await lab.launch({ profile });
      const [writer] = await browser.openTabs(2, PAGE);
      const processes = [browser.pid, ...(await browser.rendererPids())];
      await writer!.evaluate(store, 'kept');
      await browser.kill();
      expect(processes.filter(isAlive)).to.deep.equal([]);

      const again = await lab.launch({ profile });
      const reader = await again.openTab(PAGE);
      expect(await reader.evaluate(load)).to.equal('kept');
    }));
});

describe('a lab', () => {
  it('ends and restarts the signaling server at the same address', () =>
    withLab({ signaling: true }, async lab => {
      const { pid, url } = lab.signaling;
      await lab.stopSignaling();
      expect(isAlive(pid)).to.equal(false);
      expect(() => lab.signaling).to.throw('no signaling server');
      const { url: urlAgain } = await lab.startSignaling();
      expect(urlAgain).to.equal(url);
    }));

  it('says what it waited for, the last state, and what the page printed', async () => {
    const error = await failure(
      withLab({}, async lab => {
        const tab = await (await lab.launch()).openTab(PAGE);
        await tab.evaluate(() => console.warn('a hint'));
        await tab.waitFor(() => document.title === 'other', {
          timeoutMs: 100,
          what: 'the other title',
          state: () => ({ title: document.title }),
        });
      }),
    );
    expect(error.message).to.match(/Not within 100 ms: the other title/);
    expect(error.message).to.match(/"title": "plain"/);
    expect(error.message).to.match(/warning: a hint/);
  });

  it('goes on waiting across a navigation and an exception', () =>
    withLab({}, async lab => {
      const tab = await (await lab.launch()).openTab(PAGE);
      const waiting = tab.waitFor(() => {
        if (location.search !== '?later') throw new Error('not yet');
        return location.search;
      });
      await tab.page.goto(new URL(`${PAGE}?later`, lab.url).href);
      expect(await waiting).to.equal('?later');
    }));

  it('fails a test whose pages had errors that nobody looked at', async () => {
    const error = await failure(
      withLab({}, async lab => {
        const tab = await (await lab.launch()).openTab(PAGE);
        await tab.evaluate(() => void Promise.reject(new Error('nobody cares')));
        await tab.waitFor(() => document.title === 'plain');
      }),
    );
    expect(error.message).to.match(/errors in pages:\n.*nobody cares/s);
  });

  it('leaves no process behind when the test fails', async () => {
    const pids: number[] = [];
    await failure(
      withLab({ signaling: true }, async lab => {
        const browser = await lab.launch();
        pids.push(lab.signaling.pid, browser.pid);
        await browser.openTab(PAGE);
        throw new Error('a failure');
      }),
    );
    expect(pids).to.have.lengthOf(2);
    expect(pids.filter(isAlive)).to.deep.equal([]);
  });

  it('serves a folder as it is, and documents beside it, and nothing outside', () =>
    withLab(
      { folder: 'test/tabs/pages', pages: { '/extra.html': '<h1>extra</h1>' } },
      async lab => {
        const read = async (path: string) => (await fetch(new URL(path, lab.url))).status;
        expect(await read('plain.html')).to.equal(200);
        expect(await read('extra.html')).to.equal(200);
        expect(await read('%2e%2e/harness.ts')).to.equal(404);
        expect(await read('none.html')).to.equal(404);
      },
    ));
});
