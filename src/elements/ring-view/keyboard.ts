import type { PeerId } from '../../kernel/machine.ts';
import type { PeerModel } from './model.ts';

/**
 * The peer a key leads to from another: arrows go round the ring, Home leads to this peer, End to the
 * one before it. Undefined for all other keys.
 */
export function peerAfterKey(
  key: string,
  peers: readonly PeerModel[],
  from: PeerId | undefined,
): PeerId | undefined {
  const at = (index: number): PeerId | undefined =>
    peers[(index + peers.length) % peers.length]?.ref.peer;
  const current = peers.findIndex(peer => peer.ref.peer === from);
  const self = Math.max(
    0,
    peers.findIndex(peer => peer.isSelf),
  );
  switch (key) {
    case 'ArrowRight':
    case 'ArrowDown':
      return at(current + 1);
    case 'ArrowLeft':
    case 'ArrowUp':
      return at(Math.max(current, 0) - 1);
    case 'Home':
      return at(self);
    case 'End':
      return at(self - 1);
    default:
      return undefined;
  }
}
