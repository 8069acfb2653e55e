import type { Tabring } from '../../api/tabring.ts';

/** A `<tab-ring>` has joined its ring: its peer is there to use. */
export class RingReadyEvent extends Event {
  readonly ring: Tabring;
  constructor(ring: Tabring) {
    super('ringready', { bubbles: true });
    this.ring = ring;
  }
}

declare global {
  interface HTMLElementEventMap {
    ringready: RingReadyEvent;
  }
}
