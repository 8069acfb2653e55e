import type { Clock } from '../clock.ts';
import type { Candidate, Election } from './election.ts';
import type { HeldLock, TabLocks } from './tab-locks.ts';
import { pause, throwIfAborted, unlessAborted } from './wait.ts';

/** Between giving the lock up, for a page with a store or one that joins, and asking for it again. */
const YIELD_MS = 20;

/**
 * An election by Web Locks: whoever has the founder's lock founds. Exact: the browser grants it to
 * one page at a time, and to the next one as soon as the last is gone.
 *
 * A page with a store says so by another lock. One without a store waits a little when it gets the
 * founder's lock, so that pages opened at the same moment have had their say, and then steps back
 * behind them.
 */
export class LockElection implements Election {
  readonly #locks: TabLocks;
  readonly #clock: Clock;
  readonly #collectMs: number;
  #founder: HeldLock | null = null;

  constructor(options: { locks: TabLocks; clock: Clock; collectMs: number }) {
    this.#locks = options.locks;
    this.#clock = options.clock;
    this.#collectMs = options.collectMs;
  }

  get isFounder(): boolean {
    return this.#founder !== null;
  }

  async stand(candidate: Candidate): Promise<'founder' | 'again'> {
    if (this.#founder !== null) return 'founder';
    const startedAtMs = this.#clock.now();
    // Asked for in this order, so that who sees the first one knows that the second one follows.
    const holder = candidate.holdsStore ? this.#locks.request('holder') : null;
    const founder = this.#locks.requestFounder();
    let isElected = false;
    try {
      await unlessAborted(founder.granted, candidate.signal);
      isElected = await this.#decide(candidate, startedAtMs);
      throwIfAborted(candidate.signal);
      if (isElected) this.#founder = founder;
    } finally {
      holder?.release();
      if (this.#founder !== founder) founder.release();
    }
    if (!isElected) await pause(this.#clock, YIELD_MS, candidate.signal);
    return isElected ? 'founder' : 'again';
  }

  release(): void {
    this.#founder?.release();
    this.#founder = null;
  }

  close(): void {
    this.release();
  }

  /** Whether to found, now that this page alone may. */
  async #decide({ holdsStore, signal }: Candidate, startedAtMs: number): Promise<boolean> {
    // One look for both, because a joiner that becomes a member is never without a lock.
    if ((await this.#locks.others('member', 'joiner')).length > 0) return false;
    if (holdsStore) return true;
    const restMs = startedAtMs + this.#collectMs - this.#clock.now();
    if (restMs > 0) await pause(this.#clock, restMs, signal);
    const holders = await this.#locks.others('holder');
    return holders.length === 0;
  }
}
