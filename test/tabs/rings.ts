import type { BrowserContext } from 'playwright-core';
import type { Lab, Tab, TabBrowser } from './harness.ts';
import type {} from './pages/ring.ts';

/** Where a ring page is, with its options. */
export function ringPath(options: Readonly<Record<string, string>> = {}): string {
  return `/test/tabs/pages/ring.html?${new URLSearchParams(options)}`;
}

/** Options of a page that uses the lab's signaling server. */
export function withServer(lab: Lab): { signaling: string } {
  return { signaling: lab.signaling.url };
}

/** Opens tabs at once, and waits until each of them is on a ring. */
export async function openRing(
  browser: TabBrowser,
  count: number,
  options: Readonly<Record<string, string>> = {},
  context?: BrowserContext,
): Promise<Tab[]> {
  const tabs = await browser.openTabs(count, ringPath(options), context);
  await Promise.all(tabs.map(tab => untilJoined(tab)));
  return tabs;
}

export async function untilJoined(tab: Tab): Promise<void> {
  await tab.waitFor(() => window.ring?.status === 'joined' || window.ring?.status === 'alone', {
    what: `${tab.name} is on a ring`,
    timeoutMs: 30_000,
    state: () => ({ error: window.joinError, status: window.ring?.status }),
  });
}

/** Waits until the tabs, and nobody else, form one perfect ring with every cell active. */
export async function untilPerfect(tabs: readonly Tab[], timeoutMs = 30_000): Promise<void> {
  const places = await Promise.all(
    tabs.map(tab => tab.evaluate(() => ({ id: window.ring?.id, at: window.ring?.position ?? 0 }))),
  );
  const ids = places.sort((a, b) => a.at - b.at).map(({ id }) => String(id));
  const check = (wanted: readonly string[]): boolean => {
    const snapshot = window.ring?.snapshot();
    if (!snapshot?.self || !snapshot.pred || !snapshot.succ) return false;
    const index = wanted.indexOf(snapshot.self.peer);
    const count = wanted.length;
    return (
      snapshot.succ.peer === wanted[(index + 1) % count] &&
      snapshot.pred.peer === wanted[(index + count - 1) % count] &&
      !snapshot.isPredSuspected &&
      snapshot.branch.length === 0 &&
      snapshot.replicas.learningCells === 0
    );
  };
  const state = (wanted: readonly string[]) => ({
    wanted,
    snapshot: window.ring?.snapshot(),
  });
  const what = `the ${tabs.length} tabs form one perfect ring`;
  await Promise.all(tabs.map(tab => tab.waitFor(check, { arg: ids, timeoutMs, what, state })));
}

export function put(tab: Tab, key: string, value: string): Promise<void> {
  return tab.evaluate(([k, v]) => window.ring?.put(k, v), [key, value] as const) as Promise<void>;
}

export function get(tab: Tab, key: string): Promise<unknown> {
  return tab.evaluate(k => window.ring?.get(k), key);
}
