import type { Id } from '../kernel/identifier.ts';
import type { Change, Durability, PeerId, PeerRef, SessionId } from '../kernel/machine.ts';
import type { SurveyMember } from '../messaging/messaging-message.ts';
import type { RegisterResult } from '../replication/register-client.ts';
import type { ReplicaEvent } from '../replication/replica-contract.ts';
import type { DetectorConfig, DetectorEvent } from '../ring/failure-detector.ts';
import type { LinkConfig, LinkEvent, LinkKind } from '../ring/link-table.ts';
import type { RingTerms } from '../ring/ring-message.ts';
import type { RingConfig, RingEvent } from '../ring/ring.ts';
import type { FingerConfig } from '../routing/finger-table.ts';
import type { RouterConfig } from '../routing/router.ts';
import type { PeerMessage } from './protocol.ts';

/** What a peer is told to do. `call` comes back with the result, in a `call.done` event. */
export type PeerCommand =
  | { readonly type: 'found'; readonly terms: RingTerms; readonly position: Id }
  | { readonly type: 'join'; readonly position: Id | null }
  | { readonly type: 'actAlone' }
  | { readonly type: 'leave' }
  | { readonly type: 'goodbye' }
  | {
      readonly type: 'call';
      readonly call: number;
      readonly timeoutMs: number;
      readonly op: PeerOp;
    };

export type PeerOp =
  | { readonly type: 'get'; readonly key: string; readonly isLocal: boolean }
  /** Without a value it is a deletion. */
  | { readonly type: 'put'; readonly key: string; readonly value: Uint8Array | null }
  | { readonly type: 'inspect'; readonly key: string }
  | { readonly type: 'lookup'; readonly key: Id }
  | { readonly type: 'resolve'; readonly peer: PeerId }
  | { readonly type: 'survey' };

export type PeerResult =
  | RegisterResult
  | { readonly type: 'found'; readonly owner: PeerRef; readonly hops: number }
  | { readonly type: 'resolved'; readonly ref: PeerRef | null }
  | { readonly type: 'members'; readonly members: readonly SurveyMember[] }
  /** The time was up, or the peer is not on a ring. */
  | { readonly type: 'nothing' };

export type PeerEvent =
  | RingEvent
  | LinkEvent
  | DetectorEvent
  | ReplicaEvent
  | { readonly type: 'fingers.changed' }
  | { readonly type: 'call.done'; readonly call: number; readonly result: PeerResult };

export type PeerInput =
  | { readonly type: 'message'; readonly from: PeerId; readonly bytes: Uint8Array }
  /** A message of the simulator that was never encoded. */
  | { readonly type: 'plainMessage'; readonly from: PeerId; readonly message: PeerMessage }
  | { readonly type: 'timer'; readonly name: string }
  | { readonly type: 'command'; readonly command: PeerCommand }
  | {
      readonly type: 'linkUp';
      readonly peer: PeerId;
      /** Null when the link is a first contact, made without the ring. */
      readonly session: SessionId | null;
      readonly incarnation: number;
      readonly kind: LinkKind;
    }
  | { readonly type: 'linkDown'; readonly peer: PeerId }
  | { readonly type: 'linkFailed'; readonly peer: PeerId; readonly session: SessionId }
  | {
      readonly type: 'linkSignal';
      readonly peer: PeerId;
      readonly session: SessionId;
      readonly data: string;
    };

/** What a step wants done, in order. */
export type PeerEffect =
  | { readonly type: 'send'; readonly to: PeerId; readonly message: PeerMessage }
  | { readonly type: 'setTimer'; readonly name: string; readonly delayMs: number }
  | { readonly type: 'clearTimer'; readonly name: string }
  | {
      readonly type: 'persist';
      readonly changes: readonly Change[];
      readonly durability: Durability;
    }
  | { readonly type: 'emit'; readonly event: PeerEvent }
  | { readonly type: 'dial'; readonly peer: PeerId; readonly session: SessionId }
  | {
      readonly type: 'signal';
      readonly peer: PeerId;
      readonly session: SessionId;
      readonly data: string;
    }
  | { readonly type: 'cancel'; readonly peer: PeerId; readonly session: SessionId }
  | { readonly type: 'hangUp'; readonly peer: PeerId };

export type PeerConfig = {
  readonly detector?: DetectorConfig;
  readonly links?: LinkConfig;
  readonly ring?: RingConfig;
  readonly router?: RouterConfig;
  readonly fingers?: FingerConfig;
};

/** What the driver of a peer provides. */
export type PeerEnvironment = {
  readonly peer: PeerId;
  readonly incarnation: number;
  /** The records of the peer's store, as they were found. */
  readonly records: readonly {
    readonly table: string;
    readonly key: string;
    readonly value: unknown;
  }[];
  /** Milliseconds; never runs backwards. */
  now(): number;
  /** A number in `[0, 1)`. */
  random(): number;
  readonly config?: PeerConfig;
};
