import { after } from 'node:test';
import type { BrowserContext } from 'playwright-core';
import {
  startSignaling,
  type SignalingOptions,
  type SignalingServer,
} from '../../signaling/server.ts';
import { Lab, type Tab, type TabBrowser } from '../tabs/harness.ts';
import { request, until } from './clients.ts';
import type { OpenOptions, Role } from './pages/bootstrap.ts';

const PAGE = '/test/signaling/pages/bootstrap.html';

let networkCount = 0;

export function newNetwork(): string {
  return `test ${networkCount++}`;
}

type Stage = { readonly lab: Lab; readonly browser: TabBrowser };

/** One browser for all tests of a file: each of them has contexts, a network and a server of its own. */
let stage: Promise<Stage> | null = null;

async function openStage(): Promise<Stage> {
  const lab = await Lab.start();
  return { lab, browser: await lab.launch() };
}

// Fails, too, when errors in pages have gone unnoticed.
after(async () => (await stage)?.lab.close());

type SceneOptions = Omit<Partial<SignalingOptions>, 'port'> & {
  /** No server of its own. */
  readonly hasServer?: boolean;
};

/** Runs a test with a signaling server that has no grace, unless the options say otherwise. */
export async function withScene(
  options: SceneOptions,
  test: (scene: Scene) => Promise<void>,
): Promise<void> {
  stage ??= openStage();
  const scene = new Scene(await stage, options);
  try {
    if (options.hasServer !== false) await scene.startServer();
    await test(scene);
  } catch (error) {
    if (error instanceof Error && !error.message.includes(' said:')) {
      error.message += `\n${scene.said()}`;
    }
    throw error;
  } finally {
    await scene.close();
  }
}

/** What one test has. */
export class Scene {
  readonly #lab: Lab;
  readonly #browser: TabBrowser;
  readonly #options: SceneOptions;
  readonly #contexts: BrowserContext[] = [];
  readonly #tabs: BootstrapTab[] = [];
  #server: SignalingServer | null = null;
  #port = 0;

  constructor({ lab, browser }: Stage, options: SceneOptions) {
    this.#lab = lab;
    this.#browser = browser;
    this.#options = options;
  }

  /** The running server. */
  get server(): SignalingServer {
    if (this.#server === null) throw new Error('no signaling server is running');
    return this.#server;
  }

  /** Starts the server, again at the same port if there was one before. */
  async startServer(): Promise<void> {
    const { rendezvous = {}, ...options } = this.#options;
    const config = { graceMs: 0, ...rendezvous };
    this.#server = await startSignaling({ ...options, port: this.#port, rendezvous: config });
    this.#port = this.#server.port;
  }

  /** All its connections break. */
  async stopServer(): Promise<void> {
    await this.#server?.close();
    this.#server = null;
  }

  /** Tabs of one context are tabs of one browser, those of another one are elsewhere. */
  async newContext(): Promise<BrowserContext> {
    const context = await this.#browser.newContext();
    this.#contexts.push(context);
    return context;
  }

  /** A context whose tabs are hidden and frozen as a user's are. */
  async launchForLifecycle(): Promise<BrowserContext> {
    return (await this.#lab.launch({ lifecycle: true })).context;
  }

  /** A page in a context of its own, unless one is given. */
  async open(options: OpenOptions, context?: BrowserContext): Promise<BootstrapTab> {
    const where = context ?? (await this.newContext());
    const tab = await BootstrapTab.open(this.#browser, options, where);
    this.#tabs.push(tab);
    return tab;
  }

  openAll(count: number, options: OpenOptions, context?: BrowserContext): Promise<BootstrapTab[]> {
    return Promise.all(Array.from({ length: count }, () => this.open(options, context)));
  }

  said(): string {
    return this.#tabs.map(({ tab }) => tab.said()).join('\n');
  }

  async close(): Promise<void> {
    await Promise.all(this.#contexts.map(context => context.close()));
    await this.stopServer();
  }
}

/** A page with a bootstrap in it. */
export class BootstrapTab {
  readonly tab: Tab;

  private constructor(tab: Tab) {
    this.tab = tab;
  }

  static async open(
    browser: TabBrowser,
    options: OpenOptions,
    context: BrowserContext,
  ): Promise<BootstrapTab> {
    const tab = await browser.openTab(PAGE, context);
    await tab.waitFor(() => typeof pageLab === 'object', { timeoutMs: 30_000 });
    const opened = new BootstrapTab(tab);
    await opened.open(options);
    return opened;
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
export async function told(scene: Scene): Promise<Told> {
  return (await request(scene.server.url)).json as Told;
}

/** Waits until what the server says of itself is so; the test's time-out says when it never is. */
export async function untilTold(scene: Scene, isGood: (told: Told) => boolean): Promise<void> {
  await until(() => told(scene), isGood);
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
