import type { Tabring } from '../../api/tabring.ts';
import type { TabringError } from '../../kernel/errors.ts';

/**
 * The promise behind `TabRing.ready`. One promise lasts until it is settled, over as many attempts as
 * that takes; the first attempt after that starts a new one.
 */
export class Ready {
  #promise!: Promise<Tabring>;
  #resolve!: (ring: Tabring) => void;
  #reject!: (error: TabringError) => void;
  #isSettled = false;

  constructor() {
    this.#renew();
  }

  get promise(): Promise<Tabring> {
    return this.#promise;
  }

  /** A new attempt begins. */
  begin(): void {
    if (this.#isSettled) this.#renew();
  }

  resolve(ring: Tabring): void {
    this.#isSettled = true;
    this.#resolve(ring);
  }

  reject(error: TabringError): void {
    this.#isSettled = true;
    this.#reject(error);
  }

  #renew(): void {
    this.#isSettled = false;
    this.#promise = new Promise((resolve, reject) => {
      this.#resolve = resolve;
      this.#reject = reject;
    });
    // Whoever asks for the promise hears of the failure; if nobody does, the element shows it.
    this.#promise.catch(() => {});
  }
}
