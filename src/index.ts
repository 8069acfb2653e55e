export { Tabring } from './api/tabring.ts';
export type { TabringEventMap } from './api/tabring.ts';
export type { CallOptions, GetOptions, JoinOptions } from './api/options.ts';
export {
  ProblemEvent,
  RingChangeEvent,
  StatusChangeEvent,
  TraceEvent,
  type TraceEntry,
} from './api/events.ts';
export type {
  LinkSnapshot,
  ReplicaSnapshot,
  RingMember,
  RingSnapshot,
  RingStatus,
} from './api/snapshot.ts';
export { TabringError, type TabringErrorCode } from './kernel/errors.ts';
export { SPACE, idOf, type Id } from './kernel/identifier.ts';
export type { Change, Durability, PeerId, PeerRef, StoreTable } from './kernel/machine.ts';
export type { Value } from './kernel/value.ts';
export type { PeerStore, StoreImage, StoreRecord } from './runtime/store/peer-store.ts';
