import { TabringError } from '../kernel/errors.ts';
import { randomId, type Id } from '../kernel/identifier.ts';
import type { PeerId } from '../kernel/machine.ts';
import type { PeerConfig, PeerEvent } from '../peer/contract.ts';
import type { RingTerms } from '../ring/ring-message.ts';
import type { Bootstrap, Contact } from './bootstrap/bootstrap.ts';
import type { Clock } from './clock.ts';
import { PeerDriver } from './driver.ts';
import { negotiateSimplePeer } from './link/simple-peer-link.ts';
import type { StoreClaim, StoreImage, StoreRecord } from './store/peer-store.ts';
import { placeOf, takeInOrphans } from './store/take-in-orphans.ts';

/** Contacts that are tried at once; the first link is enough, a second one helps when it dies. */
const CONTACTS_AT_ONCE = 2;

/** An isolated peer asks for others this often, and so often before it believes that there are none. */
const ISOLATED_ASK_MS = 1_000;
const ISOLATED_ASKS = 2;

/** A peer that is alone looks for another ring of its network this often. */
const ALONE_ASK_MS = 5_000;

/** Between two rounds of contacts of which none answered. */
const RETRY_MS = 300;

/** How long one such look may take. */
const ASK_TIMEOUT_MS = 4_000;

export type SessionOptions = {
  readonly network: string;
  readonly degree: number;
  readonly slotCount: number;
  readonly clock: Clock;
  /** Overrides what the signaling server hands out. */
  readonly iceServers: readonly RTCIceServer[] | null;
  readonly config?: PeerConfig;
  readonly bootstrap: Bootstrap;
  claimStore(): Promise<StoreClaim>;
  /** Stores of this network that no tab runs: a founder takes them all in. */
  claimOrphans(): Promise<readonly StoreClaim[]>;
  onEvent(event: PeerEvent): void;
  /** The store refuses writes. Told again at each attempt to write, until `onStoreRoom`. */
  onStoreProblem(error: TabringError): void;
  onStoreRoom(): void;
  /** The session has ended by itself. */
  onFatal(error: TabringError): void;
  /** The peer must begin again, as after a crash: `why` in words. */
  onRestart(why: string): void;
  onTrace(topic: 'bootstrap' | 'store' | 'lifecycle', text: string): void;
};

/**
 * One life of a peer in this page: takes a store, finds the others, joins or founds, and looks
 * after the peer until it ends. A peer that slept, or lost all others, begins a new one.
 */
export class Session {
  readonly #options: SessionOptions;
  readonly #ended = new AbortController();
  #claim: StoreClaim | null = null;
  #driver: PeerDriver | null = null;
  #onJoined: ((joined: boolean) => void) | null = null;
  #onDrained: (() => void) | null = null;
  /** The start, for as long as it is under way: what it takes is let go of behind it. */
  #starting: Promise<void> | null = null;
  #ending: Promise<void> | null = null;

  constructor(options: SessionOptions) {
    this.#options = options;
  }

  /** Null until the store is open. */
  get driver(): PeerDriver | null {
    return this.#driver;
  }

  get storage(): 'indexeddb' | 'memory' | 'custom' | null {
    return this.#claim?.store.kind ?? null;
  }

  /**
   * Resolves when the peer is on a ring. Rejects with `TabringError` `store-failed`, `store-full`,
   * `signaling-unreachable`, `signaling-invalid`, `unreachable` or `aborted`; the session is over
   * then.
   */
  async start(signal: AbortSignal): Promise<void> {
    const both = AbortSignal.any([signal, this.#ended.signal]);
    this.#starting = this.#start(both);
    try {
      await this.#starting;
    } catch (error) {
      await this.end();
      if (both.aborted && !(error instanceof TabringError)) {
        throw new TabringError('aborted', 'joining was aborted', { cause: error });
      }
      throw error;
    }
  }

  async #start(signal: AbortSignal): Promise<void> {
    const claim = await this.#options.claimStore();
    this.#claim = claim;
    signal.throwIfAborted();
    const image = await claim.store.open();
    signal.throwIfAborted();
    await this.#enter(image, signal);
    signal.throwIfAborted();
    this.#options.bootstrap.setMember(true);
    void this.#watchOverAlone();
  }

  /** The page goes away or freezes: a word to the neighbours, and everything is let go of. */
  async endWithGoodbye(): Promise<void> {
    this.#options.bootstrap.setMember(false);
    this.#driver?.goodbye();
    await this.end();
  }

  /** Hands everything over, and ends; resolves when it is done. */
  async leave(signal: AbortSignal): Promise<void> {
    this.#options.bootstrap.setMember(false);
    const driver = this.#driver;
    if (driver && !driver.isStopped) {
      await new Promise<void>(resolve => {
        this.#onDrained = resolve;
        signal.addEventListener('abort', () => resolve(), { once: true });
        driver.step({ type: 'command', command: { type: 'leave' } });
      });
    }
    await this.endWithGoodbye();
  }

  /** Ends at once. The store is closed and free for others when this resolves, however often asked. */
  end(): Promise<void> {
    this.#ending ??= this.#end();
    return this.#ending;
  }

  async #end(): Promise<void> {
    this.#ended.abort();
    this.#options.bootstrap.onLink = null;
    this.#options.bootstrap.close();
    this.#driver?.stop();
    // Its store may be claimed only now; whoever has started it hears what became of it.
    await this.#starting?.catch(() => undefined);
    this.#driver?.stop();
    const claim = this.#claim;
    if (!claim) return;
    try {
      await claim.store.close();
    } finally {
      claim.release();
    }
  }

  async #enter(image: StoreImage, signal: AbortSignal): Promise<void> {
    const { bootstrap, onTrace } = this.#options;
    const own = placeOf(image.records);
    for (;;) {
      const introduction = await bootstrap.introduce({ holdsStore: own !== null, signal });
      if (introduction.role === 'founder') {
        onTrace('bootstrap', 'nobody is here: founding the ring');
        return this.#found(image, signal);
      }
      const driver = this.#driver ?? this.#makeDriver(image, image.records, await this.#ice());
      bootstrap.onLink ??= link => void driver.addLink(link).catch(() => link.close());
      if (!(await this.#contact(introduction.contacts, signal))) {
        await this.#pause(RETRY_MS); // They may have gone just now: those who know will know soon.
        continue;
      }
      if (await this.#join(own?.position ?? null, signal)) return;
      onTrace('bootstrap', 'no place was given: asking again who is there');
    }
  }

  async #found(image: StoreImage, signal: AbortSignal): Promise<void> {
    const { degree, slotCount, bootstrap, clock } = this.#options;
    const records = await this.#takeInOrphans(image);
    signal.throwIfAborted();
    const place = placeOf(records);
    // A driver of a former attempt to join has the peer already, without the orphans' items.
    this.#driver?.stop();
    const driver = this.#makeDriver(image, records, await this.#ice());
    signal.throwIfAborted();
    bootstrap.onLink = link => void driver.addLink(link).catch(() => link.close());
    const terms: RingTerms = place?.terms ?? {
      degree,
      slotCount,
      founder: image.peer,
      foundedAtMs: Math.floor(performance.timeOrigin + clock.now()),
    };
    const position: Id = place?.position ?? randomId(Math.random);
    driver.step({ type: 'command', command: { type: 'found', terms, position } });
  }

  /** All that stores without a tab hold comes into our own. */
  async #takeInOrphans(image: StoreImage): Promise<readonly StoreRecord[]> {
    const orphans = await this.#options.claimOrphans();
    const store = this.#claim?.store;
    if (orphans.length === 0 || !store) return image.records;
    const { records, takenCount, leftCount } = await takeInOrphans(
      { store, records: image.records },
      orphans,
    );
    const left = leftCount > 0 ? `, ${leftCount} could not be read` : '';
    this.#options.onTrace('store', `took in ${takenCount} stores of tabs that are gone${left}`);
    return records;
  }

  async #ice(): Promise<readonly RTCIceServer[]> {
    return this.#options.iceServers ?? (await this.#options.bootstrap.iceServers());
  }

  #makeDriver(
    image: StoreImage,
    records: readonly StoreRecord[],
    iceServers: readonly RTCIceServer[],
  ): PeerDriver {
    const { network, clock, config, onStoreProblem, onStoreRoom, onRestart } = this.#options;
    const claim = this.#claim;
    if (!claim) throw new Error('invariant broken: a store is claimed before a peer is made');
    const { peer, incarnation } = image;
    this.#driver = new PeerDriver({
      self: { network, peer, incarnation },
      store: claim.store,
      records,
      clock,
      iceServers,
      negotiate: negotiateSimplePeer,
      ...(config && { config }),
      onEvent: event => this.#onEvent(event),
      onStoreFull: onStoreProblem,
      onStoreRoom,
      onStoreLost: error => {
        onStoreProblem(error);
        onRestart('its store has failed');
      },
      onFatal: error => {
        void this.end();
        this.#options.onFatal(error);
      },
      onSlept: forMs => onRestart(`the page slept for ${Math.round(forMs / 1000)} s`),
    });
    return this.#driver;
  }

  /** Links to one or two of the contacts; false when none of them answers. */
  async #contact(contacts: readonly Contact[], signal: AbortSignal): Promise<boolean> {
    const { onTrace } = this.#options;
    const connect = async (contact: Contact): Promise<PeerId> => {
      const link = await contact.connect({ signal });
      const driver = this.#driver;
      if (!driver) throw new TabringError('aborted', 'joining was aborted');
      return driver.addLink(link);
    };
    for (let i = 0; i < contacts.length; i += CONTACTS_AT_ONCE) {
      signal.throwIfAborted();
      try {
        const peer = await Promise.any(contacts.slice(i, i + CONTACTS_AT_ONCE).map(connect));
        onTrace('bootstrap', `met ${peer.slice(0, 6)}`);
        return true;
      } catch {
        onTrace('bootstrap', 'a contact does not answer'); // The next ones may.
      }
    }
    return false;
  }

  /** False when nobody gave us a place. */
  #join(position: Id | null, signal: AbortSignal): Promise<boolean> {
    return new Promise((resolve, reject) => {
      const abort = () =>
        reject(new TabringError('aborted', 'joining was aborted', { cause: signal.reason }));
      signal.addEventListener('abort', abort, { once: true });
      this.#onJoined = joined => {
        signal.removeEventListener('abort', abort);
        this.#onJoined = null;
        resolve(joined);
      };
      this.#driver?.step({ type: 'command', command: { type: 'join', position } });
    });
  }

  #onEvent(event: PeerEvent): void {
    if (event.type === 'ring.joined') this.#onJoined?.(true);
    if (event.type === 'ring.joinFailed') this.#onJoined?.(false);
    if (event.type === 'ring.isolated') void this.#onIsolated();
    if (event.type === 'replica.drained') this.#onDrained?.();
    this.#options.onEvent(event);
  }

  /** Reaches nobody of its ring: comes back through the bootstrap, or learns that nobody is left. */
  async #onIsolated(): Promise<void> {
    const { bootstrap, onRestart } = this.#options;
    bootstrap.setMember(false); // Nobody should join through a peer that has no ring.
    for (let asked = 0; asked < ISOLATED_ASKS; asked++) {
      if ((await this.#findOthers()).length > 0) return onRestart('no peer of the ring answers');
      await this.#pause(ISOLATED_ASK_MS);
      if (this.#ended.signal.aborted) return;
    }
    this.#driver?.step({ type: 'command', command: { type: 'actAlone' } });
    bootstrap.setMember(true);
  }

  /** A ring of one joins another ring of its network, when one turns up. */
  async #watchOverAlone(): Promise<void> {
    while (!this.#ended.signal.aborted) {
      // Not in step with another peer that is alone: one of the two must stay.
      await this.#pause(ALONE_ASK_MS * (0.5 + Math.random()));
      if (this.#ended.signal.aborted) return;
      if (!this.#isAlone()) continue;
      const others = await this.#findOthers();
      if (!this.#isAlone() || others.length === 0) continue;
      return this.#options.onRestart('another ring of this network has turned up');
    }
  }

  #isAlone(): boolean {
    return this.#driver?.peer.ring.state.isAlone ?? false;
  }

  async #findOthers(): Promise<readonly Contact[]> {
    try {
      const signal = AbortSignal.any([this.#ended.signal, AbortSignal.timeout(ASK_TIMEOUT_MS)]);
      return await this.#options.bootstrap.findMembers({ signal });
    } catch {
      return []; // A server that does not answer knows of nobody; it is asked again.
    }
  }

  #pause(forMs: number): Promise<void> {
    return new Promise(resolve => {
      const cancel = this.#options.clock.after(forMs, resolve);
      this.#ended.signal.addEventListener('abort', () => {
        cancel();
        resolve();
      });
    });
  }
}
