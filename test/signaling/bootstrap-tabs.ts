import type { BrowserContext } from 'playwright-core';
import { withLab, type Lab, type LabOptions, type Tab, type TabBrowser } from '../tabs/harness.ts';
import type { OpenOptions, Role } from './pages/bootstrap.ts';

const PAGE = '/test/signaling/pages/bootstrap.html';

let networkCount = 0;

export function newNetwork(): string {
  return `test ${networkCount++}`;
}

/** Runs a test with a browser, and a signaling server unless the options say otherwise. */
export function withBrowser(
  options: LabOptions,
  test: (lab: Lab, browser: TabBrowser) => Promise<void>,
): Promise<void> {
  const signaling = ['--grace-ms', '0'];
  return withLab({ signaling, ...options }, async lab => test(lab, await lab.launch()));
}

/** A page with a bootstrap in it. */
export class BootstrapTab {
  readonly tab: Tab;

  private constructor(tab: Tab) {
    this.tab = tab;
  }

  /** In a context of its own, as another browser, unless one is given. */
  static async open(
    browser: TabBrowser,
    options: OpenOptions,
    context?: BrowserContext,
  ): Promise<BootstrapTab> {
    const tab = await browser.openTab(PAGE, context ?? (await browser.newContext()));
    await tab.waitFor(() => typeof pageLab === 'object', { timeoutMs: 30_000 });
    const opened = new BootstrapTab(tab);
    await opened.open(options);
    return opened;
  }

  static async openAll(
    count: number,
    browser: TabBrowser,
    options: OpenOptions,
    context?: BrowserContext,
  ): Promise<BootstrapTab[]> {
    const tabs = Array.from({ length: count }, () => this.open(browser, options, context));
    return Promise.all(tabs);
  }

  /** Opens a bootstrap in place of the one before. */
  open(options: OpenOptions): Promise<void> {
    return this.tab.evaluate((given: OpenOptions) => pageLab.open(given), options);
  }

  introduce(holdsStore = false): Promise<Role> {
    return this.tab.evaluate((holds: boolean) => pageLab.introduce(holds), holdsStore);
  }

  join(holdsStore = false): Promise<Role> {
    return this.tab.evaluate((holds: boolean) => pageLab.join(holds), holdsStore);
  }

  connect(contact = 0): Promise<string> {
    return this.tab.evaluate((index: number) => pageLab.connect(index), contact);
  }

  echo(): Promise<void> {
    return this.tab.evaluate(() => pageLab.echo());
  }

  findMembers(): Promise<readonly string[]> {
    return this.tab.evaluate(() => pageLab.findMembers());
  }

  setMember(isMember: boolean): Promise<void> {
    return this.tab.evaluate((is: boolean) => pageLab.setMember(is), isMember);
  }

  abort(): Promise<void> {
    return this.tab.evaluate(() => pageLab.abort());
  }

  close(): Promise<void> {
    return this.tab.evaluate(() => pageLab.close());
  }
}

export type Told = { readonly pages: number; readonly members: number; readonly networks: number };

/** What the signaling server says of itself. */
export async function told(lab: Lab): Promise<Told> {
  return (await (await fetch(lab.signaling.url)).json()) as Told;
}

/** Waits until what the server says of itself is so; the test's time-out says when it never is. */
export async function untilTold(lab: Lab, isGood: (told: Told) => boolean): Promise<void> {
  while (!isGood(await told(lab))) await new Promise(resolve => setTimeout(resolve, 20));
}

/** Whether a promise is settled within this time. */
export async function isSettled(promise: Promise<unknown>, withinMs: number): Promise<boolean> {
  const late = new Promise<boolean>(resolve => setTimeout(() => resolve(false), withinMs));
  const settled = promise.then(
    () => true,
    () => true,
  );
  return Promise.race([settled, late]);
}
