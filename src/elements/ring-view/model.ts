import type {
  LinkSnapshot,
  ReplicaSnapshot,
  RingMember,
  RingSnapshot,
} from '../../api/snapshot.ts';
import { isSamePeer, type PeerId, type PeerRef } from '../../kernel/machine.ts';
import { shortNames } from '../shared/names.ts';

/** One replica of the shown key, with its number, by which it has its colour. */
export interface KeyReplica extends ReplicaSnapshot {
  readonly index: number;
}

/** How many replicas there can be, and so how many colours for them. */
const COLOUR_COUNT = 8;

/**
 * The class that gives a replica its colour. A class and not a style, which pages with a strict
 * content security policy would not let through.
 */
export function colourOf({ index }: KeyReplica): string {
  return `colour-${index % COLOUR_COUNT}`;
}

/** All that is known of one peer, from the point of view of the peer that looks. */
export interface PeerModel {
  readonly ref: PeerRef;
  readonly name: string;
  readonly isSelf: boolean;
  readonly isSucc: boolean;
  readonly isPred: boolean;
  readonly isFinger: boolean;
  /** The last survey found it; one that did not answer is drawn hollow. */
  readonly isMember: boolean;
  readonly isSuspected: boolean;
  /** Its successor has another predecessor: it stands on a branch of the ring. */
  readonly isBranch: boolean;
  readonly pred: PeerRef | null;
  readonly succ: PeerRef | null;
  readonly items: number | null;
  readonly link: LinkSnapshot | null;
  /** The replicas of the shown key that this peer answers for. */
  readonly replicas: readonly KeyReplica[];
}

export interface RingModel {
  /** Clockwise by position. */
  readonly peers: readonly PeerModel[];
  readonly self: PeerModel | undefined;
  readonly replicas: readonly KeyReplica[];
  readonly snapshot: RingSnapshot;
  /** Peers known to be there: those of the last survey, or before one all that were heard of. */
  readonly count: number;
}

/** Arranges a snapshot and the replicas of a key by peer. */
export function ringModel(
  snapshot: RingSnapshot,
  replicas: readonly ReplicaSnapshot[] = [],
): RingModel {
  const numbered = replicas.map((replica, index) => ({ ...replica, index }));
  const refs = knownRefs(snapshot, replicas);
  const members = membersOf(snapshot, refs);
  const names = shortNames([...refs.keys()]);
  const peers = [...refs.values()]
    .toSorted((a, b) => a.position - b.position || (a.peer < b.peer ? -1 : 1))
    .map(ref => peerModel(ref, { snapshot, members, replicas: numbered, names }));
  const memberCount = peers.filter(peer => peer.isMember).length;
  return {
    peers,
    self: peers.find(peer => peer.isSelf),
    replicas: numbered,
    snapshot,
    count: snapshot.members.length > 0 ? memberCount : peers.length,
  };
}

/** Every peer the snapshot speaks of, in its newest incarnation. */
function knownRefs(
  snapshot: RingSnapshot,
  replicas: readonly ReplicaSnapshot[],
): Map<PeerId, PeerRef> {
  const { self, pred, succ, successors, branch, fingers, members } = snapshot;
  const spokenOf = [
    ...members.flatMap(member => [member.pred, member.succ]),
    ...members.map(member => member.ref),
    ...replicas.map(replica => replica.owner),
    ...fingers.map(finger => finger.ref),
    ...branch,
    ...successors,
    succ,
    pred,
    self,
  ];
  const refs = new Map<PeerId, PeerRef>();
  for (const ref of spokenOf) {
    if (ref === null) continue;
    const known = refs.get(ref.peer);
    // Of one run the later entry counts: it is closer to what this peer knows at first hand.
    if (known === undefined || known.incarnation <= ref.incarnation) refs.set(ref.peer, ref);
  }
  return refs;
}

/** What the members told, without those who have started anew since; this peer at first hand. */
function membersOf(
  { members, self, pred, succ, replicas }: RingSnapshot,
  refs: ReadonlyMap<PeerId, PeerRef>,
): Map<PeerId, Pick<PeerModel, 'pred' | 'succ' | 'items'>> {
  const isCurrent = ({ ref }: RingMember): boolean => {
    const known = refs.get(ref.peer);
    return known !== undefined && isSamePeer(known, ref);
  };
  const byId = new Map<PeerId, Pick<PeerModel, 'pred' | 'succ' | 'items'>>(
    members.filter(isCurrent).map(member => [member.ref.peer, member]),
  );
  if (self !== null) byId.set(self.peer, { pred, succ, items: replicas.items });
  return byId;
}

interface Surroundings {
  readonly snapshot: RingSnapshot;
  readonly members: ReadonlyMap<PeerId, Pick<PeerModel, 'pred' | 'succ' | 'items'>>;
  readonly replicas: readonly KeyReplica[];
  readonly names: ReadonlyMap<PeerId, string>;
}

function peerModel(ref: PeerRef, { snapshot, members, replicas, names }: Surroundings): PeerModel {
  const { peer } = ref;
  const own = members.get(peer);
  const succ = own?.succ ?? null;
  const link = snapshot.links.find(each => each.peer === peer) ?? null;
  const isSelf = snapshot.self?.peer === peer;
  const isPred = snapshot.pred?.peer === peer;
  const predOfSucc = succ === null ? null : (members.get(succ.peer)?.pred ?? null);
  const isBesideSucc = predOfSucc !== null && predOfSucc.peer !== peer;
  return {
    ref,
    name: names.get(peer) ?? '',
    isSelf,
    isSucc: snapshot.succ?.peer === peer && !isSelf,
    isPred: isPred && !isSelf,
    isFinger: snapshot.fingers.some(finger => finger.ref.peer === peer) && !isSelf,
    isMember: own !== undefined,
    isSuspected: (link?.isSuspected ?? false) || (isPred && snapshot.isPredSuspected),
    isBranch: isBesideSucc || snapshot.branch.some(each => each.peer === peer),
    pred: own?.pred ?? null,
    succ,
    items: own?.items ?? null,
    link,
    replicas: replicas.filter(replica => replica.owner?.peer === peer),
  };
}
