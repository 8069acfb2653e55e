/** How much of something may be used: a burst at once, and then so much a second. */
export class Budget {
  readonly #burst: number;
  readonly #perMs: number;
  #left: number;
  #now: number;

  constructor(rate: { readonly burst: number; readonly perSecond: number }, now: number) {
    this.#burst = rate.burst;
    this.#perMs = rate.perSecond / 1000;
    this.#left = rate.burst;
    this.#now = now;
  }

  /** False, and nothing taken, if that much is not left. */
  take(amount: number, now: number): boolean {
    this.#left = Math.min(this.#burst, this.#left + (now - this.#now) * this.#perMs);
    this.#now = now;
    if (amount > this.#left) return false;
    this.#left -= amount;
    return true;
  }
}
