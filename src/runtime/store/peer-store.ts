import type { Change, Durability, PeerId, StoreTable } from '../../kernel/machine.ts';
import type { Value } from '../../kernel/value.ts';

export interface StoreRecord {
  readonly table: StoreTable;
  readonly key: string;
  readonly value: Value;
}

/** All that a peer's store holds, as it was found when it was opened. */
export interface StoreImage {
  readonly peer: PeerId;
  /** Counts the opens of this store, this one included: the first is 1. */
  readonly incarnation: number;
  readonly records: readonly StoreRecord[];
}

/**
 * Where one peer keeps what must outlive its tab. Exactly one `PeerStore` writes a peer's records
 * at any time: `open` raises the incarnation, and from then on every write of an earlier opener is
 * refused, however late it comes.
 */
export interface PeerStore {
  readonly kind: 'indexeddb' | 'memory' | 'custom';

  /**
   * Takes the store over: one strict transaction makes the identity if there is none and raises
   * the incarnation. Rejects with `TabringError` `store-failed` or `store-full`.
   */
  open(): Promise<StoreImage>;

  /**
   * Makes all changes or none, in order; resolves when they are durable. Writes issued while one
   * is under way may share a transaction, and complete in the order they were issued. Rejects with
   * `TabringError` `superseded`, `store-full` or `store-failed`.
   */
  write(changes: readonly Change[], durability: Durability): Promise<void>;

  /** Whether nobody has opened the store since. Rejects with `store-failed`. */
  isCurrent(): Promise<boolean>;

  /** Waits for writes under way, then lets go. Later calls reject with `store-failed`. */
  close(): Promise<void>;

  /** Removes the store and everything in it, for good. */
  destroy(): Promise<void>;
}

/** A store that is this page's alone for as long as it holds on to it. */
export interface StoreClaim {
  readonly store: PeerStore;
  /** Made just now: nothing is in it. */
  readonly isNew: boolean;
  /** Lets others claim the store. The store must be closed first. */
  release(): void;
}
