import { TabringError } from '../kernel/errors.ts';
import { idOf, SPACE, type Id } from '../kernel/identifier.ts';
import { assert, type PeerId, type PeerRef } from '../kernel/machine.ts';
import type { Value } from '../kernel/value.ts';
import type { SurveyMember } from '../messaging/messaging-message.ts';
import type { PeerEvent, PeerOp, PeerResult } from '../peer/contract.ts';
import { openBootstrap } from '../runtime/bootstrap/open-bootstrap.ts';
import { Signpost, unlessAborted } from '../runtime/bootstrap/wait.ts';
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
  /** Reached by the session once it is on a ring; another one when the peer begins anew. */
  #ready = new Signpost<Session>();
  #isReadyAwaited = true;
  /** Counts beginnings anew, pauses and ends: what is not of the latest one is over. */
  #turn = 0;
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
      await ring.#beginFirst(signal);
      return ring;
    } catch (error) {
      ring.#finish(null);
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
   *   (it may take effect yet), `store-full` (as soon as there is room), `store-failed`, `timeout`,
   *   `aborted`, `left`.
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
    this.#finish(null);
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
    const problem = this.#storeProblemSince(beganMs);
    if (problem) throw problem;
    if (result.type !== 'unknown') throw this.#refusal(result);
    throw new TabringError('outcome-unknown', 'a majority did not confirm the write in time');
  }

  #storeProblemSince(sinceMs: number): TabringError | null {
    const problem = this.#storeProblem;
    return problem && problem.atMs >= sinceMs ? problem.error : null;
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
    const beganMs = performance.now();
    try {
      for (;;) {
        if (this.#status === 'left') throw this.#failure ?? hasLeft();
        const ready = this.#ready;
        const session = await Promise.race([ready.reached, abort.promise]);
        const leftMs = Math.max(1, beganMs + timeoutMs - performance.now());
        const result = await Promise.race([
          session.driver?.call(op, leftMs) ?? null,
          abort.promise,
        ]);
        if (result) return result;
        if (!isRead) {
          throw (
            this.#storeProblemSince(beganMs) ??
            new TabringError('outcome-unknown', 'the peer began anew while writing')
          );
        }
        assert(
          this.#ready !== ready || this.#isLeft(),
          'a peer that has stopped begins anew, waits or has left',
        );
      }
    } finally {
      this.#failWrites.delete(abort.reject);
      abort.dispose();
    }
  }

  /** A page that is frozen while it joins goes on when it is back. */
  async #beginFirst(signal: AbortSignal): Promise<void> {
    try {
      await this.#begin(signal);
    } catch (error) {
      if (this.#turn === 0) throw error;
      await unlessAborted(this.#ready.reached, signal);
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
      onStoreProblem: error => this.#session === session && this.#onStoreProblem(error),
      onStoreRoom: () => this.#session === session && this.#onStoreRoom(),
      onFatal: error => this.#session === session && !this.#isOver() && this.#finish(error),
      onRestart: why => this.#session === session && !this.#isOver() && void this.#restart(why),
      onTrace: (topic, text) => this.#trace(topic, text),
    });
    this.#session = session;
    this.#setStatus('joining');
    await session.start(signal);
    this.#isReadyAwaited = false;
    this.#ready.reach(session);
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
    const turn = ++this.#turn;
    this.#trace('lifecycle', `begins anew: ${why}`);
    this.#awaitReady();
    this.#setStatus('joining');
    this.#end();
    await this.#ending;
    for (let attempt = 0; turn === this.#turn; attempt++) {
      try {
        return await this.#begin(AbortSignal.timeout(JOIN_TIMEOUT_MS));
      } catch (thrown) {
        if (turn !== this.#turn) return;
        const error = asTabringError(thrown);
        this.#isReadyAwaited = false;
        this.#ready.fail(error);
        this.#setStatus('isolated');
        this.dispatchEvent(new ProblemEvent(error));
        const waitMs = Math.min(500 * 2 ** attempt, 10_000);
        await new Promise(resolve => pageClock().after(waitMs, () => resolve(null)));
        if (turn === this.#turn) this.#awaitReady();
      }
    }
  }

  /** Calls wait from here on; those that wait already go on with it. */
  #awaitReady(): void {
    if (!this.#isReadyAwaited) this.#ready = new Signpost();
    this.#isReadyAwaited = true;
  }

  #end(): void {
    const ended = this.#session?.endWithGoodbye() ?? Promise.resolve();
    // A store that cannot even be closed is left as it is: what it had confirmed is on disk.
    this.#ending = ended.catch(() => undefined);
  }

  #isLeft(): boolean {
    return this.#status === 'left';
  }

  #isOver(): boolean {
    return this.#status === 'left' || this.#status === 'paused';
  }

  #pause(why: string): void {
    if (this.#isOver()) return;
    this.#turn += 1;
    this.#trace('lifecycle', why);
    this.#awaitReady();
    this.#end();
    this.#setStatus('paused');
  }

  #resume(): void {
    if (this.#status === 'paused') void this.#restart('the page is back');
  }

  #finish(error: TabringError | null): void {
    this.#turn += 1;
    this.#failure = error;
    this.#stopWatching();
    this.#ready.fail(error ?? hasLeft());
    if (error) this.dispatchEvent(new ProblemEvent(error));
    this.#setStatus('left');
  }

  #onEvent(event: PeerEvent): void {
    const line = describeEvent(event);
    if (line) this.#trace(line.topic, line.text);
    this.#updateStatus();
    this.#changed();
  }

  #onStoreProblem(error: TabringError): void {
    const isKnown = this.#storeProblem?.error.code === error.code;
    this.#storeProblem = { error, atMs: performance.now() };
    if (this.#status === 'alone') for (const fail of this.#failWrites) fail(error);
    if (isKnown) return;
    this.dispatchEvent(new ProblemEvent(error));
    this.#trace('store', error.message);
  }

  #onStoreRoom(): void {
    this.#storeProblem = null;
    this.#trace('store', 'the store takes writes again, and has all that it refused');
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

function hasLeft(): TabringError {
  return new TabringError('left', 'the peer has left the ring');
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
