type SetTimeout = typeof globalThis.setTimeout;

/**
 * Lets the timers of code that never stops them be stopped.
 *
 * PeerServer starts two endless chains of timers and keeps them to itself: a process that closed its
 * server would never end. While `run` is on the stack, `setTimeout` gives timers that belong to this
 * object, whose callbacks run under it again. All of it is synchronous, so nobody else is affected.
 */
export class OwnedTimers {
  readonly #timers = new Set<ReturnType<SetTimeout>>();
  readonly #setTimeout: SetTimeout = globalThis.setTimeout;
  #isStopped = false;

  run<Result>(action: () => Result): Result {
    const original = globalThis.setTimeout;
    const owned = (callback: (...args: unknown[]) => void, delayMs?: number, ...args: unknown[]) =>
      this.#start(() => callback(...args), delayMs);
    globalThis.setTimeout = owned as unknown as SetTimeout;
    try {
      return action();
    } finally {
      globalThis.setTimeout = original;
    }
  }

  /** Stops the timers that are running, and those that are still to be started. */
  stop(): void {
    this.#isStopped = true;
    for (const timer of this.#timers) clearTimeout(timer);
    this.#timers.clear();
  }

  #start(callback: () => void, delayMs?: number): ReturnType<SetTimeout> {
    const timer = this.#setTimeout(() => {
      this.#timers.delete(timer);
      this.run(callback);
    }, delayMs);
    if (this.#isStopped) clearTimeout(timer);
    else this.#timers.add(timer);
    return timer;
  }
}
