import { TabringError } from '../kernel/errors.ts';
import type { Change, Durability, PeerId } from '../kernel/machine.ts';
import { isPromise, type PeerMessage } from '../peer/protocol.ts';
import { parseItem } from '../replication/item-table.ts';
import type { Placement } from '../replication/placement.ts';
import type { Clock } from './clock.ts';
import type { PeerStore } from './store/peer-store.ts';

/**
 * How soon a full store is asked again, if nobody wants to write before: room is made by people, who
 * then wait for us. Each time costs reading it whole.
 */
const RETRY_MS = 1_000;
const RETRY_MS_MAX = 8_000;

/** What a full store may keep waiting in memory. A peer that has more begins anew without it. */
const PENDING_BYTES_MAX = 32 * 2 ** 20;
const PENDING_WRITES_MAX = 10_000;

/** Promises that wait for a full store: whoever they are for will ask again. */
const HELD_COUNT_MAX = 1_000;

export type WriteGateOptions = {
  readonly store: PeerStore;
  readonly clock: Clock;
  /** Null until the peer holds replicas. */
  placement(): Placement | null;
  send(to: PeerId, message: PeerMessage): void;
  count(name: string): void;
  /** The store is full: told at each attempt to write, until `onRoom`. */
  onFull(error: TabringError): void;
  onRoom(): void;
  /** The store is of no use to this run of the peer any more. */
  onLost(error: TabringError): void;
};

type Write = { readonly ticket: number; readonly changes: readonly Change[] };
type Held = { readonly ticket: number; readonly to: PeerId; readonly message: PeerMessage };

/**
 * A peer's writes, and what must not be said before they are durable.
 *
 * Invariants:
 * 1. A promise leaves only when every write issued before it is durable. While the store is full
 *    the peer says of its replicas only what is true without the refused writes.
 * 2. What is durable is a prefix of what was issued, whatever the store does: after a refusal nothing
 *    is written but all of the rest, in order.
 */
export class WriteGate {
  readonly #options: WriteGateOptions;
  /** Issued and not known to be durable, oldest first. */
  #pending: Write[] = [];
  #held: Held[] = [];
  #issuedCount = 0;
  #durableCount = 0;
  /** Why the store takes nothing; null while it does. */
  #refusal: TabringError | null = null;
  /** Slots with items that are only in memory, and about how many bytes these are. */
  readonly #refusedSlots = new Set<number>();
  #refusedBytes = 0;
  #retryMs = RETRY_MS;
  #isRetrying = false;
  #cancelRetry: () => void = () => undefined;
  #isStopped = false;

  constructor(options: WriteGateOptions) {
    this.#options = options;
  }

  write(changes: readonly Change[], durability: Durability): void {
    const write: Write = { ticket: ++this.#issuedCount, changes };
    this.#pending.push(write);
    if (!this.#refusal) return this.#issue(write, durability);
    this.#note(write);
    void this.#retry(); // There may be room by now, and somebody is waiting.
  }

  /** Sends the message, now or when what it promises is durable. */
  send(to: PeerId, message: PeerMessage): void {
    const isDue = !isPromise(message) || this.#durableCount === this.#issuedCount;
    if (isDue || (this.#refusal && this.#isTrueAnyway(message))) {
      return this.#options.send(to, message);
    }
    this.#held.push({ ticket: this.#issuedCount, to, message });
    if (!this.#refusal || this.#held.length <= HELD_COUNT_MAX) return;
    this.#held.shift();
    this.#options.count('store.silent');
  }

  stop(): void {
    this.#isStopped = true;
    this.#cancelRetry();
    this.#pending = [];
    this.#held = [];
  }

  #issue({ ticket, changes }: Write, durability: Durability): void {
    this.#options.store.write(changes, durability).then(
      () => this.#onDurable(ticket),
      (thrown: unknown) => this.#onFailed(thrown),
    );
  }

  /** Writes complete in the order in which they were issued. */
  #onDurable(ticket: number): void {
    // After a refusal this one is written once more, behind those that were refused.
    if (this.#isStopped || this.#refusal) return;
    this.#durableCount = ticket;
    this.#pending = this.#pending.filter(write => write.ticket > ticket);
    this.#release(held => held.ticket <= ticket);
  }

  #onFailed(thrown: unknown): void {
    if (this.#isStopped || this.#refusal) return; // The first failure speaks for those behind it.
    const error = asStoreError(thrown);
    if (error.code !== 'store-full') return this.#options.onLost(error);
    this.#refusal = error;
    this.#retryMs = RETRY_MS;
    for (const write of this.#pending) this.#note(write);
    this.#release(({ message }) => this.#isTrueAnyway(message));
    this.#tellFull(error);
  }

  #note({ changes }: Write): void {
    const placement = this.#options.placement();
    for (const { table, key, value } of changes) {
      if (table !== 'items' || !placement) continue;
      this.#refusedSlots.add(placement.slotOf(key));
      this.#refusedBytes += parseItem(value)?.value?.length ?? 0;
    }
    this.#options.count('store.refused');
  }

  #tellFull(error: TabringError): void {
    const isTooMuch =
      this.#refusedBytes > PENDING_BYTES_MAX || this.#pending.length > PENDING_WRITES_MAX;
    if (isTooMuch) return this.#options.onLost(error);
    this.#options.onFull(error);
    this.#cancelRetry = this.#options.clock.after(this.#retryMs, () => void this.#retry());
    this.#retryMs = Math.min(this.#retryMs * 2, RETRY_MS_MAX);
  }

  /** Takes the store over again, as it wants to be after a failure, and writes what is missing. */
  async #retry(): Promise<void> {
    if (this.#isRetrying) return;
    this.#isRetrying = true;
    this.#cancelRetry();
    const { store, onLost, onRoom } = this.#options;
    const ticket = this.#issuedCount;
    const changes = this.#pending.flatMap(write => write.changes);
    try {
      if (!(await store.isCurrent())) throw new TabringError('superseded', 'another tab has it');
      await store.open();
      await store.write(changes, 'strict');
    } catch (thrown) {
      this.#isRetrying = false;
      if (this.#isStopped) return;
      const error = asStoreError(thrown);
      return error.code === 'store-full' ? this.#tellFull(error) : onLost(error);
    }
    this.#isRetrying = false;
    if (this.#isStopped) return;
    this.#refusal = null;
    this.#refusedSlots.clear();
    this.#refusedBytes = 0;
    onRoom();
    // Refused while the others were being written. Before anything is said: that may bring more.
    for (const write of this.#pending) if (write.ticket > ticket) this.#issue(write, 'strict');
    this.#onDurable(ticket);
  }

  #release(isDue: (held: Held) => boolean): void {
    const due = this.#held.filter(isDue);
    this.#held = this.#held.filter(held => !due.includes(held));
    for (const { to, message } of due) this.#options.send(to, message);
  }

  /** Whether a promise does not depend on a refused write. */
  #isTrueAnyway(message: PeerMessage): boolean {
    if (message.type === 'replica.offer') return true;
    if (message.type !== 'route.answer') return false;
    const placement = this.#options.placement();
    switch (message.payload.type) {
      case 'replica.readOk':
      case 'replica.writeOk':
        return !placement || !this.#refusedSlots.has(placement.slotOfCell(message.payload.cell));
      // Copies: whoever takes them makes them durable, and may have what is only in memory here.
      case 'replica.pullOk':
      case 'replica.compareOk':
        return true;
      default:
        return false;
    }
  }
}

function asStoreError(thrown: unknown): TabringError {
  if (thrown instanceof TabringError) return thrown;
  return new TabringError('store-failed', 'the store failed', { cause: thrown });
}
