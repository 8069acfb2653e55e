import { TabringError } from '../../kernel/errors.ts';
import type { Link } from '../link/link.ts';
import type { Bootstrap, Contact, Introduction } from './bootstrap.ts';
import type { PageContact } from './contact.ts';
import { throwIfAborted } from './wait.ts';

/** A bootstrap that knows which page a contact is. */
export interface PageBootstrap extends Bootstrap {
  findMembers(options: { readonly signal: AbortSignal }): Promise<readonly PageContact[]>;
}

/** Members of the server that are tried when no tab of this browser can be reached. */
const SERVER_CONTACTS_MAX = 3;

/**
 * Tabs of this browser first, the signaling server for all others. Both must agree on a founder:
 * the browser's tabs elect one among themselves, which alone asks the server; so the others wait
 * for it, whether it founds or joins a ring elsewhere. Members are found through both.
 *
 * Without an answer of the server nobody founds: the network may live in another browser.
 */
export class CombinedBootstrap implements PageBootstrap {
  onLink: ((link: Link) => void) | null = null;

  readonly #tabs: PageBootstrap;
  readonly #server: PageBootstrap;

  constructor(parts: { readonly tabs: PageBootstrap; readonly server: PageBootstrap }) {
    this.#tabs = parts.tabs;
    this.#server = parts.server;
    const onLink = (link: Link): void => {
      if (this.onLink === null) link.close();
      else this.onLink(link);
    };
    this.#tabs.onLink = onLink;
    this.#server.onLink = onLink;
  }

  async introduce(options: {
    readonly holdsStore: boolean;
    readonly signal: AbortSignal;
  }): Promise<Introduction> {
    const introduction = await this.#tabs.introduce(options);
    if (introduction.role === 'joiner') {
      return { role: 'joiner', contacts: this.#withServerLast(introduction.contacts) };
    }
    try {
      return await this.#server.introduce(options);
    } catch (error) {
      this.#tabs.setMember(false); // The next tab may try.
      throw error;
    }
  }

  async findMembers(options: { readonly signal: AbortSignal }): Promise<readonly PageContact[]> {
    const [tabs, server] = await Promise.allSettled([
      this.#tabs.findMembers(options),
      this.#server.findMembers(options),
    ]);
    throwIfAborted(options.signal);
    if (tabs.status === 'rejected') throw tabs.reason;
    if (server.status === 'fulfilled') {
      const pages = new Set(tabs.value.map(({ page }) => page));
      return [...tabs.value, ...server.value.filter(({ page }) => !pages.has(page))];
    }
    if (tabs.value.length > 0) return tabs.value;
    throw server.reason;
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
