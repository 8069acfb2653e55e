import type { Id } from '../kernel/identifier.ts';
import type { PeerId, PeerRef } from '../kernel/machine.ts';

/**
 * `joining`: looking for its place. `joined`: on a ring with others. `alone`: a ring of one, which
 * serves. `isolated`: knows of others and reaches none. `paused`: the page is frozen. `left`: over.
 */
export type RingStatus = 'joining' | 'joined' | 'alone' | 'isolated' | 'paused' | 'left';

/** One peer of the ring as its own answer to a survey described it. */
export interface RingMember {
  readonly ref: PeerRef;
  readonly pred: PeerRef;
  readonly succ: PeerRef;
  /** Items of which this peer holds a copy. */
  readonly items: number;
}

/** What is known of a link to another peer. */
export interface LinkSnapshot {
  readonly peer: PeerId;
  readonly state: 'opening' | 'open';
  /** What made it: first contact through a signaling server or another tab, or over the ring. */
  readonly kind: 'peerjs' | 'simple-peer' | 'memory' | 'simulated';
  /** Smoothed heartbeat round trip in milliseconds; null before the first one. */
  readonly roundTripMs: number | null;
  readonly isSuspected: boolean;
}

/** The state of one peer, as plain data: everything the ring view draws. Taken by `snapshot()`. */
export interface RingSnapshot {
  readonly network: string;
  readonly status: RingStatus;
  /** Null until the peer has its identity and its place. */
  readonly self: PeerRef | null;
  /** Null while the predecessor is not known. The peer answers for `(pred, self]`. */
  readonly pred: PeerRef | null;
  /** The predecessor is suspected and nobody has replaced it. */
  readonly isPredSuspected: boolean;
  readonly succ: PeerRef | null;
  /** The next peers clockwise, nearest first; `succ` is the first. */
  readonly successors: readonly PeerRef[];
  /** Peers that use this one as their successor without being its predecessor (a branch). */
  readonly branch: readonly PeerRef[];
  /** Routing shortcuts: for each ideal identifier the peer responsible for it. */
  readonly fingers: readonly { readonly ideal: Id; readonly ref: PeerRef }[];
  readonly links: readonly LinkSnapshot[];
  /** All peers of the ring in clockwise order, as the last survey found them; empty before one. */
  readonly members: readonly RingMember[];
  readonly replicas: {
    readonly degree: number;
    /** Cells this peer answers for, by state. One cell is one replica of one slot of keys. */
    readonly activeCells: number;
    readonly learningCells: number;
    readonly items: number;
    readonly bytes: number;
  };
  /** What this page can do: a page on plain http has no Web Locks and keeps nothing on disk. */
  readonly platform: {
    readonly storage: 'indexeddb' | 'memory' | 'custom';
    readonly hasWebLocks: boolean;
  };
  /** Counts since the start, by name: messages and bytes in and out, drops by reason, … */
  readonly counters: Readonly<Record<string, number>>;
}

/** One replica of a key: where it stands, who answers for it, what it holds. */
export interface ReplicaSnapshot {
  /** The replica's place on the circle: base + j · SPACE / degree. */
  readonly position: Id;
  /** Null when nobody answered. */
  readonly owner: PeerRef | null;
  readonly state: 'active' | 'learning' | 'unreachable';
  /** Version counter of the copy: 0 when the owner has none. */
  readonly version: number;
}
