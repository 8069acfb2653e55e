import { TabringError } from '../../kernel/errors.ts';
import { pageClock, type Clock } from '../clock.ts';
import type { Link } from '../link/link.ts';
import type { Contact, Introduction } from './bootstrap.ts';
import type {
  IntroduceOptions,
  PageBootstrap,
  PageContact,
  TabsBootstrap,
} from './page-bootstrap.ts';
import { deadline, throwIfAborted, unlessAborted } from './wait.ts';

/** Members of the server that are tried when no tab of this browser can be reached. */
const SERVER_CONTACTS_MAX = 3;

/** How long the server may take to name others when tabs of this browser have answered. */
const SERVER_PATIENCE_MS = 500;

/**
 * Tabs of this browser first, the signaling server for all others. Both must agree on a founder:
 * the browser's tabs elect one among themselves, which alone asks the server; so the others wait
 * for it, whether it founds or joins a ring elsewhere. Members are found through both.
 *
 * Without an answer of the server nobody founds: the network may live in another browser.
 */
export class CombinedBootstrap implements PageBootstrap {
  onLink: ((link: Link) => void) | null = null;

  readonly #tabs: TabsBootstrap;
  readonly #server: PageBootstrap;
  readonly #clock: Clock;

  constructor(parts: {
    readonly tabs: TabsBootstrap;
    readonly server: PageBootstrap;
    readonly clock?: Clock;
  }) {
    this.#clock = parts.clock ?? pageClock();
    this.#tabs = parts.tabs;
    this.#server = parts.server;
    const onLink = (link: Link): void => {
      if (this.onLink === null) link.close();
      else this.onLink(link);
    };
    this.#tabs.onLink = onLink;
    this.#server.onLink = onLink;
  }

  async introduce(options: IntroduceOptions): Promise<Introduction> {
    try {
      return await this.#introduce(options);
    } catch (error) {
      this.setMember(false); // The next tab may try.
      throw error;
    }
  }

  async findMembers(options: { readonly signal: AbortSignal }): Promise<readonly PageContact[]> {
    const asked = this.#server.findMembers(options);
    asked.catch(() => {}); // Heard below, or of no interest.
    const tabs = await this.#tabs.findMembers(options);
    if (tabs.length === 0) return asked;
    // Somebody is there already: a server that is away is not worth the wait.
    const late = deadline(this.#clock, SERVER_PATIENCE_MS);
    const others = await unlessAborted(asked, late.signal).catch(() => []);
    late.stop();
    const pages = new Set(tabs.map(({ page }) => page));
    return [...tabs, ...others.filter(({ page }) => !pages.has(page))];
  }

  setMember(isMember: boolean): void {
    this.#tabs.setMember(isMember);
    this.#server.setMember(isMember);
  }

  iceServers(): Promise<readonly RTCIceServer[]> {
    return this.#server.iceServers();
  }

  close(): void {
    this.#tabs.close();
    this.#server.close();
    this.onLink = null;
  }

  async #introduce(options: IntroduceOptions): Promise<Introduction> {
    for (;;) {
      const introduction = await this.#tabs.introduceProvisionally(options);
      if (introduction.role === 'joiner') {
        return { role: 'joiner', contacts: this.#withServerLast(introduction.contacts) };
      }
      const answer = await this.#server.introduce(options);
      // While the server looked for somebody better elsewhere, there was time for that here.
      if (answer.role === 'joiner' || (await this.#tabs.confirmFounder(options))) return answer;
      this.#server.setMember(false);
    }
  }

  /**
   * Tabs, and as a last resort whoever the server knows: all tabs of this browser may be frozen. It
   * is tried only when those before it have failed, however many are tried at once.
   */
  #withServerLast(contacts: readonly Contact[]): readonly Contact[] {
    const attempts: Promise<Link>[] = [];
    const tabs = contacts.map(contact => ({
      label: contact.label,
      connect: (options: { readonly signal: AbortSignal }): Promise<Link> => {
        const attempt = contact.connect(options);
        attempts.push(attempt);
        return attempt;
      },
    }));
    const connect = async (options: { readonly signal: AbortSignal }): Promise<Link> => {
      const isReached = await Promise.any(attempts).then(
        () => true,
        () => false,
      );
      throwIfAborted(options.signal);
      if (isReached) throw new TabringError('unreachable', 'another tab was reached already');
      return this.#connectThroughServer(options);
    };
    return [...tabs, { label: 'anybody on the signaling server', connect }];
  }

  async #connectThroughServer(options: { readonly signal: AbortSignal }): Promise<Link> {
    let failure: unknown = new TabringError('unreachable', 'the signaling server knows nobody');
    try {
      const members = await this.#server.findMembers(options);
      for (const member of members.slice(0, SERVER_CONTACTS_MAX)) {
        try {
          return await member.connect(options);
        } catch (error) {
          throwIfAborted(options.signal);
          failure = error;
        }
      }
    } catch (error) {
      throwIfAborted(options.signal);
      failure = error;
    }
    throw new TabringError('unreachable', 'nobody on the signaling server could be reached', {
      cause: failure,
    });
  }
}
