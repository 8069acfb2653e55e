import { distance, idOf, SPACE, toId, type Id } from '../../src/kernel/identifier.ts';
import type { PeerId, PeerRef } from '../../src/kernel/machine.ts';
import type { LinkSnapshot, ReplicaSnapshot, RingSnapshot } from '../../src/api/snapshot.ts';

/** Mulberry32: numbers in `[0, 1)` that repeat from a seed. */
export function seeded(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

export function ref(peer: string, position: number, incarnation = 1): PeerRef {
  return { peer: peer as PeerId, incarnation, position: position as Id };
}

/** Peers with random identities at random places, clockwise. */
export function randomRefs(peerCount: number, seed: number): PeerRef[] {
  const random = seeded(seed);
  const hex = (): string => Math.floor(random() * 16).toString(16);
  return Array.from({ length: peerCount }, () =>
    ref(Array.from({ length: 32 }, hex).join(''), Math.floor(random() * SPACE)),
  ).sort((a, b) => a.position - b.position);
}

function at<T>(list: readonly T[], index: number): T {
  return list[(index + list.length) % list.length]!;
}

/** The peer of `refs` that answers for `id`: the first at or after it. */
export function ownerOf(id: Id, refs: readonly PeerRef[]): PeerRef {
  return refs.toSorted((a, b) => distance(id, a.position) - distance(id, b.position))[0]!;
}

/** What one peer of a perfect ring sees of it. */
export function ringOf(refs: readonly PeerRef[], selfIndex = 0): RingSnapshot {
  const self = at(refs, selfIndex);
  const successors = refs.slice(1, 5).map((_, i) => at(refs, selfIndex + 1 + i));
  const fingers = Array.from({ length: refs.length > 1 ? 12 : 0 }, (_, k) => {
    const ideal = toId(self.position + Math.floor(SPACE / 2 ** (k + 1)));
    return { ideal, ref: ownerOf(ideal, refs) };
  }).filter(finger => finger.ref !== self);
  const pred = at(refs, selfIndex - 1);
  const linked = new Set([...successors, pred, ...fingers.map(finger => finger.ref)]);
  linked.delete(self);
  return {
    network: 'demo',
    status: refs.length === 1 ? 'alone' : 'joined',
    self,
    pred,
    isPredSuspected: false,
    succ: at(refs, selfIndex + 1),
    successors,
    branch: [],
    fingers,
    links: [...linked].map(linkTo),
    members: refs.map((each, i) => ({
      ref: each,
      pred: at(refs, i - 1),
      succ: at(refs, i + 1),
      items: i * 3,
    })),
    replicas: { degree: 4, activeCells: 12, learningCells: 0, items: 7, bytes: 812 },
    platform: { storage: 'indexeddb', hasWebLocks: true },
    counters: { messagesIn: 120, messagesOut: 118 },
  };
}

function linkTo({ peer }: PeerRef, index: number): LinkSnapshot {
  const kind = index === 0 ? 'peerjs' : 'simple-peer';
  return { peer, state: 'open', kind, roundTripMs: 0.4 + index, isSuspected: false };
}

export function randomRing(
  peerCount: number,
  { seed = peerCount, selfIndex = 0 } = {},
): RingSnapshot {
  return ringOf(randomRefs(peerCount, seed), selfIndex);
}

/** Where a perfect ring keeps the four replicas of a key. */
export function replicasOf(key: string, refs: readonly PeerRef[]): ReplicaSnapshot[] {
  return [0, 1, 2, 3].map(j => {
    const position = toId((idOf(key) % (SPACE / 4)) + (j * SPACE) / 4);
    return { position, owner: ownerOf(position, refs), state: 'active', version: 3 };
  });
}
