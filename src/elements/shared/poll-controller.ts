import type { ReactiveController, ReactiveElement } from 'lit';

export interface PollOptions {
  /** One round. Must not throw for what may go wrong every day; `signal` fires when it is moot. */
  readonly work: (signal: AbortSignal) => Promise<void>;
  /** Pause between two rounds, asked after each. */
  readonly delayMs: () => number;
  /** Shortest pause before a round that was asked for. */
  readonly delayMsMin?: () => number;
}

/**
 * Repeats a piece of asynchronous work while its host can be seen: rounds never overlap, and none
 * starts while the page is hidden or the host is out of the document or not displayed.
 */
export class PollController implements ReactiveController {
  readonly #host: ReactiveElement;
  readonly #options: PollOptions;
  #abort: AbortController | undefined;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #isWorking = false;
  #isAskedAgain = false;

  constructor(host: ReactiveElement, options: PollOptions) {
    this.#host = host;
    this.#options = options;
    host.addController(this);
  }

  hostConnected(): void {
    document.addEventListener('visibilitychange', this.#onVisibility);
    this.poke();
  }

  hostDisconnected(): void {
    document.removeEventListener('visibilitychange', this.#onVisibility);
    this.restart();
  }

  /** Asks for a round soon: after the one under way, or after the shortest pause. */
  poke(): void {
    if (this.#isWorking) this.#isAskedAgain = true;
    else this.#schedule(this.#options.delayMsMin?.() ?? 0);
  }

  /** Abandons the round under way, since what it was asked for no longer matters. */
  restart(): void {
    this.#abort?.abort();
    this.#abort = undefined;
    this.#isWorking = false;
    clearTimeout(this.#timer);
    if (this.#host.isConnected) this.#schedule(0);
  }

  readonly #onVisibility = (): void => {
    if (!document.hidden) this.poke();
  };

  #schedule(delayMs: number): void {
    clearTimeout(this.#timer);
    if (!this.#host.isConnected || document.hidden) return; // Both call back when that changes.
    this.#timer = setTimeout(() => void this.#round(), delayMs);
  }

  async #round(): Promise<void> {
    if (!this.#isSeen()) return this.#schedule(this.#options.delayMs());
    const abort = new AbortController();
    this.#abort = abort;
    this.#isWorking = true;
    this.#isAskedAgain = false;
    try {
      await this.#options.work(abort.signal);
    } finally {
      // An abandoned round has been replaced already and must not schedule another.
      if (!abort.signal.aborted) {
        this.#isWorking = false;
        this.#schedule(
          this.#isAskedAgain ? (this.#options.delayMsMin?.() ?? 0) : this.#options.delayMs(),
        );
      }
    }
  }

  #isSeen(): boolean {
    // Browsers of 2023 have no `checkVisibility`; there an element that is not displayed polls on.
    return !document.hidden && (this.#host.checkVisibility?.() ?? true);
  }
}
