import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { before, describe, it } from 'node:test';
import { ROOT } from '../runner/files.ts';
import { withLab, type Tab } from './harness.ts';

/** The page of the README, to the letter: nothing but the one file and two elements. */
const PAGE = `<script type="module" src="/tabring-elements.js"></script>
<tab-ring network="demo"><ring-view></ring-view></tab-ring>`;

const DIST = join(ROOT, 'dist');
const BUILD_MS = 5 * 60_000;

/** Whether the file was built from the sources as they are. */
function isFresh(file: string): boolean {
  const built = statSync(file, { throwIfNoEntry: false });
  if (!built) return false;
  const sources = readdirSync(join(ROOT, 'src'), { recursive: true, encoding: 'utf8' });
  return sources.every(name => statSync(join(ROOT, 'src', name)).mtimeMs < built.mtimeMs);
}

/** Builds as a user does, unless that was done before. */
function build(): void {
  if (isFresh(join(DIST, 'tabring-elements.js'))) return;
  const { status, stdout, stderr } = spawnSync('npm', ['run', 'build'], {
    cwd: ROOT,
    encoding: 'utf8',
    timeout: BUILD_MS,
    shell: process.platform === 'win32',
  });
  assert.equal(status, 0, `${stdout}\n${stderr}`);
}

/** What the view in the page shows: the words in its middle, and the peers on the circle. */
function shown(tab: Tab): Promise<{ words: string; peers: string[]; count: number }> {
  return tab.evaluate(() => {
    const root = document.querySelector('ring-view')?.shadowRoot;
    const options = [...(root?.querySelectorAll('[role=option]') ?? [])];
    return {
      words: root?.querySelector('[part=centre]')?.textContent?.replace(/\s+/g, ' ').trim() ?? '',
      peers: options.map(option => option.getAttribute('aria-label') ?? ''),
      count: options.filter(option => !option.classList.contains('unconfirmed')).length,
    };
  });
}

async function untilShown(tab: Tab, peerCount: number): Promise<void> {
  await tab.waitFor(
    count => {
      const root = document.querySelector('ring-view')?.shadowRoot;
      const options = [...(root?.querySelectorAll('[role=option]:not(.unconfirmed)') ?? [])];
      const succ = root?.querySelectorAll('[part=successor]').length ?? 0;
      return options.length === count && (count === 1 || succ > 0);
    },
    {
      arg: peerCount,
      timeoutMs: 30_000,
      what: `${tab.name} shows ${peerCount} peers`,
      state: () => document.querySelector('ring-view')?.shadowRoot?.textContent,
    },
  );
}

describe('the built elements', () => {
  before(build, { timeout: BUILD_MS });

  it('make a ring out of one script and two elements, on a static host', () =>
    withLab({ folder: DIST, pages: { '/page.html': PAGE } }, async lab => {
      const browser = await lab.launch();
      const first = await browser.openTab('/page.html');
      await untilShown(first, 1);
      const second = await browser.openTab('/page.html');
      for (const tab of [first, second]) {
        await untilShown(tab, 2);
        const { words, peers, count } = await shown(tab);
        assert.equal(words, '2 peers');
        assert.equal(count, 2);
        assert.equal(peers.filter(label => label.startsWith('You, peer')).length, 1);
        assert.equal(peers.filter(label => label.includes('your successor')).length, 1);
      }
      // The element hands out the peer: the page's own scripts need nothing else.
      const value = await second.evaluate(async () => {
        await customElements.whenDefined('tab-ring');
        const element = document.querySelector('tab-ring') as Element & {
          ready: Promise<{
            put(key: string, value: string): Promise<void>;
            get(key: string): Promise<unknown>;
          }>;
        };
        const ring = await element.ready;
        await ring.put('greeting', 'hello');
        return ring.get('greeting');
      });
      assert.equal(value, 'hello');
      await second.close();
      await untilShown(first, 1);
    }));
});
