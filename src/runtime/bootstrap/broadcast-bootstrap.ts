import { TabringError } from '../../kernel/errors.ts';
import { pageClock, type Clock } from '../clock.ts';
import type { Link } from '../link/link.ts';
import { BallotElection, type BallotConfig } from './ballot-election.ts';
import type { Introduction } from './bootstrap.ts';
import type { BroadcastMessage } from './broadcast-message.ts';
import type { IntroduceOptions, PageContact, TabsBootstrap } from './page-bootstrap.ts';
import type { Candidate, Election } from './election.ts';
import { LockElection } from './lock-election.ts';
import { newPageId, shortId } from './page-id.ts';
import { TabChannel } from './tab-channel.ts';
import { TabLinks, type TabLinksConfig } from './tab-links.ts';
import { pageLocks, TabLocks, type HeldLock } from './tab-locks.ts';
import { pause, throwIfAborted, unlessAborted } from './wait.ts';

export type BroadcastBootstrapConfig = TabLinksConfig &
  BallotConfig & {
    /** How long members have to answer. */
    readonly queryMs: number;
    /** The same when none has answered, although some are known to be there. */
    readonly busyMs: number;
    /** How often to look whether they have; usually all have after the first time. */
    readonly lookMs: number;
    /** Until a page with a store, opened at the same moment, has come forward: it goes first. */
    readonly collectMs: number;
    /** Between two introductions of one page. */
    readonly askMs: number;
  };

export const BROADCAST_BOOTSTRAP_CONFIG: BroadcastBootstrapConfig = {
  linkMs: 6_000,
  answerMs: 3_000,
  incomingCountMax: 32,
  queryMs: 300,
  busyMs: 1_000,
  lookMs: 20,
  collectMs: 300,
  askMs: 100,
  beatMs: 100,
  windowMs: 400,
  objectionMs: 200,
  silenceMs: 1_000,
  founderSilenceMs: 3_000,
};

export type BroadcastBootstrapOptions = {
  readonly network: string;
  /** This page's name; random by default. */
  readonly page?: string;
  readonly clock?: Clock;
  readonly config?: Partial<BroadcastBootstrapConfig>;
  /** The browser's by default; null does without. */
  readonly locks?: LockManager | null;
};

/** Answers remembered; a browser does not have more tabs. */
const ANSWERS_MAX = 1_000;

/** Members contacted; more would not help. */
const CONTACTS_MAX = 8;

/**
 * First contact among the tabs of one browser profile and origin, with no server. Members answer
 * over a `BroadcastChannel`, which also reaches hidden tabs at once, and Web Locks, where the page
 * may have them, tell for certain who is there and who founds.
 */
export class BroadcastBootstrap implements TabsBootstrap {
  onLink: ((link: Link) => void) | null = null;

  readonly #page: string;
  readonly #clock: Clock;
  readonly #config: BroadcastBootstrapConfig;
  readonly #channel: TabChannel;
  readonly #links: TabLinks;
  #locks: TabLocks | null;
  #election: Election;
  readonly #closed = new AbortController();
  #lock: HeldLock | null = null;
  #standing: 'none' | 'joiner' | 'member' = 'none';
  #introducedAtMs = -Infinity;

  constructor(options: BroadcastBootstrapOptions) {
    const { network, page = newPageId(), clock = pageClock(), locks = pageLocks() } = options;
    this.#page = page;
    this.#clock = clock;
    const config = { ...BROADCAST_BOOTSTRAP_CONFIG, ...options.config };
    this.#config = config;
    this.#channel = new TabChannel(network, page);
    this.#channel.listen(message => this.#take(message));
    this.#locks = locks === null ? null : new TabLocks(locks, network, page);
    this.#election =
      this.#locks === null
        ? this.#ballot()
        : new LockElection({ locks: this.#locks, clock, collectMs: config.collectMs });
    this.#links = new TabLinks({
      channel: this.#channel,
      clock,
      config,
      mayAccept: () => this.#standing === 'member' && this.onLink !== null,
      onLink: link => this.#onNewcomer(link),
    });
  }

  /** Messages on the channel that were dropped because they were out of shape. */
  get malformedCount(): number {
    return this.#channel.malformedCount;
  }

  async introduce(options: IntroduceOptions): Promise<Introduction> {
    for (;;) {
      const introduction = await this.introduceProvisionally(options);
      if (introduction.role === 'joiner' || (await this.confirmFounder(options))) {
        return introduction;
      }
    }
  }

  async introduceProvisionally(options: IntroduceOptions): Promise<Introduction> {
    const signal = AbortSignal.any([options.signal, this.#closed.signal]);
    throwIfAborted(signal);
    this.#stand('none'); // Who asks is no member any more.
    try {
      for (;;) {
        await this.#pace(signal);
        const contacts = await this.#findContacts(signal);
        if (contacts.length > 0) {
          await this.#becomeJoiner(signal);
          return { role: 'joiner', contacts };
        }
        const { holdsStore } = options;
        if (await this.#elect({ holdsStore, signal })) return { role: 'founder' };
      }
    } catch (error) {
      this.#giveUp();
      throw error;
    }
  }

  async confirmFounder(options: IntroduceOptions): Promise<boolean> {
    const signal = AbortSignal.any([options.signal, this.#closed.signal]);
    try {
      throwIfAborted(signal);
      return await this.#election.confirm({ holdsStore: options.holdsStore, signal });
    } catch (error) {
      this.#giveUp();
      throw error;
    }
  }

  async findMembers(options: { readonly signal: AbortSignal }): Promise<readonly PageContact[]> {
    const signal = AbortSignal.any([options.signal, this.#closed.signal]);
    throwIfAborted(signal);
    return this.#findContacts(signal);
  }

  setMember(isMember: boolean): void {
    if (this.#closed.signal.aborted) return;
    if (!isMember) this.#giveUp();
    else if (this.#standing !== 'member') void this.#becomeMember();
  }

  iceServers(): Promise<readonly RTCIceServer[]> {
    return Promise.resolve([]);
  }

  close(): void {
    this.#stand('none');
    this.#closed.abort();
    this.#election.close();
    this.#links.close();
    this.#channel.close();
    this.onLink = null;
  }

  #giveUp(): void {
    this.#stand('none');
    this.#election.release();
  }

  /** Whether this page is elected. Where the browser refuses locks after all, it does without. */
  async #elect(candidate: Candidate): Promise<boolean> {
    try {
      return (await this.#election.stand(candidate)) === 'elected';
    } catch (error) {
      if (error instanceof TabringError || this.#locks === null) throw error;
      this.#locks = null;
      this.#election.close();
      this.#election = this.#ballot();
      return false;
    }
  }

  #ballot(): Election {
    return new BallotElection({
      page: this.#page,
      channel: this.#channel,
      clock: this.#clock,
      config: this.#config,
    });
  }

  /** Before it can connect: nobody may found when the members it joins have left by then. */
  async #becomeJoiner(signal: AbortSignal): Promise<void> {
    const granted = this.#stand('joiner')?.granted;
    await unlessAborted(granted?.catch(() => {}) ?? Promise.resolve(), signal);
  }

  async #becomeMember(): Promise<void> {
    const lock = this.#stand('member');
    this.#channel.post({ type: 'arrived' });
    // Who may found next must find the member's lock held already. A browser that refuses it has
    // refused the founder's as well.
    await lock?.granted.catch(() => {});
    if (this.#standing === 'member' && this.#lock === lock) this.#election.release();
  }

  /** Takes the lock of a standing; that of the former one is kept until it has it. */
  #stand(standing: 'none' | 'joiner' | 'member'): HeldLock | null {
    const former = this.#lock;
    const lock = standing === 'none' ? null : (this.#locks?.request(standing) ?? null);
    this.#standing = standing;
    this.#lock = lock;
    if (lock === null) former?.release();
    else void lock.granted.catch(() => {}).then(() => former?.release());
    return lock;
  }

  #take(message: BroadcastMessage): void {
    const { type } = message;
    const isMember = this.#standing === 'member';
    if (type === 'query' && isMember) {
      this.#channel.post({ type: 'member', to: message.from, query: message.query });
    }
    // Somebody has overlooked this page, and is about to found.
    if (type === 'candidate' && message.phase !== 'out' && this.#standing !== 'none') {
      this.#channel.post({ type: isMember ? 'arrived' : 'joining' });
    }
  }

  /** A page that finds the members it was given dead asks again; not in a busy loop, though. */
  async #pace(signal: AbortSignal): Promise<void> {
    const nextMs = this.#introducedAtMs + this.#config.askMs;
    if (nextMs > this.#clock.now()) await pause(this.#clock, nextMs - this.#clock.now(), signal);
    this.#introducedAtMs = this.#clock.now();
  }

  async #findContacts(signal: AbortSignal): Promise<readonly PageContact[]> {
    const pages = await this.#findPages(signal);
    return pages.slice(0, CONTACTS_MAX).map(page => ({
      label: `${shortId(page)}, a tab of this browser`,
      page,
      connect: ({ signal: given }) =>
        this.#links.call(page, AbortSignal.any([given, this.#closed.signal])),
    }));
  }

  /** Members that answer, in the order of their answers, then those known to be there all the same. */
  async #findPages(signal: AbortSignal): Promise<readonly string[]> {
    const listed = await this.#listedMembers(signal);
    if (listed?.length === 0) return []; // For certain.
    const answered = new Set<string>();
    const query = newPageId();
    const stop = this.#channel.listen(message => {
      const isAnswer = message.type === 'member' && message.query === query;
      if (!isAnswer && message.type !== 'arrived') return;
      if (answered.size < ANSWERS_MAX) answered.add(message.from);
    });
    try {
      this.#channel.post({ type: 'query', query });
      if (listed === null) await this.#waitForAny(answered, signal);
      const silent = listed === null ? [] : await this.#waitForAll(answered, signal);
      return [...answered, ...silent];
    } finally {
      stop();
    }
  }

  /** Nothing tells how many there are: those that answer soon after the first one will do. */
  async #waitForAny(answered: ReadonlySet<string>, signal: AbortSignal): Promise<void> {
    const { queryMs, lookMs } = this.#config;
    const untilMs = this.#clock.now() + queryMs;
    while (answered.size === 0 && this.#clock.now() < untilMs) {
      await pause(this.#clock, lookMs, signal);
    }
  }

  /** Returns those that are listed to the end without having answered: their pages may be busy. */
  async #waitForAll(
    answered: ReadonlySet<string>,
    signal: AbortSignal,
  ): Promise<readonly string[]> {
    const { busyMs, queryMs, lookMs } = this.#config;
    const startedAtMs = this.#clock.now();
    for (;;) {
      await pause(this.#clock, lookMs, signal);
      // Again, because members leave, and are on the list for a moment still.
      const silent = (await this.#listedMembers(signal))?.filter(page => !answered.has(page)) ?? [];
      const waitedMs = this.#clock.now() - startedAtMs;
      if (silent.length === 0 || waitedMs >= (answered.size > 0 ? queryMs : busyMs)) return silent;
    }
  }

  /** Null when there is no such list. */
  async #listedMembers(signal: AbortSignal): Promise<readonly string[] | null> {
    if (this.#locks === null) return null;
    try {
      return await unlessAborted(this.#locks.others('member'), signal);
    } catch {
      throwIfAborted(signal);
      return null;
    }
  }

  #onNewcomer(link: Link): void {
    if (this.#standing === 'member' && this.onLink !== null) this.onLink(link);
    else link.close();
  }
}
