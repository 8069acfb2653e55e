import type { Id } from '../kernel/identifier.ts';
import type { Outbox, PeerId } from '../kernel/machine.ts';
import type { Delivery, RequestOptions } from '../routing/router.ts';
import type { ReplicaMessage, ReplicaRequest, ReplicaRouted } from './replica-message.ts';

export type ReplicaEvent =
  /** Cells or items have changed. */
  | { readonly type: 'replica.changed' }
  /** Fewer copies than needed could be found: the last writes may be missing. */
  | { readonly type: 'replica.degraded'; readonly cellCount: number }
  /** Everything this peer held is at others now. */
  | { readonly type: 'replica.drained' };

export type ReplicaConfig = {
  /** A portion of a transfer: enough to fill a link, little enough not to hold others up. */
  readonly portionBytes: number;
  readonly portionItemsMax: number;
  /** How long a new owner waits for the old one's offer before it asks the other replicas. */
  readonly offerMs: number;
  readonly pullMs: number;
  /** A former owner keeps answering this long for a new one that never comes. */
  readonly handingMs: number;
  readonly recovery: {
    readonly roundMs: number;
    /** After this long, what can be found must do: see `replica.degraded`. */
    readonly degradeMs: number;
  };
  readonly repair: { readonly roundMs: number; readonly soonMs: number };
};

export const REPLICA_CONFIG: ReplicaConfig = {
  portionBytes: 256 * 1024,
  portionItemsMax: 1_024,
  offerMs: 1_500,
  pullMs: 6_000,
  handingMs: 10_000,
  recovery: { roundMs: 500, degradeMs: 5_000 },
  repair: { roundMs: 15_000, soonMs: 500 },
};

/** What the keeper needs of routing. */
export interface ReplicaRouter {
  request(
    key: Id,
    payload: ReplicaRequest,
    options: RequestOptions,
    onAnswer: (answer: ReplicaRouted | null) => void,
  ): void;
  answer(to: Omit<Delivery<ReplicaRouted>, 'key'>): void;
  handOn(to: PeerId, delivery: Delivery<ReplicaRouted>): boolean;
}

/**
 * `active`: holds all that was promised for the cell, and answers for it. `learning`: is the ring's
 * choice and has not got the data yet. `handing`: was active, and is until the ring's new choice has
 * pulled everything.
 */
export type CellState = 'active' | 'learning' | 'handing';

export type ReplicaOut = Outbox<ReplicaMessage, ReplicaEvent>;
