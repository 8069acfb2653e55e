import type { PeerId } from '../../kernel/machine.ts';

const PREFIX = 'tabring:';
/** 128 bits in base64url. */
const PEER_ID_BYTES = 16;
const PEER_ID_PATTERN = /^[\w-]{22}$/;

/** A new identity. Two peers never get the same one: it is 128 random bits. */
export function createPeerId(): PeerId {
  const bytes = crypto.getRandomValues(new Uint8Array(PEER_ID_BYTES));
  const base64 = btoa(String.fromCharCode(...bytes));
  return base64.replaceAll('+', '-').replaceAll('/', '_').replaceAll('=', '') as PeerId;
}

/** Names a peer's database and the lock that guards it. The network may be any text. */
export function storeNameOf(network: string, peer: PeerId): string {
  return `${PREFIX}${peer}:${network}`;
}

/** The peer whose store has this name, or null if it is none of the network's. */
export function peerOfStoreName(name: string, network: string): PeerId | null {
  const peer = name.slice(PREFIX.length, name.indexOf(':', PREFIX.length)) as PeerId;
  return PEER_ID_PATTERN.test(peer) && name === storeNameOf(network, peer) ? peer : null;
}
