import { TabringError } from '../kernel/errors.ts';
import type { PeerId, SessionId } from '../kernel/machine.ts';
import { encodeMessage, type PeerMessage } from '../peer/protocol.ts';
import { Peer } from '../peer/peer.ts';
import type {
  PeerConfig,
  PeerEffect,
  PeerEvent,
  PeerInput,
  PeerOp,
  PeerResult,
} from '../peer/contract.ts';
import type { Clock } from './clock.ts';
import { greet, type Greeting } from './greeting.ts';
import type { Link, LinkNegotiation, LinkNegotiationOptions } from './link/link.ts';
import type { PeerStore, StoreRecord } from './store/peer-store.ts';
import { WriteGate } from './write-gate.ts';

/** A page that did nothing for this long was asleep: others have gone on without it. */
const SLEEP_MS = 5_000;

/** A link that another one to the same peer has replaced may still bring what was on its way. */
const RETIRED_LINK_MS = 3_000;

export type DriverOptions = {
  readonly self: Greeting & { readonly peer: PeerId };
  readonly store: PeerStore;
  readonly records: readonly StoreRecord[];
  readonly clock: Clock;
  readonly iceServers: readonly RTCIceServer[];
  readonly negotiate: (options: LinkNegotiationOptions) => LinkNegotiation;
  readonly config?: PeerConfig;
  onEvent(event: PeerEvent): void;
  /** The store is full: the peer promises nothing new until it takes writes again. */
  onStoreFull(error: TabringError): void;
  /** The store has room again, and everything that was refused is in it. */
  onStoreRoom(): void;
  /** The store fails: the peer must come back as after a crash, if it can. */
  onStoreLost(error: TabringError): void;
  /** The peer cannot go on: it was superseded, or one of our own invariants broke. */
  onFatal(error: TabringError): void;
  /** The page slept for so long that the peer must come back as after a crash. */
  onSlept(forMs: number): void;
};

type LinkEntry = { readonly link: Link; readonly incarnation: number };
type Negotiation = { readonly peer: PeerId; readonly negotiation: LinkNegotiation };

/** How many bytes and messages went over the links, both ways. */
export type Traffic = {
  messagesIn: number;
  messagesOut: number;
  bytesIn: number;
  bytesOut: number;
};

/**
 * Runs one peer in a page: carries out what its steps ask for, on real links, timers and disk, and
 * turns what happens there into steps. Nothing that a peer promises leaves before what it wrote is
 * durable.
 */
export class PeerDriver {
  readonly peer: Peer;
  readonly traffic: Traffic = { messagesIn: 0, messagesOut: 0, bytesIn: 0, bytesOut: 0 };
  readonly #options: DriverOptions;
  readonly #links = new Map<PeerId, LinkEntry>();
  readonly #retired = new Set<Link>();
  readonly #greeting = new Set<Link>();
  readonly #negotiations = new Map<SessionId, Negotiation>();
  readonly #timers = new Map<string, () => void>();
  readonly #calls = new Map<number, (result: PeerResult | null) => void>();
  readonly #inputs: PeerInput[] = [];
  readonly #gate: WriteGate;
  /** On links that this peer has not got any more. */
  #malformedOnEnded = 0;
  #nextCall = 1;
  #lastStepMs = Date.now();
  #isStepping = false;
  #isStopped = false;

  constructor(options: DriverOptions) {
    this.#options = options;
    const { self, store, records, clock, config, onStoreFull, onStoreRoom } = options;
    this.#gate = new WriteGate({
      store,
      clock,
      placement: () => this.peer.keeper?.placement ?? null,
      send: (to, message) => this.#sendNow(to, message),
      count: name => this.#count(name),
      onFull: onStoreFull,
      onRoom: onStoreRoom,
      onLost: error => this.#onStoreLost(error),
    });
    this.peer = new Peer({
      peer: self.peer,
      incarnation: self.incarnation,
      records,
      now: () => clock.now(),
      random: () => Math.random(),
      ...(config && { config }),
    });
    this.#carryOut(this.peer.start());
  }

  get isStopped(): boolean {
    return this.#isStopped;
  }

  /** Frames and messages that links dropped as malformed. */
  get malformedCount(): number {
    let count = this.#malformedOnEnded;
    for (const { link } of this.#links.values()) count += link.malformedCount;
    return count;
  }

  /** Takes one input, after those that are being handled. Ignored once stopped. */
  step(input: PeerInput): void {
    if (this.#isStopped) return;
    this.#inputs.push(input);
    if (this.#isStepping) return;
    this.#isStepping = true;
    try {
      for (let next = this.#inputs.shift(); next && !this.#isStopped; next = this.#inputs.shift()) {
        this.#carryOut(this.peer.step(next));
      }
    } catch (cause) {
      // Our own mistake, not a peer's: what this peer does next could not be trusted.
      const text = cause instanceof Error ? cause.message : String(cause);
      this.stop();
      this.#options.onFatal(
        new TabringError('store-failed', `the peer has stopped: ${text}`, { cause }),
      );
    } finally {
      this.#isStepping = false;
    }
  }

  /** Carries out one call; null when the peer stops before it is done. */
  call(op: PeerOp, timeoutMs: number): Promise<PeerResult | null> {
    if (this.#isStopped) return Promise.resolve(null);
    return new Promise(resolve => {
      const call = this.#nextCall++;
      this.#calls.set(call, resolve);
      this.step({ type: 'command', command: { type: 'call', call, timeoutMs, op } });
    });
  }

  /**
   * Says hello on a first contact's link, and hands it to the peer. Rejects with `TabringError`
   * `unreachable` when nobody of our network is there.
   */
  async addLink(link: Link): Promise<PeerId> {
    return this.#greet(link, null, null);
  }

  /** Says goodbye on every link, for certain and without waiting. */
  goodbye(): void {
    this.step({ type: 'command', command: { type: 'goodbye' } });
  }

  /** Ends everything at once: links, timers, calls. What was being written is still written. */
  stop(): void {
    if (this.#isStopped) return;
    this.#isStopped = true;
    for (const cancel of this.#timers.values()) cancel();
    this.#timers.clear();
    for (const { negotiation } of this.#negotiations.values()) negotiation.cancel();
    this.#negotiations.clear();
    const links = [...this.#links.values()].map(entry => entry.link);
    this.#links.clear();
    for (const link of [...links, ...this.#retired, ...this.#greeting]) link.close();
    this.#gate.stop();
    for (const resolve of this.#calls.values()) resolve(null);
    this.#calls.clear();
  }

  #carryOut(effects: readonly PeerEffect[]): void {
    for (const effect of effects) this.#apply(effect);
  }

  #apply(effect: PeerEffect): void {
    switch (effect.type) {
      case 'send':
        return this.#gate.send(effect.to, effect.message);
      case 'setTimer':
        return this.#setTimer(effect.name, effect.delayMs);
      case 'clearTimer':
        return this.#clearTimer(effect.name);
      case 'persist':
        return this.#gate.write(effect.changes, effect.durability);
      case 'emit':
        return this.#onEvent(effect.event);
      case 'dial':
        return void this.#negotiation(effect.peer, effect.session, true);
      case 'signal':
        return this.#negotiation(effect.peer, effect.session, false).signal(effect.data);
      case 'cancel':
        return this.#cancel(effect.session);
      case 'hangUp':
        return this.#hangUp(effect.peer);
    }
  }

  #setTimer(name: string, delayMs: number): void {
    this.#clearTimer(name);
    const cancel = this.#options.clock.after(delayMs, () => {
      if (this.#isStopped) return;
      this.#timers.delete(name);
      const idleMs = Date.now() - this.#lastStepMs;
      this.#lastStepMs = Date.now();
      if (idleMs > SLEEP_MS) return this.#options.onSlept(idleMs);
      this.step({ type: 'timer', name });
    });
    this.#timers.set(name, cancel);
  }

  #clearTimer(name: string): void {
    this.#timers.get(name)?.();
    this.#timers.delete(name);
  }

  #sendNow(to: PeerId, message: PeerMessage): void {
    const from = this.#options.self.peer;
    if (to === from) return this.step({ type: 'plainMessage', from, message });
    const entry = this.#links.get(to);
    if (!entry) return this.#count('link.none');
    const bytes = encodeMessage(message);
    if (!entry.link.send(bytes)) return this.#count('link.refused');
    this.traffic.messagesOut += 1;
    this.traffic.bytesOut += bytes.length;
  }

  #onStoreLost(error: TabringError): void {
    if (this.#isStopped) return;
    // Not in the middle of a step: the goodbye is one more.
    if (error.code !== 'superseded') return queueMicrotask(() => this.#options.onStoreLost(error));
    this.stop();
    this.#options.onFatal(error);
  }

  #onEvent(event: PeerEvent): void {
    if (event.type === 'call.done') {
      const resolve = this.#calls.get(event.call);
      this.#calls.delete(event.call);
      resolve?.(event.result);
      return;
    }
    this.#options.onEvent(event);
  }

  #negotiation(peer: PeerId, session: SessionId, isInitiator: boolean): LinkNegotiation {
    const known = this.#negotiations.get(session);
    if (known) return known.negotiation;
    const { negotiate, iceServers } = this.#options;
    const negotiation = negotiate({
      isInitiator,
      iceServers,
      timeoutMs: 10_000, // The peer's own deadline comes first.
      onSignal: data => this.step({ type: 'linkSignal', peer, session, data }),
    });
    this.#negotiations.set(session, { peer, negotiation });
    void this.#finishNegotiation(peer, session, negotiation);
    return negotiation;
  }

  async #finishNegotiation(
    peer: PeerId,
    session: SessionId,
    negotiation: LinkNegotiation,
  ): Promise<void> {
    try {
      await this.#greet(await negotiation.link, session, peer);
    } catch {
      // Cancelled, timed out or refused: the peer decides what that means.
      this.step({ type: 'linkFailed', peer, session });
    } finally {
      this.#negotiations.delete(session);
    }
  }

  async #greet(link: Link, session: SessionId | null, expected: PeerId | null): Promise<PeerId> {
    const { self, clock } = this.#options;
    this.#greeting.add(link);
    let other: Greeting;
    try {
      other = await greet(link, self, clock);
    } catch (error) {
      this.#count('link.stranger');
      throw error;
    } finally {
      this.#greeting.delete(link);
    }
    const isStale = (this.#links.get(other.peer)?.incarnation ?? 0) > other.incarnation;
    if (this.#isStopped || isStale || (expected !== null && other.peer !== expected)) {
      link.close();
      throw new TabringError('unreachable', 'somebody else answered than the one who was asked');
    }
    this.#adopt(link, other, session);
    return other.peer;
  }

  #adopt(link: Link, other: Greeting, session: SessionId | null): void {
    const { peer, incarnation } = other;
    const old = this.#links.get(peer)?.link;
    this.#links.set(peer, { link, incarnation });
    if (old) {
      this.#malformedOnEnded += old.malformedCount;
      this.#retire(old);
    }
    link.onEnd = () => {
      this.#retired.delete(link);
      if (this.#links.get(peer)?.link !== link) return;
      this.#links.delete(peer);
      this.#malformedOnEnded += link.malformedCount;
      this.step({ type: 'linkDown', peer });
    };
    const kind = link.kind;
    this.step({ type: 'linkUp', peer, session, incarnation, kind });
    link.onMessage = bytes => {
      this.traffic.messagesIn += 1;
      this.traffic.bytesIn += bytes.length;
      this.step({ type: 'message', from: peer, bytes });
    };
  }

  #retire(link: Link): void {
    this.#retired.add(link);
    this.#options.clock.after(RETIRED_LINK_MS, () => {
      this.#retired.delete(link);
      link.close();
    });
  }

  #cancel(session: SessionId): void {
    const known = this.#negotiations.get(session);
    this.#negotiations.delete(session);
    known?.negotiation.cancel();
  }

  #hangUp(peer: PeerId): void {
    const entry = this.#links.get(peer);
    if (!entry) return;
    this.#links.delete(peer);
    this.#malformedOnEnded += entry.link.malformedCount;
    entry.link.close();
  }

  #count(name: string): void {
    const { counters } = this.peer;
    counters.set(name, (counters.get(name) ?? 0) + 1);
  }
}
