import { SignalingProcess } from '../../demo/signaling-process.ts';
import { explained } from './tab.ts';
import { removeProfile, TabBrowser, type BrowserOptions } from './browser.ts';
import { serveFolder, serveSources, type WebServer } from './web-server.ts';

export { TabBrowser, type BrowserOptions } from './browser.ts';
export { Tab } from './tab.ts';
export { waitFor, type WaitOptions } from './wait-for.ts';

export interface LabOptions {
  /**
   * What tabs are served: by default the project's sources through Vite (so `/index.html` is the
   * demo and `/test/tabs/pages/x.html` a page of the tests), else the files of a folder.
   */
  readonly folder?: string;
  /** Documents by path, beside the files of `folder`. */
  readonly pages?: Readonly<Record<string, string>>;
  /** Start a signaling server. With an array: with these options of its command. */
  readonly signaling?: boolean | readonly string[];
  /** Address of all servers: this machine alone by default. */
  readonly host?: string;
  /** Whether uncaught errors in pages fail the test; they do by default. */
  readonly ignorePageErrors?: boolean;
}

/**
 * Everything a test with real tabs needs, in one place that closes all of it:
 *
 *     it('…', () => withLab({ signaling: true }, async lab => {
 *       const browser = await lab.launch();
 *       const [a, b] = await browser.openTabs(2, '/test/tabs/pages/ring.html');
 *     }));
 */
export class Lab {
  /** Where pages are: `http://127.0.0.1:PORT/`. */
  readonly url: string;
  readonly browsers: TabBrowser[] = [];
  readonly #options: LabOptions;
  readonly #host: string;
  readonly #server: WebServer;
  readonly #profiles = new Set<string>();
  #signaling: SignalingProcess | undefined;
  #signalingPort = 0;

  private constructor(options: LabOptions, host: string, server: WebServer) {
    this.#options = options;
    this.#host = host;
    this.#server = server;
    this.url = server.url;
  }

  /** Starts the servers. Who calls this calls `close` whatever happens; `withLab` does. */
  static async start(options: LabOptions = {}): Promise<Lab> {
    const { folder, pages, signaling = false, host = '127.0.0.1' } = options;
    const server =
      folder === undefined ? await serveSources(host) : await serveFolder(folder, host, pages);
    const lab = new Lab(options, host, server);
    try {
      if (signaling !== false) await lab.startSignaling();
      return lab;
    } catch (error) {
      await lab.close();
      throw error;
    }
  }

  /** The signaling server that is running. */
  get signaling(): SignalingProcess {
    if (this.#signaling === undefined) throw new Error('this lab has no signaling server running');
    return this.#signaling;
  }

  /** Starts the signaling server, again at the same port if there was one before. */
  async startSignaling(): Promise<SignalingProcess> {
    const { signaling } = this.#options;
    this.#signaling = await SignalingProcess.start({
      port: this.#signalingPort,
      host: this.#host,
      args: typeof signaling === 'object' ? signaling : [],
    });
    this.#signalingPort = this.#signaling.port;
    return this.#signaling;
  }

  /** Ends the signaling server: politely, or by SIGKILL, which nothing in it notices. */
  async stopSignaling(signal: 'SIGTERM' | 'SIGKILL' = 'SIGKILL'): Promise<void> {
    await this.#signaling?.stop(signal);
    this.#signaling = undefined;
  }

  /** Starts a Chromium. Profile folders are removed at the end, those handed in too. */
  async launch(options: BrowserOptions = {}): Promise<TabBrowser> {
    const browser = await TabBrowser.launch(this.url, options);
    this.browsers.push(browser);
    if (browser.profile !== undefined) this.#profiles.add(browser.profile);
    return browser;
  }

  /** What the pages said, for the message of a failure that does not tell it already. */
  said(message = ''): string {
    const tabs = this.browsers.flatMap(browser => browser.tabs);
    const others = tabs.filter(tab => !message.includes(`${tab.name} said:`));
    return others.map(tab => tab.said()).join('\n');
  }

  /** Ends everything that was started. Rejects if errors in pages went unnoticed. */
  async close(): Promise<void> {
    await Promise.all(this.browsers.map(browser => browser.close()));
    await this.stopSignaling('SIGTERM');
    await this.#server.close();
    for (const profile of this.#profiles) removeProfile(profile);
    const errors = this.browsers.flatMap(({ tabs }) => tabs).flatMap(tab => tab.errors);
    if (errors.length > 0 && this.#options.ignorePageErrors !== true) {
      throw new Error(`errors in pages:\n${errors.join('\n')}`);
    }
  }
}

/** Runs a test in a lab of its own; on failure the error says what the pages had said. */
export async function withLab<T>(options: LabOptions, test: (lab: Lab) => Promise<T>): Promise<T> {
  const lab = await Lab.start(options);
  let result: T;
  try {
    result = await test(lab);
  } catch (error) {
    const said = lab.said(error instanceof Error ? error.message : '');
    // The first failure is the one to see; what closing adds to it is most likely its echo.
    await lab.close().catch(() => {});
    throw explained(error, said);
  }
  await lab.close();
  return result;
}
