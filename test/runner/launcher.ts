import { PlaywrightLauncher, type playwright } from '@web/test-runner-playwright';
import { CHROMIUM_FLAGS } from '../chromium.ts';

type Page = playwright.Page;

/** A page that answers at all does so at once; one caught in a loop never does. */
const SETTLE_MS_MAX = 1_000;

export interface LauncherOptions {
  /** The Chromium to start. */
  readonly executablePath: string;
  /** Takes what went wrong in the page of a test session and no test was blamed for. */
  readonly onPageError: (sessionId: string, error: Error) => void;
}

/**
 * Starts one Chromium, every test file a page in a context of its own, and hears of the errors that
 * the test runner only logs: unhandled rejections, and whatever happens outside the tests. (For
 * an uncaught error during a test Mocha fails that test, and the browser does not tell it here.)
 */
export class PageLauncher extends PlaywrightLauncher {
  constructor({ executablePath, onPageError }: LauncherOptions) {
    const createPage = async ({ context }: { context: playwright.BrowserContext }) => {
      const page = await context.newPage();
      let sessionId = '';
      page.on('framenavigated', frame => {
        const { searchParams } = new URL(frame.url());
        sessionId = searchParams.get('wtr-session-id') ?? sessionId;
      });
      page.on('pageerror', error => onPageError(sessionId, error));
      return page;
    };
    const createContext = ({ browser }: { browser: playwright.Browser }) => browser.newContext();
    const launchOptions = { executablePath, args: [...CHROMIUM_FLAGS] };
    super('chromium', launchOptions, createContext, createPage);
  }

  /** A rejection is told a task after it happens, which must not be one after the page is gone. */
  override async stopSession(sessionId: string) {
    if (this.isActive(sessionId)) await settled(this.getPage(sessionId));
    return super.stopSession(sessionId);
  }
}

async function settled(page: Page): Promise<void> {
  let timer: NodeJS.Timeout | undefined;
  const patience = new Promise(resolve => (timer = setTimeout(resolve, SETTLE_MS_MAX)));
  const nextTask = page.evaluate(() => new Promise<void>(resolve => setTimeout(resolve)));
  // A page that has crashed has nothing more to tell.
  await Promise.race([nextTask.catch(() => {}), patience]);
  clearTimeout(timer);
}
