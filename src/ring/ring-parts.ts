import type { PeerId, PeerRef } from '../kernel/machine.ts';
import type { Connector } from './connector.ts';
import type { LinkTable } from './link-table.ts';
import type { RingOut } from './ring.ts';
import { SUCCESSOR_COUNT, type RingState } from './ring-state.ts';

/** What the machines of the ring share. */
export type RingParts = {
  readonly state: RingState;
  readonly links: LinkTable;
  readonly connector: Connector;
};

/** How long a peer that seemed gone is left out of what others say of it. */
export const GONE_MS = 4_000;

/** Tells a peer that it is our successor; `dead` is gone from between us. */
export function sendFix(
  { state }: RingParts,
  to: PeerRef,
  dead: PeerId | null,
  out: RingOut,
): void {
  out.send(to.peer, { type: 'ring.fix', src: state.self, dead, chain: state.chainToTell() });
}

/** This peer's successors as told to others, bounded. */
export function successorList({ state }: RingParts): PeerRef[] {
  return state.successors.slice(0, SUCCESSOR_COUNT);
}

/** A neighbour that may have a link to somebody we have none to. */
export function pathThroughNeighbour({ state, links }: RingParts): PeerId[] {
  const peers = [...state.predList.keys(), ...state.successors.map(ref => ref.peer)];
  return peers.filter(peer => links.isOpen(peer)).slice(0, 1);
}

/** A message about its sender's own place must come over that sender's own link. */
export function speaksForItself(
  { links }: RingParts,
  from: PeerId,
  src: PeerRef,
  out: RingOut,
): boolean {
  if (src.peer === from && src.incarnation === links.incarnation(from)) return true;
  out.count('ring.strangeSource');
  return false;
}
