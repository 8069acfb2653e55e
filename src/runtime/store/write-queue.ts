import type { TabringError } from '../../kernel/errors.ts';
import type { Change, Durability } from '../../kernel/machine.ts';

/** Bounds how long the first write of a group waits for the last: some tens of milliseconds. */
const GROUP_CHANGES_MAX = 1_000;

/** Makes all changes or none; durable when it resolves. Rejects with nothing but `TabringError`. */
export type Commit = (changes: readonly Change[], durability: Durability) => Promise<void>;

type PendingWrite = {
  readonly changes: readonly Change[];
  readonly durability: Durability;
  readonly resolve: () => void;
  readonly reject: (error: TabringError) => void;
};

/**
 * Group commit: writes issued while a transaction is under way share the next one, strict if any
 * of them is. A disk that is slow to confirm then costs each write its time once or twice, however
 * many there are.
 *
 * Invariant: what is durable is at any time a prefix of what was issued. So the first failure is the
 * last commit: every write behind it, then and later, is rejected with the same error. Its changes
 * were computed by somebody who took the failed ones for granted.
 */
export class WriteQueue {
  readonly #commit: Commit;
  #pending: PendingWrite[] = [];
  #failure: TabringError | null = null;
  #running: Promise<void> | null = null;

  constructor(commit: Commit) {
    this.#commit = commit;
  }

  /** Why nothing is written any more. */
  get failure(): TabringError | null {
    return this.#failure;
  }

  write(changes: readonly Change[], durability: Durability): Promise<void> {
    if (this.#failure !== null) return Promise.reject(this.#failure);
    return new Promise((resolve, reject) => {
      this.#pending.push({ changes, durability, resolve, reject });
      this.#running ??= this.#run();
    });
  }

  /** Resolves when no write is under way, whatever became of the last. */
  async drain(): Promise<void> {
    while (this.#running !== null) await this.#running;
  }

  /** Rejects what waits, and all that follows. Only the first reason counts. */
  fail(error: TabringError): void {
    this.#failure ??= error;
    for (const { reject } of this.#pending.splice(0)) reject(this.#failure);
  }

  async #run(): Promise<void> {
    while (this.#pending.length > 0) {
      const group = this.#takeGroup();
      try {
        const isStrict = group.some(({ durability }) => durability === 'strict');
        const changes = group.flatMap(write => write.changes);
        await this.#commit(changes, isStrict ? 'strict' : 'relaxed');
        for (const { resolve } of group) resolve();
      } catch (error) {
        const reason = error as TabringError; // A `Commit` rejects with nothing else.
        for (const { reject } of group) reject(reason);
        this.fail(reason);
      }
    }
    this.#running = null;
  }

  /** As many writes as fit a group, or one that is larger all by itself. */
  #takeGroup(): PendingWrite[] {
    let changeCount = 0;
    const end = this.#pending.findIndex(({ changes }, index) => {
      changeCount += changes.length;
      return index > 0 && changeCount > GROUP_CHANGES_MAX;
    });
    return this.#pending.splice(0, end === -1 ? this.#pending.length : end);
  }
}
