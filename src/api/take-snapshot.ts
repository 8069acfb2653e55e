import type { SurveyMember } from '../messaging/messaging-message.ts';
import type { PeerDriver } from '../runtime/driver.ts';
import type { Session } from '../runtime/session.ts';
import type { LinkSnapshot, RingSnapshot, RingStatus } from './snapshot.ts';

export type SnapshotParts = {
  readonly network: string;
  readonly status: RingStatus;
  readonly session: Session | null;
  readonly members: readonly SurveyMember[];
};

/** Copies what is to be shown out of the running peer. */
export function takeSnapshot({ network, status, session, members }: SnapshotParts): RingSnapshot {
  const driver = session?.driver ?? null;
  const peer = driver?.peer ?? null;
  const state = peer?.ring.state ?? null;
  const isPlaced = state !== null && (state.isOnRing || state.standing === 'isolated');
  const pred = isPlaced ? state.pred : null;
  const keeper = peer?.keeper ?? null;
  return {
    network,
    status,
    self: isPlaced ? state.self : null,
    pred,
    isPredSuspected: state?.isPredSuspected ?? false,
    succ: isPlaced ? state.succ : null,
    successors: isPlaced ? state.successors : [],
    branch: isPlaced
      ? [...state.predList.values()].filter(ref => ref.peer !== state.pred.peer)
      : [],
    fingers: peer?.fingers.fingers ?? [],
    links: driver ? linkSnapshots(driver) : [],
    members: isPlaced ? members : [],
    replicas: {
      degree: state?.terms?.degree ?? 0,
      activeCells: keeper?.cellsIn('active').length ?? 0,
      learningCells: keeper?.cellsIn('learning').length ?? 0,
      items: keeper?.items.size ?? 0,
      bytes: keeper?.items.bytes ?? 0,
    },
    platform: {
      storage: session?.storage ?? 'memory',
      hasWebLocks: typeof navigator !== 'undefined' && 'locks' in navigator,
    },
    counters: counters(driver),
  };
}

function linkSnapshots({ peer }: PeerDriver): LinkSnapshot[] {
  const links: LinkSnapshot[] = [];
  for (const [other, { kind }] of peer.links.openLinks) {
    links.push({
      peer: other,
      state: 'open',
      kind,
      roundTripMs: peer.detector.roundTripMs(other),
      isSuspected: peer.detector.isSuspected(other),
    });
  }
  for (const other of peer.links.dialingPeers) {
    if (peer.links.isOpen(other)) continue;
    const kind = 'simple-peer';
    links.push({ peer: other, state: 'opening', kind, roundTripMs: null, isSuspected: false });
  }
  return links;
}

function counters(driver: PeerDriver | null): Record<string, number> {
  if (!driver) return {};
  return {
    ...driver.traffic,
    'link.malformed': driver.malformedCount,
    ...Object.fromEntries(driver.peer.counters),
  };
}
