import type { PeerId, PeerRef } from '../kernel/machine.ts';
import type { Value } from '../kernel/value.ts';
import type { Id } from '../kernel/identifier.ts';
import type { ReplicaSnapshot, RingMember, RingSnapshot, RingStatus } from './snapshot.ts';
import type { ProblemEvent, RingChangeEvent, StatusChangeEvent, TraceEvent } from './events.ts';
import type { PeerStore } from '../runtime/store/peer-store.ts';

export interface JoinOptions {
  readonly network: string;
  readonly signaling?: string;
  readonly iceServers?: readonly RTCIceServer[];
  readonly replicationDegree?: number;
  readonly store?: 'indexeddb' | 'memory' | PeerStore;
  readonly signal?: AbortSignal;
  readonly timeoutMs?: number;
}

export interface CallOptions {
  readonly signal?: AbortSignal;
  readonly timeoutMs?: number;
}

export interface TabringEventMap {
  statuschange: StatusChangeEvent;
  ringchange: RingChangeEvent;
  trace: TraceEvent;
  problem: ProblemEvent;
}

/** Skeleton: signatures are final, the inside is being written. */
export declare class Tabring extends EventTarget {
  static join(options: JoinOptions): Promise<Tabring>;
  readonly network: string;
  get id(): PeerId;
  get position(): Id;
  get status(): RingStatus;
  put(key: string, value: Value, options?: CallOptions): Promise<void>;
  get(key: string, options?: CallOptions & { consistency?: 'linearizable' | 'local' }): Promise<Value | undefined>;
  delete(key: string, options?: CallOptions): Promise<void>;
  lookup(key: string, options?: CallOptions): Promise<{ position: Id; owner: PeerRef; hops: number }>;
  /** All replicas of a key, in order of their number. Asks every owner. */
  replicas(key: string, options?: CallOptions): Promise<readonly ReplicaSnapshot[]>;
  /** Asks around the whole ring who is on it: one message per peer. */
  survey(options?: CallOptions): Promise<readonly RingMember[]>;
  snapshot(): RingSnapshot;
  on<K extends keyof TabringEventMap>(type: K, listener: (event: TabringEventMap[K]) => void): () => void;
  leave(options?: CallOptions): Promise<void>;
}
