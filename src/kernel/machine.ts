import type { Id } from './identifier.ts';
import type { Value } from './value.ts';

/** A peer's lasting identity: opaque text, made once and kept with the peer's store. */
export type PeerId = string & { readonly __brand: 'PeerId' };

/**
 * One peer at one time: its identity, the count of its store's starts, and its place on the ring.
 * Equality of peers is identity with incarnation; position alone never identifies.
 */
export type PeerRef = {
  readonly peer: PeerId;
  readonly incarnation: number;
  readonly position: Id;
};

/** Whether two references name the same run of the same peer. */
export function isSamePeer(a: PeerRef, b: PeerRef): boolean {
  return a.peer === b.peer && a.incarnation === b.incarnation;
}

/** `strict` outlives a loss of power, `relaxed` a crash of the tab. */
export type Durability = 'strict' | 'relaxed';

/** The tables of a peer's store. */
export type StoreTable = 'meta' | 'items' | 'cells';

/** One change of the store: `value` replaces the record at `key`, `undefined` removes it. */
export type Change = {
  readonly table: StoreTable;
  readonly key: string;
  readonly value: Value | undefined;
};

/**
 * What a core module asks of the world in one step. Effects are buffered and carried out in order
 * when the step ends. `now` and `random` are the only impure reads.
 */
export interface Outbox<Message, Event> {
  /** Milliseconds of this driver's clock. Says nothing about other peers' clocks. */
  readonly now: number;
  /** A number in `[0, 1)`. */
  random(): number;
  /** Sends over the open link to `to`; without one the message is dropped and counted. */
  send(to: PeerId, message: Message): void;
  /** (Re)starts the timer of this name. */
  setTimer(name: string, delayMs: number): void;
  clearTimer(name: string): void;
  /** Writes all changes or none. What is sent later waits for it, but for exempt messages. */
  persist(changes: readonly Change[], durability: Durability): void;
  emit(event: Event): void;
  /** Adds to a counter of this name, for the snapshot: drops by reason, mostly. */
  count(name: string): void;
}

/** Names one negotiation of one link: what comes from an older one is ignored. */
export type SessionId = string & { readonly __brand: 'SessionId' };

/** The part of the outbox that makes and ends links; only the link table uses it. */
export interface LinkOutbox<Message, Event> extends Outbox<Message, Event> {
  /** Starts a negotiation as its initiator. Its signals come back as inputs. */
  dial(peer: PeerId, session: SessionId): void;
  /** Hands the other side's signal to a negotiation, begun as a responder if it is new. */
  signal(peer: PeerId, session: SessionId, data: string): void;
  /** Drops a negotiation; an open link to the same peer stays. */
  cancel(peer: PeerId, session: SessionId): void;
  /** Ends the open link to this peer, once what was sent before has left. */
  hangUp(peer: PeerId): void;
}

/** Fails the build when a closed union is not handled in full, and the run when types lied. */
export function unreachable(value: never): never {
  throw new Error(`unreachable: ${JSON.stringify(value)}`);
}

/** Our own mistakes stop the peer: what follows a broken invariant cannot be trusted. */
export function assert(condition: unknown, invariant: string): asserts condition {
  if (!condition) throw new Error(`invariant broken: ${invariant}`);
}
