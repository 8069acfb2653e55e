import type { CDPSession, ConsoleMessage, Page } from 'playwright-core';
import { untilEnded, within } from './processes.ts';
import { waitFor, type WaitOptions } from './wait-for.ts';

/** Lines of a page kept for the message of a failure. */
const LOG_LINES_MAX = 200;
const LOG_LINES_SHOWN = 30;
const LINE_CHARS_MAX = 1_000;
const CRASH_TIMEOUT_MS = 10_000;

/** One page, under a name for messages, with what it printed and what went wrong in it. */
export class Tab {
  readonly page: Page;
  readonly name: string;
  /** Console lines, uncaught errors and unhandled rejections, oldest first. */
  readonly log: string[] = [];
  /** Uncaught errors and unhandled rejections: `Lab.close` fails if there is any. */
  readonly errors: string[] = [];
  readonly #rendererPids: () => Promise<number[]>;
  #hasCrashed = false;

  constructor(page: Page, name: string, rendererPids: () => Promise<number[]>) {
    this.page = page;
    this.name = name;
    this.#rendererPids = rendererPids;
    page.on('console', message => this.#note(inWords(message)));
    page.on('pageerror', error => {
      this.errors.push(`${name}: ${error.stack ?? error.message}`);
      this.#note(`uncaught: ${error.stack ?? error.message}`);
    });
    page.on('crash', () => (this.#hasCrashed = true));
  }

  get hasCrashed(): boolean {
    return this.#hasCrashed;
  }

  /** Runs a function in the page. It sees nothing of the test but its argument. */
  evaluate<R, A>(run: (arg: A) => R | Promise<R>, arg: A): Promise<R>;
  evaluate<R>(run: () => R | Promise<R>): Promise<R>;
  evaluate<R, A>(run: (arg: A) => R | Promise<R>, arg?: A): Promise<R> {
    // Playwright's own type unwraps handles, which a plain argument has none of.
    return this.page.evaluate(run as (arg: unknown) => R | Promise<R>, arg as unknown);
  }

  /** Waits until the condition is met in the page: see `waitFor`. */
  async waitFor<R, A = undefined, S = unknown>(
    condition: (arg: A) => R | Promise<R>,
    options: WaitOptions<A, S> = {},
  ) {
    try {
      return await waitFor(this.page, condition, options);
    } catch (error) {
      throw explained(error, this.said());
    }
  }

  /**
   * Ends the renderer process of this tab, as a crash or the system's memory killer does: no event
   * reaches the page. Resolves when the process is gone.
   */
  async kill(): Promise<void> {
    const before = await this.#rendererPids();
    const session = await this.page.context().newCDPSession(this.page);
    const crashed = new Promise(resolve => this.page.once('crash', resolve));
    // Never answered: whoever would is dead.
    session.send('Page.crash').catch(() => {});
    await within(`${this.name}: the crash of its renderer`, CRASH_TIMEOUT_MS, crashed);
    const after = new Set(await this.#rendererPids());
    const ended = before.filter(pid => !after.has(pid));
    const left = await untilEnded(ended, CRASH_TIMEOUT_MS);
    if (ended.length === 0 || left.length > 0) {
      throw new Error(`${this.name}: its renderer process did not end`);
    }
    await this.page.close();
  }

  /** Closes the tab the way a user does: the page hears `pagehide`, and may say goodbye. */
  async close(): Promise<void> {
    if (this.page.isClosed()) return;
    const closed = new Promise(resolve => this.page.once('close', resolve));
    await this.page.close({ runBeforeUnload: true });
    await within(`${this.name}: its closing`, CRASH_TIMEOUT_MS, closed);
  }

  /**
   * Stops all tasks of the page, as phones do to pages in the background; it hears `freeze`. Only
   * in a browser launched for `lifecycle`, and only while another tab is in front.
   */
  async freeze(): Promise<void> {
    await (await this.#session()).send('Page.setWebLifecycleState', { state: 'frozen' });
  }

  /** Ends a freeze; the page hears `resume`. */
  async resume(): Promise<void> {
    await (await this.#session()).send('Page.setWebLifecycleState', { state: 'active' });
  }

  /** The last lines of the log, for the message of a failure. */
  said(): string {
    const lines = this.log.slice(-LOG_LINES_SHOWN).map(line => `  ${line}`);
    return [`${this.name} said:`, ...(lines.length > 0 ? lines : ['  nothing'])].join('\n');
  }

  #note(line: string): void {
    this.log.push(line.length > LINE_CHARS_MAX ? `${line.slice(0, LINE_CHARS_MAX)}…` : line);
    if (this.log.length > LOG_LINES_MAX) this.log.shift();
  }

  #sessionPromise: Promise<CDPSession> | undefined;

  #session(): Promise<CDPSession> {
    this.#sessionPromise ??= this.page.context().newCDPSession(this.page);
    return this.#sessionPromise;
  }
}

function inWords(message: ConsoleMessage): string {
  return `${message.type()}: ${message.text()}`;
}

/** The same error, whose message, and the stack that repeats it, goes on with what else is known. */
export function explained(error: unknown, more: string): Error {
  if (!(error instanceof Error)) return new Error(`${String(error)}\n${more}`);
  const { message, stack } = error;
  error.message = `${message}\n${more}`;
  if (stack !== undefined) error.stack = stack.replace(message, () => error.message);
  return error;
}
