import { PAGE_ID_PATTERN } from './page-id.ts';

/**
 * What pages say of themselves by holding a lock. `member`: on the ring. `joiner`: was told of members,
 * and may be on their ring by now. `holder`: stands in an election, and has a store.
 */
export type Role = 'member' | 'joiner' | 'holder';

/** A lock that this page has, or is about to get. */
export type HeldLock = {
  /** Resolves when the page has it; rejects if it was released, or the browser refused, before. */
  readonly granted: Promise<void>;
  release(): void;
};

/**
 * The Web Locks of one network. A page has a lock for as long as it lives and no longer, however it
 * ends: that makes them the one list of members and holders that is never out of date.
 */
export class TabLocks {
  readonly #locks: LockManager;
  readonly #network: string;
  readonly #page: string;

  constructor(locks: LockManager, network: string, page: string) {
    this.#locks = locks;
    this.#network = network;
    this.#page = page;
  }

  /** Held by a page while it founds: only one can. */
  requestFounder(): HeldLock {
    return this.#request(`tabring/founder/${this.#network}`);
  }

  /** Held by a page while it has this role. */
  request(role: Role): HeldLock {
    return this.#request(this.#prefix(role) + this.#page);
  }

  /** Other pages that have one of these roles. Rejects where the browser refuses to tell. */
  async others(...roles: readonly Role[]): Promise<readonly string[]> {
    const prefixes = roles.map(role => this.#prefix(role));
    const { held = [] } = await this.#locks.query();
    return held
      .map(({ name = '' }) => {
        const prefix = prefixes.find(each => name.startsWith(each));
        return prefix === undefined ? '' : name.slice(prefix.length);
      })
      .filter(page => PAGE_ID_PATTERN.test(page) && page !== this.#page);
  }

  #prefix(role: Role): string {
    return `tabring/${role}/${this.#network}/`;
  }

  #request(name: string): HeldLock {
    const released = new AbortController();
    const { signal } = released;
    const granted = new Promise<void>((resolve, reject) => {
      const hold = (): Promise<void> => {
        resolve();
        return new Promise(done => {
          if (signal.aborted) done();
          signal.addEventListener('abort', () => done(), { once: true });
        });
      };
      // Rejects when it is released before it was granted, or when the page may not have locks.
      this.#locks.request(name, { signal }, hold).catch(reject);
    });
    granted.catch(() => {}); // Whoever releases it early does not wait for it.
    return { granted, release: () => released.abort() };
  }
}

/** The browser's locks; null on pages that are not secure, and where they are switched off. */
export function pageLocks(): LockManager | null {
  return globalThis.navigator?.locks ?? null;
}
