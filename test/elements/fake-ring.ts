import {
  ProblemEvent,
  RingChangeEvent,
  StatusChangeEvent,
  TraceEvent,
  type TraceEntry,
} from '../../src/api/events.ts';
import type { ReplicaSnapshot, RingMember, RingSnapshot } from '../../src/api/snapshot.ts';
import type { CallOptions } from '../../src/api/options.ts';
import type { Tabring, TabringEventMap } from '../../src/api/tabring.ts';
import type { TabringError } from '../../src/kernel/errors.ts';
import type { Id } from '../../src/kernel/identifier.ts';
import type { PeerId } from '../../src/kernel/machine.ts';
import type { Value } from '../../src/kernel/value.ts';
import { ownerOf, randomRing, replicasOf } from './fixtures.ts';

/** An object with the shape of a `Tabring` that does as it is told and counts what it is asked. */
export class FakeRing extends EventTarget {
  state: RingSnapshot;
  readonly values = new Map<string, Value>();
  /** Thrown by the next calls of the store, when set. */
  failure: TabringError | undefined;
  /** Listeners that are on at the moment. */
  listenerCount = 0;
  readonly calls: string[] = [];
  /** Answers of `survey` wait for this. */
  surveyGate: Promise<void> = Promise.resolve();
  surveysUnderWay = 0;
  surveysUnderWayMax = 0;

  constructor(state: RingSnapshot = randomRing(5)) {
    super();
    this.state = state;
  }

  /** The same object where the real class is asked for, whose private parts nobody outside uses. */
  get asTabring(): Tabring {
    return this as unknown as Tabring;
  }

  get network(): string {
    return this.state.network;
  }
  get id(): PeerId {
    return this.state.self!.peer;
  }
  get position(): Id {
    return this.state.self!.position;
  }
  get status(): RingSnapshot['status'] {
    return this.state.status;
  }

  snapshot(): RingSnapshot {
    this.calls.push('snapshot');
    return this.state;
  }

  on<K extends keyof TabringEventMap>(type: K, listener: (event: TabringEventMap[K]) => void) {
    const untyped = listener as (event: Event) => void;
    this.addEventListener(type, untyped);
    this.listenerCount++;
    return (): void => {
      this.removeEventListener(type, untyped);
      this.listenerCount--;
    };
  }

  async put(key: string, value: Value): Promise<void> {
    this.#call(`put ${key}`);
    this.values.set(key, value);
  }

  async get(key: string): Promise<Value | undefined> {
    this.#call(`get ${key}`);
    return this.values.get(key);
  }

  async delete(key: string): Promise<void> {
    this.#call(`delete ${key}`);
    this.values.delete(key);
  }

  async lookup(key: string) {
    this.#call(`lookup ${key}`);
    return { position: 0 as Id, owner: ownerOf(0 as Id, this.#refs), hops: 1 };
  }

  async replicas(key: string): Promise<readonly ReplicaSnapshot[]> {
    this.#call(`replicas ${key}`);
    return replicasOf(key, this.#refs);
  }

  async survey(_options?: CallOptions): Promise<readonly RingMember[]> {
    this.#call('survey');
    this.surveysUnderWay++;
    this.surveysUnderWayMax = Math.max(this.surveysUnderWayMax, this.surveysUnderWay);
    await this.surveyGate;
    this.surveysUnderWay--;
    return this.state.members;
  }

  async leave(): Promise<void> {
    this.#call('leave');
    this.state = { ...this.state, status: 'left' };
  }

  /** The ring looks different from now on, and says so. */
  change(state: RingSnapshot): void {
    const before = this.state.status;
    this.state = state;
    this.dispatchEvent(new RingChangeEvent());
    if (before !== state.status) this.dispatchEvent(new StatusChangeEvent(state.status));
  }

  trace(text: string, topic: TraceEntry['topic'] = 'ring', atMs = Date.now()): void {
    this.dispatchEvent(new TraceEvent({ atMs, topic, text }));
  }

  problem(error: TabringError): void {
    this.dispatchEvent(new ProblemEvent(error));
  }

  get #refs() {
    return this.state.members.map(member => member.ref);
  }

  #call(text: string): void {
    this.calls.push(text);
    if (this.failure !== undefined && !['survey', 'leave'].includes(text)) throw this.failure;
  }
}
