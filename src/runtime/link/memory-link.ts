import { FramedLink, type FramePort } from './framed-link.ts';
import type { Frame } from './framing.ts';
import type { Link, LinkEnd } from './link.ts';

/**
 * Two links that are each other's other end, within one page: for tests, and for two peers in one
 * page. They frame, queue and hold back exactly as links between pages do. Delivery is a task of
 * its own for every batch, so that two peers that answer each other cannot starve the page's timers.
 */
export function createMemoryLinks(): [Link, Link] {
  const [portA, portB] = createMemoryPorts();
  return [new FramedLink('memory', portA), new FramedLink('memory', portB)];
}

/** The bare ports of such a pair, for tests that put something else than links on them. */
export function createMemoryPorts(): [MemoryPort, MemoryPort] {
  const portA = new MemoryPort();
  const portB = new MemoryPort();
  portA.connect(portB);
  portB.connect(portA);
  return [portA, portB];
}

/** One end of a channel in memory: ordered, reliable, and as asynchronous as a real one. */
export class MemoryPort implements FramePort {
  onFrame: ((data: unknown) => void) | null = null;
  onDrain: (() => void) | null = null;
  onClose: ((end: LinkEnd) => void) | null = null;

  /** While true, what this port sent stays in its buffer: a receiver that does not keep up. */
  #isStalled = false;
  #isOpen = true;
  #other: MemoryPort | null = null;
  #outbox: unknown[] = [];
  #bufferedAmount = 0;
  #drainBytes = 0;
  #isDeliveryDue = false;

  get bufferedAmount(): number {
    return this.#bufferedAmount;
  }

  connect(other: MemoryPort): void {
    this.#other = other;
  }

  drainAt(bufferedBytes: number): void {
    this.#drainBytes = bufferedBytes;
  }

  send(frame: Frame): boolean {
    return this.sendRaw(frame.slice().buffer);
  }

  /** Sends anything at all, for tests: the other side has to cope. */
  sendRaw(data: unknown): boolean {
    if (!this.#isOpen) return false;
    this.#outbox.push(data);
    this.#bufferedAmount += sizeOf(data);
    this.#deliverSoon();
    return true;
  }

  setStalled(isStalled: boolean): void {
    this.#isStalled = isStalled;
    this.#deliverSoon();
  }

  /** Ends both sides as `failed`, as a lost connection does. */
  break(): void {
    this.#finish('failed');
    if (this.#other !== null) this.#other.#finish('failed');
  }

  close(): void {
    if (!this.#isOpen) return;
    this.#isOpen = false;
    // What was sent before still arrives, and the other side hears of the end after it.
    this.#isStalled = false;
    this.#deliverSoon();
  }

  #deliverSoon(): void {
    if (this.#isDeliveryDue || this.#isStalled) return;
    this.#isDeliveryDue = true;
    runAsTask(() => {
      this.#isDeliveryDue = false;
      if (!this.#isStalled) this.#deliver();
    });
  }

  #deliver(): void {
    const other = this.#other;
    if (other === null) return;
    const wasAbove = this.#bufferedAmount > this.#drainBytes;
    const batch = this.#outbox;
    this.#outbox = [];
    let count = 0;
    try {
      for (const data of batch) {
        count++;
        this.#bufferedAmount -= sizeOf(data);
        other.onFrame?.(data);
      }
    } finally {
      // A handler that throws costs nobody the frames after it: each is an event of its own.
      this.#outbox.unshift(...batch.slice(count));
      if (this.#outbox.length > 0) this.#deliverSoon();
    }
    if (wasAbove && this.#isOpen) this.onDrain?.();
    if (!this.#isOpen) other.#finish('closed-by-peer');
  }

  #finish(end: LinkEnd): void {
    if (!this.#isOpen) return;
    this.#isOpen = false;
    this.#outbox = [];
    this.onClose?.(end);
  }
}

function sizeOf(data: unknown): number {
  return data instanceof ArrayBuffer ? data.byteLength : 1;
}

/** A task and not a microtask; unlike a timer's it comes at once, in a hidden page too. */
function runAsTask(task: () => void): void {
  const channel = new MessageChannel();
  channel.port1.onmessage = () => {
    channel.port1.close();
    task();
  };
  channel.port2.postMessage(null);
}
