/** The list of keys of a `<ring-store>` was changed by its user. */
export class KeysChangeEvent extends Event {
  readonly keys: readonly string[];
  constructor(keys: readonly string[]) {
    super('keyschange', { bubbles: true });
    this.keys = keys;
  }
}

declare global {
  interface HTMLElementEventMap {
    keyschange: KeysChangeEvent;
  }
}
