import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { chromium, type Browser, type BrowserContext, type CDPSession } from 'playwright-core';
import { CHROMIUM_FLAGS, findChromium } from '../chromium.ts';
import { launchForLifecycle } from './lifecycle-browser.ts';
import { untilEnded, within } from './processes.ts';
import { Tab } from './tab.ts';

/** Every tab has a renderer process of its own as long as there are fewer than this. */
const RENDERER_PROCESS_LIMIT = '--renderer-process-limit=100';

const LAUNCH_TIMEOUT_MS = 60_000;
const END_TIMEOUT_MS = 10_000;
const NAVIGATION_TIMEOUT_MS = 30_000;

export interface BrowserOptions {
  /**
   * A profile folder, where IndexedDB is on disk and survives the browser: one that a killed
   * browser leaves, or `true` for a new one. Without it contexts are off the record.
   */
  readonly profile?: string | true;
  readonly args?: readonly string[];
  /** Defaults of Playwright to leave out. */
  readonly ignoreDefaultArgs?: readonly string[];
  /**
   * Tabs behave as a user's: all but the front one are hidden and throttled, and `freeze`, the
   * back/forward cache and their events work. Implies a profile, which is the only context.
   */
  readonly lifecycle?: boolean;
}

/** A profile folder that nobody uses yet. */
export function newProfile(): string {
  return mkdtempSync(join(tmpdir(), 'tabring-profile-'));
}

/** Removes a folder of `newProfile` after its browser is gone. */
export function removeProfile(profile: string): void {
  // Files may still appear for an instant after the processes are gone, on a slow disk.
  rmSync(profile, { recursive: true, force: true, maxRetries: 5, retryDelay: 200 });
}

/** One running Chromium and the tabs in it. */
export class TabBrowser {
  readonly pid: number;
  /** The profile folder, if it has one. */
  readonly profile: string | undefined;
  /** Playwright's context that `openTab` uses unless told otherwise. */
  readonly context: BrowserContext;
  /** All tabs ever opened, closed and killed ones among them. */
  readonly tabs: Tab[] = [];
  readonly #browser: Browser;
  readonly #session: CDPSession;
  readonly #baseUrl: string;
  #openedCount = 0;
  #hasEnded = false;

  private constructor(parts: {
    browser: Browser;
    context: BrowserContext;
    session: CDPSession;
    pid: number;
    profile: string | undefined;
    baseUrl: string;
  }) {
    this.#browser = parts.browser;
    this.#session = parts.session;
    this.#baseUrl = parts.baseUrl;
    this.context = parts.context;
    this.pid = parts.pid;
    this.profile = parts.profile;
  }

  static async launch(baseUrl: string, options: BrowserOptions = {}): Promise<TabBrowser> {
    const { lifecycle = false } = options;
    const wantsProfile = options.profile === true || (lifecycle && options.profile === undefined);
    const profile = wantsProfile ? newProfile() : options.profile;
    const context = await launchContext(profile, options);
    const browser = context.browser();
    if (browser === null) throw new Error('this Playwright gives no access to the browser');
    const session = await browser.newBrowserCDPSession();
    const [pid] = await pidsOf(session, 'browser');
    if (pid === undefined) throw new Error('this Chromium does not tell its process id');
    return new TabBrowser({ browser, context, session, pid, profile, baseUrl });
  }

  /** A further context: it shares nothing with the others, as another browser would. */
  newContext(): Promise<BrowserContext> {
    return newContext(this.#browser);
  }

  /** Opens a tab at a path (or address) and waits until the page is loaded. */
  async openTab(path: string, context: BrowserContext = this.context): Promise<Tab> {
    const name = `tab ${++this.#openedCount}`;
    const page = await context.newPage();
    const tab = new Tab(page, name, () => this.rendererPids());
    this.tabs.push(tab);
    const timeout = NAVIGATION_TIMEOUT_MS;
    await page.goto(new URL(path, this.#baseUrl).href, { timeout });
    return tab;
  }

  /** Opens several tabs at once. */
  openTabs(count: number, path: string, context?: BrowserContext): Promise<Tab[]> {
    return Promise.all(Array.from({ length: count }, () => this.openTab(path, context)));
  }

  /** Process ids of all renderers: one for each tab, and a spare one or two. */
  rendererPids(): Promise<number[]> {
    return pidsOf(this.#session, 'renderer');
  }

  /** Ends the browser and every process of it at once, as a power cut does. */
  async kill(): Promise<void> {
    const children = await pidsOf(this.#session);
    this.#hasEnded = true;
    process.kill(this.pid, 'SIGKILL');
    // Orphaned renderers notice by themselves; one that does not would keep files open.
    const left = await untilEnded([this.pid, ...children], END_TIMEOUT_MS);
    for (const pid of left) process.kill(pid, 'SIGKILL');
    const stuck = await untilEnded(left, END_TIMEOUT_MS);
    if (stuck.length > 0) throw new Error(`these processes do not end: ${stuck.join(', ')}`);
  }

  /** Closes the browser; ends it by force if it does not. */
  async close(): Promise<void> {
    if (this.#hasEnded) return;
    this.#hasEnded = true;
    try {
      await within('the closing of the browser', END_TIMEOUT_MS, this.#browser.close());
    } catch {
      // Either it is gone already, or it hangs: in both cases it must not be there any more.
    }
    if ((await untilEnded([this.pid], END_TIMEOUT_MS)).length > 0) {
      process.kill(this.pid, 'SIGKILL');
    }
  }
}

async function launchContext(profile: string | undefined, options: BrowserOptions) {
  const executablePath = await findChromium({ report: () => {} });
  const args = [...CHROMIUM_FLAGS, RENDERER_PROCESS_LIMIT, ...(options.args ?? [])];
  if (options.lifecycle === true && profile !== undefined) {
    const browser = await launchForLifecycle({ executablePath, profile, args });
    const [context] = browser.contexts();
    if (context === undefined) throw new Error('Chromium started without a context');
    return prepare(context);
  }
  const ignoreDefaultArgs = [...(options.ignoreDefaultArgs ?? [])];
  const launchOptions = { executablePath, args, ignoreDefaultArgs, timeout: LAUNCH_TIMEOUT_MS };
  return profile === undefined
    ? newContext(await chromium.launch(launchOptions))
    : prepare(await chromium.launchPersistentContext(profile, launchOptions));
}

async function newContext(browser: Browser): Promise<BrowserContext> {
  return prepare(await browser.newContext());
}

async function prepare(context: BrowserContext): Promise<BrowserContext> {
  // tsx compiles named inner functions to calls of a helper, which functions sent to a page miss.
  await context.addInitScript('globalThis.__name ??= value => value;');
  return context;
}

async function pidsOf(session: CDPSession, type?: string): Promise<number[]> {
  const { processInfo } = await session.send('SystemInfo.getProcessInfo');
  return processInfo.filter(info => type === undefined || info.type === type).map(info => info.id);
}
