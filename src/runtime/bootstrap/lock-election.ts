import type { Clock } from '../clock.ts';
import type { Candidate, Election } from './election.ts';
import type { HeldLock, TabLocks } from './tab-locks.ts';
import { pause, throwIfAborted, unlessAborted } from './wait.ts';

/** Between giving the lock up, for a page with a store or one that joins, and asking for it again. */
const YIELD_MS = 20;

/**
 * An election by Web Locks: whoever has the founder's lock is elected. Exact: the browser grants it
 * to one page at a time, and to the next one as soon as the last is gone.
 *
 * A page with a store says so by another lock. One without a store gives pages that were opened at
 * the same moment time to have their say before it founds, and then steps back behind them.
 */
export class LockElection implements Election {
  readonly #locks: TabLocks;
  readonly #clock: Clock;
  readonly #collectMs: number;
  #founder: HeldLock | null = null;
  #startedAtMs = 0;

  constructor(options: { locks: TabLocks; clock: Clock; collectMs: number }) {
    this.#locks = options.locks;
    this.#clock = options.clock;
    this.#collectMs = options.collectMs;
  }

  async stand({ holdsStore, signal }: Candidate): Promise<'elected' | 'again'> {
    if (this.#founder !== null) return 'elected';
    this.#startedAtMs = this.#clock.now();
    // Asked for in this order, so that who sees the first one knows that the second one follows.
    const holder = holdsStore ? this.#locks.request('holder') : null;
    const founder = this.#locks.requestFounder();
    let isElected = false;
    try {
      await unlessAborted(founder.granted, signal);
      // One look for both, because a joiner that becomes a member is never without a lock.
      isElected = (await this.#locks.others('member', 'joiner')).length === 0;
      throwIfAborted(signal);
      if (isElected) this.#founder = founder;
    } finally {
      holder?.release();
      if (this.#founder !== founder) founder.release();
    }
    if (!isElected) await pause(this.#clock, YIELD_MS, signal);
    return isElected ? 'elected' : 'again';
  }

  async confirm({ holdsStore, signal }: Candidate): Promise<boolean> {
    if (holdsStore) return true;
    const restMs = this.#startedAtMs + this.#collectMs - this.#clock.now();
    if (restMs > 0) await pause(this.#clock, restMs, signal);
    if ((await this.#locks.others('holder')).length === 0) return true;
    this.release();
    await pause(this.#clock, YIELD_MS, signal);
    return false;
  }

  release(): void {
    this.#founder?.release();
    this.#founder = null;
  }

  close(): void {
    this.release();
  }
}
