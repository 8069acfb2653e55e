import { TabringError } from '../kernel/errors.ts';
import type { PeerConfig } from '../peer/contract.ts';
import type { PeerStore } from '../runtime/store/peer-store.ts';
import { checkDegree, checkNetwork, checkSignaling } from './arguments.ts';

export interface CallOptions {
  /** Ends the call early: it rejects with `aborted`. */
  readonly signal?: AbortSignal;
  /** Ends the call late: it rejects with `timeout`, or a more precise code. Default 10,000. */
  readonly timeoutMs?: number;
}

export interface JoinOptions extends CallOptions {
  /** Tabs of one network are one ring. 1 to 128 bytes. */
  readonly network: string;
  /**
   * Address of the signaling server, http or https; relative ones count from the page's own.
   * Without one only tabs of the same browser and origin find each other.
   */
  readonly signaling?: string | undefined;
  /** STUN and TURN servers. Default: what the signaling server hands out, else none. */
  readonly iceServers?: readonly RTCIceServer[] | undefined;
  /** Replicas of each item, 1 to 8, default 4. Fixed by whoever founds the network. */
  readonly replicationDegree?: number | undefined;
  /** Where this tab keeps its replicas. Default 'indexeddb'. */
  readonly store?: 'indexeddb' | 'memory' | PeerStore | undefined;
  /** For tests and experiments: the core's constants. */
  readonly config?: PeerConfig | undefined;
}

export interface GetOptions extends CallOptions {
  /** `local` answers from whatever copy is nearest: fast, and possibly old. */
  readonly consistency?: 'linearizable' | 'local';
}

/** The options of a join, checked and complete. */
export type CheckedOptions = Required<Pick<JoinOptions, 'network'>> & {
  readonly signaling: string | null;
  readonly iceServers: readonly RTCIceServer[] | null;
  readonly degree: number;
  readonly store: 'indexeddb' | 'memory' | PeerStore;
  readonly config: PeerConfig | null;
};

/** Throws `invalid-argument` for options that make no sense. */
export function checkOptions(options: JoinOptions): CheckedOptions {
  const { iceServers, store = 'indexeddb' } = options;
  const isStore = typeof store === 'object' && store !== null && typeof store.open === 'function';
  if (store !== 'indexeddb' && store !== 'memory' && !isStore) {
    throw new TabringError('invalid-argument', "store is 'indexeddb', 'memory' or a PeerStore");
  }
  if (iceServers !== undefined && !Array.isArray(iceServers)) {
    throw new TabringError('invalid-argument', 'iceServers is an array of RTCIceServer');
  }
  return {
    network: checkNetwork(options.network),
    signaling: checkSignaling(options.signaling),
    iceServers: iceServers ?? null,
    degree: checkDegree(options.replicationDegree),
    store,
    config: options.config ?? null,
  };
}
