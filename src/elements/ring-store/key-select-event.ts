/** A key was chosen in a `<ring-store>`, or none any more: then it is empty. */
export class KeySelectEvent extends Event {
  readonly key: string;
  constructor(key: string) {
    super('keyselect', { bubbles: true });
    this.key = key;
  }
}

declare global {
  interface HTMLElementEventMap {
    keyselect: KeySelectEvent;
  }
}
