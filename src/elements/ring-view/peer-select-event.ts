import type { PeerRef } from '../../kernel/machine.ts';

/** A peer was chosen in a `<ring-view>`, or none any more. */
export class PeerSelectEvent extends Event {
  readonly peer: PeerRef | null;
  constructor(peer: PeerRef | null) {
    super('peerselect', { bubbles: true });
    this.peer = peer;
  }
}

declare global {
  interface HTMLElementEventMap {
    peerselect: PeerSelectEvent;
  }
}
