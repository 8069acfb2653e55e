import type { Outbox, PeerRef } from '../kernel/machine.ts';
import type { Cell } from './placement.ts';
import type { ReplicaRouter } from './replica-contract.ts';
import type { Item, ReplicaReadOk, ReplicaRequest, ReplicaRouted } from './replica-message.ts';
import type { ReplicaKeeper } from './replica-keeper.ts';
import { compareVersions, type Version } from './version.ts';

/** What becomes of an operation. `null` stands for a key that has no value. */
export type RegisterResult =
  | { readonly type: 'value'; readonly value: Uint8Array | null; readonly version: Version | null }
  | { readonly type: 'written'; readonly version: Version }
  | { readonly type: 'replicas'; readonly replicas: readonly (ReplicaReadOk | null)[] }
  /** Fewer than a majority answered; nothing was written. */
  | { readonly type: 'noMajority'; readonly answerCount: number; readonly neededCount: number }
  /** A write was sent, and a majority did not confirm it: it may take effect yet. */
  | { readonly type: 'unknown' };

export type OnResult = (result: RegisterResult) => void;

/** How soon a cell that could not answer yet is asked again. */
const RETRY_MS = 100;

/** Counters of writes whose outcome is unknown that are remembered one by one. */
const UNKNOWN_COUNT_MAX = 1_000;

type Out = Outbox<never, never>;

/**
 * A register per key over majorities of its replicas: multi-writer ABD (Attiya, Bar-Noy and Dolev
 * 1995; Lynch and Shvartsman 1997). A write takes the highest version of a majority and one more,
 * and is done when a majority has it; a read writes back what it returns unless a majority has it.
 * Linearizable as long as the owners asked are the owners that were written to.
 */
export class RegisterClient {
  readonly #self: () => PeerRef;
  readonly #keeper: ReplicaKeeper;
  readonly #router: ReplicaRouter;
  /** Writes of one key wait for each other: two must never choose the same version. */
  readonly #writing = new Map<string, (() => void)[]>();
  /** Counters that may have been used, of writes whose outcome is not known. */
  readonly #unknown = new Map<string, number>();
  #unknownFloor = 0;
  #retries: { readonly dueMs: number; readonly ask: () => void }[] = [];

  constructor(self: () => PeerRef, keeper: ReplicaKeeper, router: ReplicaRouter) {
    this.#self = self;
    this.#keeper = keeper;
    this.#router = router;
  }

  get(key: string, timeoutMs: number, onResult: OnResult, out: Out): void {
    const deadlineMs = out.now + timeoutMs;
    this.#read(key, true, deadlineMs, out, (answers, highest) => {
      if (!highest) return onResult(this.#noMajority(answers));
      const { version } = highest;
      const isAgreed = answers.every(answer => compareVersions(answer.version, version) === 0);
      if (!version) return onResult({ type: 'value', value: null, version });
      this.#withValue(key, highest, deadlineMs, out, item => {
        if (!item) return onResult(this.#noMajority(answers));
        const done = () => onResult({ type: 'value', value: item.value, version: item.version });
        const isSame = compareVersions(item.version, version) === 0;
        if (isAgreed && isSame) return done();
        this.#store(item, deadlineMs, out, isStored => {
          if (isStored) done();
          else onResult(this.#noMajority(answers));
        });
      });
    });
  }

  /** Without a value it is a deletion. */
  put(
    key: string,
    value: Uint8Array | null,
    timeoutMs: number,
    onResult: OnResult,
    out: Out,
  ): void {
    const deadlineMs = out.now + timeoutMs;
    const start = () =>
      this.#write(key, value, deadlineMs, out, result => {
        onResult(result);
        const next = this.#writing.get(key)?.shift();
        if (next) next();
        else this.#writing.delete(key);
      });
    const waiting = this.#writing.get(key);
    if (waiting) return void waiting.push(start);
    this.#writing.set(key, []);
    start();
  }

  /** What this peer has, or anyone who has something: may be old. */
  getLocal(key: string, timeoutMs: number, onResult: OnResult, out: Out): void {
    const { placement, items } = this.#keeper;
    const cells = placement.cellsOf(placement.slotOf(key));
    if (cells.some(cell => this.#keeper.state(cell) === 'active')) {
      const item = items.get(key);
      return onResult({
        type: 'value',
        value: item?.value ?? null,
        version: item?.version ?? null,
      });
    }
    const ask = (cell: Cell): ReplicaRequest => ({
      type: 'replica.read',
      cell,
      key,
      wantsValue: true,
    });
    this.#quorum(cells, 1, ask, out.now + timeoutMs, out, answers => {
      const answer = answers[0];
      if (answer?.type !== 'replica.readOk') return onResult(this.#noMajority([]));
      onResult({ type: 'value', value: answer.value, version: answer.version });
    });
  }

  /** What each replica says of the key. */
  inspect(key: string, timeoutMs: number, onResult: OnResult): void {
    const { placement } = this.#keeper;
    const cells = placement.cellsOf(placement.slotOf(key));
    const replicas: (ReplicaReadOk | null)[] = cells.map(() => null);
    let openCount = cells.length;
    cells.forEach((cell, replica) => {
      this.#router.request(
        placement.anchor(cell),
        { type: 'replica.read', cell, key, wantsValue: false },
        { timeoutMs },
        answer => {
          if (answer?.type === 'replica.readOk') replicas[replica] = answer;
          openCount -= 1;
          if (openCount === 0) onResult({ type: 'replicas', replicas });
        },
      );
    });
  }

  onTimer(out: Out): void {
    const due = this.#retries.filter(({ dueMs }) => dueMs <= out.now);
    this.#retries = this.#retries.filter(({ dueMs }) => dueMs > out.now);
    for (const { ask } of due) ask();
    this.#setTimer(out);
  }

  #setTimer(out: Out): void {
    const next = this.#retries[0]; // All wait equally long: the first in is the first due.
    if (next) out.setTimer('register.retry', Math.max(0, next.dueMs - out.now));
  }

  #write(
    key: string,
    value: Uint8Array | null,
    deadlineMs: number,
    out: Out,
    onResult: OnResult,
  ): void {
    if (deadlineMs <= out.now) return onResult(this.#noMajority([])); // It waited too long.
    this.#read(key, false, deadlineMs, out, (answers, highest) => {
      if (!highest) return onResult(this.#noMajority(answers));
      const used = this.#unknown.get(key) ?? this.#unknownFloor;
      const counter = Math.max(highest.version?.counter ?? 0, used) + 1;
      const { peer: writer, incarnation } = this.#self();
      const version: Version = { counter, writer, incarnation };
      this.#store({ key, version, value }, deadlineMs, out, isStored => {
        if (isStored) {
          this.#unknown.delete(key);
          return onResult({ type: 'written', version });
        }
        this.#remember(key, counter);
        onResult({ type: 'unknown' });
      });
    });
  }

  #remember(key: string, counter: number): void {
    this.#unknown.set(key, counter);
    if (this.#unknown.size <= UNKNOWN_COUNT_MAX) return;
    this.#unknownFloor = Math.max(this.#unknownFloor, ...this.#unknown.values());
    this.#unknown.clear();
  }

  #noMajority(answers: readonly unknown[]): RegisterResult {
    return {
      type: 'noMajority',
      answerCount: answers.length,
      neededCount: this.#keeper.placement.majority,
    };
  }

  /** Asks a majority for its versions, and one replica, our own if there is one, for the value. */
  #read(
    key: string,
    wantsValue: boolean,
    deadlineMs: number,
    out: Out,
    onDone: (answers: readonly ReplicaReadOk[], highest: ReplicaReadOk | null) => void,
  ): void {
    const { placement } = this.#keeper;
    const cells = placement.cellsOf(placement.slotOf(key));
    const own = cells.find(cell => this.#keeper.state(cell) === 'active');
    const valued = own ?? cells[Math.floor(out.random() * cells.length)];
    const ask = (cell: Cell): ReplicaRequest => ({
      type: 'replica.read',
      cell,
      key,
      wantsValue: wantsValue && cell === valued,
    });
    this.#quorum(cells, placement.majority, ask, deadlineMs, out, routed => {
      const answers = routed.filter(answer => answer.type === 'replica.readOk');
      if (answers.length < placement.majority) return onDone(answers, null);
      // Among equals the one that was asked for the value.
      let highest: ReplicaReadOk | null = null;
      for (const answer of answers) {
        const order = compareVersions(answer.version, highest?.version ?? null);
        if (!highest || order > 0 || (order === 0 && answer.cell === valued)) highest = answer;
      }
      onDone(answers, highest);
    });
  }

  /** The item of `highest`: it may have answered without the value. */
  #withValue(
    key: string,
    highest: ReplicaReadOk,
    deadlineMs: number,
    out: Out,
    onItem: (item: Item | null) => void,
  ): void {
    const { version, value, cell, hasValue } = highest;
    if (version && (value || !hasValue)) return onItem({ key, version, value });
    const ask = (): ReplicaRequest => ({ type: 'replica.read', cell, key, wantsValue: true });
    this.#quorum([cell], 1, ask, deadlineMs, out, ([answer]) => {
      if (answer?.type !== 'replica.readOk' || !answer.version) return onItem(null);
      onItem({ key, version: answer.version, value: answer.value });
    });
  }

  #store(item: Item, deadlineMs: number, out: Out, onDone: (isStored: boolean) => void): void {
    const { placement } = this.#keeper;
    const cells = placement.cellsOf(placement.slotOf(item.key));
    const ask = (cell: Cell): ReplicaRequest => ({ type: 'replica.write', cell, item });
    this.#quorum(cells, placement.majority, ask, deadlineMs, out, answers => {
      onDone(answers.length >= placement.majority);
    });
  }

  /** Asks all cells; done when so many have answered, or with fewer when the time is up. */
  #quorum(
    cells: readonly Cell[],
    neededCount: number,
    request: (cell: Cell) => ReplicaRequest,
    deadlineMs: number,
    out: Out,
    onDone: (answers: readonly ReplicaRouted[]) => void,
  ): void {
    const answers = new Map<Cell, ReplicaRouted>();
    let openCount = cells.length;
    let isDone = false;
    const finish = () => {
      isDone = true;
      onDone([...answers.values()]);
    };
    const ask = (cell: Cell): void => {
      if (isDone) return;
      const timeoutMs = deadlineMs - out.now;
      const onAnswer = (answer: ReplicaRouted | null): void => {
        if (isDone) return;
        if (answer && !isPromise(answer) && out.now + RETRY_MS < deadlineMs) {
          this.#retries.push({ dueMs: out.now + RETRY_MS, ask: () => ask(cell) });
          return this.#setTimer(out);
        }
        openCount -= 1;
        if (answer && isPromise(answer)) answers.set(cell, answer);
        if (answers.size >= neededCount || openCount === 0) finish();
      };
      const anchor = this.#keeper.placement.anchor(cell);
      this.#router.request(anchor, request(cell), { timeoutMs }, onAnswer);
    };
    for (const cell of cells) ask(cell);
  }
}

/** Whether an answer counts: a learning cell's does not. */
function isPromise(answer: ReplicaRouted): boolean {
  return (
    answer.type === 'replica.writeOk' ||
    (answer.type === 'replica.readOk' && answer.state === 'active')
  );
}
