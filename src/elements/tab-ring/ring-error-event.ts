import type { TabringError } from '../../kernel/errors.ts';

/** A `<tab-ring>` could not join its ring, or lost its place on it. */
export class RingErrorEvent extends Event {
  readonly error: TabringError;
  constructor(error: TabringError) {
    super('ringerror', { bubbles: true });
    this.error = error;
  }
}

declare global {
  interface HTMLElementEventMap {
    ringerror: RingErrorEvent;
  }
}
