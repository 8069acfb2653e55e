import { TabringError } from '../kernel/errors.ts';
import { idOf, SPACE, type Id } from '../kernel/identifier.ts';
import { assert, type PeerId, type PeerRef } from '../kernel/machine.ts';
import type { Value } from '../kernel/value.ts';
import type { SurveyMember } from '../messaging/messaging-message.ts';
import type { PeerEvent, PeerOp, PeerResult } from '../peer/contract.ts';
import { openBootstrap } from '../runtime/bootstrap/open-bootstrap.ts';
import { pageClock } from '../runtime/clock.ts';
import { watchPageLifecycle } from '../runtime/lifecycle/page-lifecycle.ts';
import { Session } from '../runtime/session.ts';
import { MemoryStore } from '../runtime/store/memory-store.ts';
import type { PeerStore, StoreClaim } from '../runtime/store/peer-store.ts';
import { claimOrphans, claimStore } from '../runtime/store/store-claims.ts';
import {
  CALL_TIMEOUT_MS,
  checkKey,
  checkTimeout,
  decodeValue,
  encodeValue,
  JOIN_TIMEOUT_MS,
} from './arguments.ts';
import {
  checkOptions,
  type CallOptions,
  type CheckedOptions,
  type GetOptions,
  type JoinOptions,
} from './options.ts';
import { describeEvent } from './describe-event.ts';
import {
  ProblemEvent,
  RingChangeEvent,
  StatusChangeEvent,
  TraceEvent,
  type TraceEntry,
} from './events.ts';
import { takeSnapshot } from './take-snapshot.ts';
import type { ReplicaSnapshot, RingMember, RingSnapshot, RingStatus } from './snapshot.ts';

/** Slots of a new network: with four replicas, cells for up to some hundred peers in balance. */
const SLOT_COUNT = 1_024;

/** How long a page that goes away may spend on handing over. */
const LEAVE_TIMEOUT_MS = 10_000;

export interface TabringEventMap {
  statuschange: StatusChangeEvent;
  ringchange: RingChangeEvent;
  trace: TraceEvent;
  problem: ProblemEvent;
}

/**
 * This tab's peer on a ring of tabs: a key/value store kept by all of them together, and by nobody
 * else. `Tabring.join` makes one.
 */
export class Tabring extends EventTarget {
  readonly #options: CheckedOptions;
  readonly #stopWatching: () => void;
  #status: RingStatus = 'joining';
  #session: Session | null = null;
  /** Resolves with the session once it is on a ring; replaced when the peer begins anew. */
  #ready: Promise<Session>;
  #failure: TabringError | null = null;
  #members: readonly SurveyMember[] = [];
  #memory: MemoryStore | null = null;
  #storeProblem: { readonly error: TabringError; readonly atMs: number } | null = null;
  /** Ends writes under way, for when nobody but this peer could confirm them. */
  readonly #failWrites = new Set<(error: TabringError) => void>();
  #isChangeDue = false;
  #ending: Promise<void> = Promise.resolve();

  /**
   * Joins the ring of this network, or founds it when nobody is there.
   *
   * @throws TabringError `invalid-argument`; `signaling-unreachable` or `signaling-invalid` when the
   *   server does not answer as it should and no tab of this browser is on the ring; `store-failed`
   *   or `store-full`; `unreachable` or `timeout` (30 s by default) when there are others, and no
   *   way to them; `aborted`.
   */
  static async join(options: JoinOptions): Promise<Tabring> {
    const checked = checkOptions(options);
    const timeoutMs = checkTimeout(options.timeoutMs, JOIN_TIMEOUT_MS);
    if (options.signal?.aborted) throw aborted(options.signal);
    const ring = new Tabring(checked);
    const deadline = AbortSignal.timeout(timeoutMs);
    const signal = options.signal ? AbortSignal.any([options.signal, deadline]) : deadline;
    try {
      await ring.#begin(signal);
      return ring;
    } catch (error) {
      ring.#finish('left', null);
      throw deadline.aborted
        ? new TabringError('timeout', `no place on the ring within ${timeoutMs} ms`, {
            cause: error,
          })
        : error;
    }
  }

  private constructor(options: CheckedOptions) {
    super();
    this.#options = options;
    this.#ready = Promise.reject(new TabringError('left', 'the peer has not begun'));
    this.#ready.catch(() => undefined); // Heard by whoever calls; nobody has yet.
    this.#stopWatching = watchPageLifecycle({
      onPause: why => this.#pause(why),
      onResume: () => this.#resume(),
    });
  }

  get network(): string {
    return this.#options.network;
  }

  /** This peer's lasting name. Throws `TabringError` `left` before the peer has one. */
  get id(): PeerId {
    return this.#self().peer;
  }

  /** Where this peer stands on the ring. Throws `TabringError` `left` before it has a place. */
  get position(): Id {
    return this.#self().position;
  }

  get status(): RingStatus {
    return this.#status;
  }

  /**
   * Stores a value under a key; resolves when a majority of its replicas has it on disk.
   *
   * @throws TabringError `invalid-argument`, `no-majority` (nothing was written), `outcome-unknown`
   *   (it may take effect yet), `store-full`, `store-failed`, `timeout`, `aborted`, `left`.
   */
  async put(key: string, value: Value, options: CallOptions = {}): Promise<void> {
    const bytes = encodeValue(value);
    await this.#write({ type: 'put', key: checkKey(key), value: bytes }, options);
  }

  /**
   * The value stored under a key, or undefined: the last one that was written, wherever it was.
   *
   * @throws TabringError `invalid-argument`, `no-majority`, `timeout`, `aborted`, `left`.
   */
  async get(key: string, options: GetOptions = {}): Promise<Value | undefined> {
    const { consistency = 'linearizable' } = options;
    if (consistency !== 'linearizable' && consistency !== 'local') {
      throw new TabringError('invalid-argument', "consistency is 'linearizable' or 'local'");
    }
    const op: PeerOp = { type: 'get', key: checkKey(key), isLocal: consistency === 'local' };
    const result = await this.#read(op, options);
    assert(result.type === 'value', 'a read is answered with a value');
    return result.value === null ? undefined : decodeValue(result.value);
  }

  /** Removes the value stored under a key, if there is one. Rejects as `put` does. */
  async delete(key: string, options: CallOptions = {}): Promise<void> {
    await this.#write({ type: 'put', key: checkKey(key), value: null }, options);
  }

  /**
   * Who is responsible for a key's own identifier, and over how many links the question went.
   *
   * @throws TabringError `invalid-argument`, `timeout`, `aborted`, `left`.
   */
  async lookup(
    key: string,
    options: CallOptions = {},
  ): Promise<{ position: Id; owner: PeerRef; hops: number }> {
    const position = idOf(checkKey(key));
    const result = await this.#read({ type: 'lookup', key: position }, options);
    assert(result.type === 'found', 'a lookup is answered with an owner');
    return { position, owner: result.owner, hops: result.hops };
  }

  /** All replicas of a key, in order of their number. Asks every owner. Rejects as `lookup` does. */
  async replicas(key: string, options: CallOptions = {}): Promise<readonly ReplicaSnapshot[]> {
    const result = await this.#read({ type: 'inspect', key: checkKey(key) }, options);
    assert(result.type === 'replicas', 'an inspection is answered with replicas');
    const step = SPACE / result.replicas.length;
    const base = idOf(key) % step;
    return result.replicas.map((replica, j) => ({
      position: (base + j * step) as Id,
      owner: replica?.owner ?? null,
      state: replica?.state ?? 'unreachable',
      version: replica?.version?.counter ?? 0,
    }));
  }

  /**
   * Where the peer of this name stands, or undefined when the ring does not know it. Rejects as
   * `lookup` does.
   */
  async find(peer: PeerId, options: CallOptions = {}): Promise<PeerRef | undefined> {
    const result = await this.#read({ type: 'resolve', peer }, options);
    assert(result.type === 'resolved', 'a search is answered with a place');
    return result.ref ?? undefined;
  }

  /**
   * Asks around the whole ring who is on it: one message a peer. In clockwise order from this one.
   * Rejects as `lookup` does.
   */
  async survey(options: CallOptions = {}): Promise<readonly RingMember[]> {
    const timeoutMs = checkTimeout(options.timeoutMs, 4_000);
    const result = await this.#read({ type: 'survey' }, { ...options, timeoutMs });
    assert(result.type === 'members', 'a survey is answered with members');
    this.#members = result.members;
    return result.members;
  }

  /** The peer's state at this moment, as plain data. */
  snapshot(): RingSnapshot {
    return takeSnapshot({
      network: this.network,
      status: this.#status,
      session: this.#session,
      members: this.#members,
    });
  }

  /** `addEventListener` for short; returns what removes the listener again. */
  on<K extends keyof TabringEventMap>(
    type: K,
    listener: (event: TabringEventMap[K]) => void,
  ): () => void {
    const untyped = listener as (event: Event) => void;
    this.addEventListener(type, untyped);
    return () => this.removeEventListener(type, untyped);
  }

  /**
   * Leaves the ring in good order: what this peer held is at others when it resolves, or the time
   * is up. The store stays with this browser. Calling it again does nothing.
   */
  async leave(options: CallOptions = {}): Promise<void> {
    const timeoutMs = checkTimeout(options.timeoutMs, LEAVE_TIMEOUT_MS);
    const deadline = AbortSignal.timeout(timeoutMs);
    const signal = options.signal ? AbortSignal.any([options.signal, deadline]) : deadline;
    const session = this.#session;
    if (this.#status === 'left') return this.#ending;
    this.#finish('left', null);
    this.#ending = session?.leave(signal) ?? Promise.resolve();
    await this.#ending;
  }

  #self(): PeerRef {
    const self = this.#session?.driver?.peer.ring.state.self;
    if (!self) throw new TabringError('left', 'the peer has no identity before it has joined');
    return self;
  }

  async #write(op: PeerOp, options: CallOptions): Promise<void> {
    const beganMs = performance.now();
    const result = await this.#call(op, options, false);
    if (result.type === 'written') return;
    // That this peer's own disk refused says more than that too few confirmed.
    const problem = this.#storeProblem;
    if (problem && problem.atMs >= beganMs) throw problem.error;
    if (result.type !== 'unknown') throw this.#refusal(result);
    throw new TabringError('outcome-unknown', 'a majority did not confirm the write in time');
  }

  async #read(op: PeerOp, options: CallOptions): Promise<PeerResult> {
    const result = await this.#call(op, options, true);
    if (result.type === 'noMajority' || result.type === 'nothing') throw this.#refusal(result);
    return result;
  }

  #refusal(result: PeerResult): TabringError {
    if (result.type === 'noMajority') {
      const { answerCount, neededCount } = result;
      const text = `${answerCount} replicas answered in time, ${neededCount} are needed`;
      return new TabringError('no-majority', text);
    }
    return new TabringError('timeout', 'nobody answered in time');
  }

  /**
   * Carries out one operation before its deadline. A read survives the peer's beginning anew; a
   * write that was under way then has an outcome that nobody knows.
   */
  async #call(op: PeerOp, options: CallOptions, isRead: boolean): Promise<PeerResult> {
    const timeoutMs = checkTimeout(options.timeoutMs, CALL_TIMEOUT_MS);
    const { signal } = options;
    if (signal?.aborted) throw aborted(signal);
    const abort = abortion(signal, timeoutMs);
    if (!isRead) this.#failWrites.add(abort.reject);
    const untilMs = performance.now() + timeoutMs;
    try {
      for (;;) {
        if (this.#status === 'left') throw this.#failure ?? new TabringError('left', 'it has left');
        const session = await Promise.race([this.#ready, abort.promise]);
        const leftMs = Math.max(1, untilMs - performance.now());
        const result = await Promise.race([
          session.driver?.call(op, leftMs) ?? null,
          abort.promise,
        ]);
        if (result) return result;
        if (!isRead) {
          throw new TabringError('outcome-unknown', 'the peer began anew while writing');
        }
        if (this.#session === session) await Promise.race([this.#ending, abort.promise]);
      }
    } finally {
      this.#failWrites.delete(abort.reject);
      abort.dispose();
    }
  }

  async #begin(signal: AbortSignal): Promise<void> {
    const session = new Session({
      network: this.network,
      degree: this.#options.degree,
      slotCount: SLOT_COUNT,
      clock: pageClock(),
      iceServers: this.#options.iceServers,
      ...(this.#options.config && { config: this.#options.config }),
      bootstrap: openBootstrap({
        network: this.network,
        signaling: this.#options.signaling,
        onTrace: text => this.#trace('bootstrap', text),
      }),
      claimStore: () => this.#claimStore(),
      claimOrphans: async () =>
        this.#options.store === 'indexeddb' ? claimOrphans({ network: this.network }) : [],
      onEvent: event => this.#session === session && this.#onEvent(event),
      onStoreProblem: error => this.#onStoreProblem(error),
      onFatal: error => this.#session === session && this.#finish('left', error),
      onRestart: why => this.#session === session && void this.#restart(why),
      onTrace: (topic, text) => this.#trace(topic, text),
    });
    this.#session = session;
    this.#setStatus('joining');
    const started = session.start(signal).then(() => session);
    started.catch(() => undefined); // Whoever waits for it hears of it.
    this.#ready = started;
    await started;
    this.#updateStatus();
    this.#changed();
  }

  async #claimStore(): Promise<StoreClaim> {
    const { store } = this.#options;
    if (store === 'indexeddb') return claimStore({ network: this.network });
    const isNew = this.#memory === null;
    this.#memory ??= store === 'memory' ? new MemoryStore() : null;
    const own = this.#memory ?? (store as PeerStore);
    return { store: own, isNew, release: () => undefined };
  }

  /** The same peer, late: everything is let go of, and taken up again as after a crash. */
  async #restart(why: string): Promise<void> {
    this.#trace('lifecycle', `begins anew: ${why}`);
    const session = this.#session;
    this.#setStatus('joining');
    this.#ending = session?.endWithGoodbye() ?? Promise.resolve();
    await this.#ending;
    for (let attempt = 0; this.#session === session && this.#status !== 'left'; attempt++) {
      const waitMs = Math.min(500 * 2 ** attempt, 10_000);
      try {
        return await this.#begin(AbortSignal.timeout(JOIN_TIMEOUT_MS));
      } catch (thrown) {
        if (this.#isOver()) return;
        const error = asTabringError(thrown);
        this.#session = session;
        this.#setStatus('isolated');
        this.dispatchEvent(new ProblemEvent(error));
        await new Promise(resolve => pageClock().after(waitMs, () => resolve(null)));
      }
    }
  }

  #isOver(): boolean {
    return this.#status === 'left' || this.#status === 'paused';
  }

  #pause(why: string): void {
    if (this.#isOver()) return;
    this.#trace('lifecycle', why);
    this.#ending = this.#session?.endWithGoodbye() ?? Promise.resolve();
    this.#setStatus('paused');
    this.#ready = new Promise<Session>((resolve, reject) => {
      this.#onResumed = { resolve, reject };
    });
    this.#ready.catch(() => undefined); // Whoever waits for it hears of it.
  }

  #onResumed: { resolve: (session: Session) => void; reject: (error: unknown) => void } | null =
    null;

  #resume(): void {
    if (this.#status !== 'paused') return;
    const waiting = this.#onResumed;
    this.#onResumed = null;
    this.#setStatus('joining');
    void this.#restart('the page is back').then(
      () => waiting && this.#ready.then(waiting.resolve, waiting.reject),
    );
  }

  #finish(status: 'left', error: TabringError | null): void {
    this.#failure = error;
    this.#stopWatching();
    if (error) this.dispatchEvent(new ProblemEvent(error));
    this.#setStatus(status);
  }

  #onEvent(event: PeerEvent): void {
    const line = describeEvent(event);
    if (line) this.#trace(line.topic, line.text);
    this.#updateStatus();
    this.#changed();
  }

  #onStoreProblem(error: TabringError): void {
    this.#storeProblem = { error, atMs: performance.now() };
    if (this.#status === 'alone') for (const fail of this.#failWrites) fail(error);
    this.dispatchEvent(new ProblemEvent(error));
    this.#trace('store', error.message);
  }

  /** The status follows the ring's standing, except while the peer begins, pauses or ends. */
  #updateStatus(): void {
    if (this.#isOver()) return;
    const state = this.#session?.driver?.peer.ring.state;
    switch (state?.standing) {
      case 'member':
        return this.#setStatus(state.isAlone ? 'alone' : 'joined');
      case 'isolated':
        return this.#setStatus('isolated');
      default:
        return;
    }
  }

  #setStatus(status: RingStatus): void {
    if (this.#status === status) return;
    this.#status = status;
    this.dispatchEvent(new StatusChangeEvent(status));
    this.#changed();
  }

  /** Many changes in one task are one event. */
  #changed(): void {
    if (this.#isChangeDue) return;
    this.#isChangeDue = true;
    queueMicrotask(() => {
      this.#isChangeDue = false;
      this.dispatchEvent(new RingChangeEvent());
    });
  }

  #trace(topic: TraceEntry['topic'], text: string): void {
    this.dispatchEvent(new TraceEvent({ atMs: Date.now(), topic, text }));
  }
}

function asTabringError(thrown: unknown): TabringError {
  if (thrown instanceof TabringError) return thrown;
  return new TabringError('unreachable', 'could not join again', { cause: thrown });
}

function aborted(signal: AbortSignal | undefined): TabringError {
  return new TabringError('aborted', 'the call was aborted', { cause: signal?.reason });
}

/** Rejects when the signal fires, or some time after an operation should have ended by itself. */
function abortion(signal: AbortSignal | undefined, timeoutMs: number) {
  let dispose = (): void => undefined;
  let rejectNow: (error: TabringError) => void = () => undefined;
  const promise = new Promise<never>((_, reject) => {
    rejectNow = reject;
    const abort = () => reject(aborted(signal));
    signal?.addEventListener('abort', abort, { once: true });
    const cancel = pageClock().after(timeoutMs + 250, () =>
      reject(new TabringError('timeout', `not done within ${timeoutMs} ms`)),
    );
    dispose = () => {
      signal?.removeEventListener('abort', abort);
      cancel();
    };
  });
  promise.catch(() => undefined); // It may fire when nobody races it any more.
  return { promise, reject: rejectNow, dispose };
}
