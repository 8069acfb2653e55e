import { cutIntoFrames, Reassembler, type Frame } from './framing.ts';
import { MESSAGE_BYTES_MAX, QUEUE_BYTES_MAX, type Link, type LinkEnd } from './link.ts';

/**
 * An ordered, reliable channel of small frames: all that a `FramedLink` wants of a connection. Its
 * owner sets the three handlers once, before anything can arrive.
 */
export interface FramePort {
  /** Bytes given to `send` that have not left this page yet. */
  readonly bufferedAmount: number;

  /** Called with whatever arrives; only an `ArrayBuffer` can be a frame. */
  onFrame: ((data: unknown) => void) | null;

  /** Called when `bufferedAmount` has fallen to what `drainAt` last asked for. */
  onDrain: (() => void) | null;

  /** Called when the port is closed by others or breaks; not after `close`. */
  onClose: ((end: LinkEnd) => void) | null;

  drainAt(bufferedBytes: number): void;

  /** Returns false when the port takes nothing more, for good; it may say why first. Never throws. */
  send(frame: Frame): boolean;

  close(): void;
}

/**
 * How deep the channel's own buffer is filled. Measured: a fresh channel moves its first 16 MiB at
 * 15–35 MiB/s through 64 KiB and at 4 through 1 MiB (a deep first burst is lost and sent again). A
 * warm one moves bulk by half faster through 256 KiB, and twice as many small messages; with more
 * it gains nothing.
 */
const FRESH_BUFFER_BYTES = 64 * 1024;
const WARM_BUFFER_BYTES = 256 * 1024;
const WARM_AFTER_BYTES = 16 * 2 ** 20;

/** Bounds the memory of very many very small messages, each of which costs an object. */
const QUEUE_FRAMES_MAX = 64 * 1024;

/** The same for messages that nobody listens to yet. */
const INBOX_MESSAGES_MAX = 16 * 1024;

/** Sent frames are removed from the queue when it is empty, or this many at a time. */
const QUEUE_TRIM_FRAMES = 1024;

/**
 * The one `Link` there is: messages over any `FramePort`, cut, put together and held back.
 *
 * Messages keep their order strictly: a small one never overtakes a large one sent before it, for
 * which it may have to wait (1 MiB takes some 50 ms on a fresh channel). Overtaking would gain that
 * and cost every layer above the only promise that it has about order.
 *
 * Invariants:
 * 1. Frames go to the port in the order of their messages, each message in whole.
 * 2. Waiting frames and the port's buffer together stay within `QUEUE_BYTES_MAX` (but for the last
 *    message's headers); so do messages that wait for `onMessage`.
 * 3. `onEnd` is called once, never from within a call of this class, and after every message that
 *    came before the end; after `close` no message comes at all.
 */
export class FramedLink implements Link {
  readonly kind: Link['kind'];
  readonly #port: FramePort;
  readonly #reassembler = new Reassembler();
  #state: 'open' | 'ending' | 'ended' = 'open';
  #end: LinkEnd = 'closed';

  #queue: Frame[] = [];
  #queueStart = 0;
  #queueBytes = 0;
  #messageNumber = 0;
  #sentBytes = 0;
  #bufferBytes = FRESH_BUFFER_BYTES;

  #onMessage: ((message: Uint8Array) => void) | null = null;
  #onEnd: ((end: LinkEnd) => void) | null = null;
  #inbox: Uint8Array[] = [];
  #inboxBytes = 0;
  #isDeliveryDue = false;
  #droppedCount = 0;

  /** Takes the port over: nobody else may use it afterwards. */
  constructor(kind: Link['kind'], port: FramePort) {
    this.kind = kind;
    this.#port = port;
    port.onFrame = data => this.#onFrame(data);
    port.onDrain = () => this.#pump();
    port.onClose = end => this.#finish(end);
    port.drainAt(this.#bufferBytes / 2);
  }

  get onMessage(): ((message: Uint8Array) => void) | null {
    return this.#onMessage;
  }

  set onMessage(handler: ((message: Uint8Array) => void) | null) {
    this.#onMessage = handler;
    this.#deliverSoon();
  }

  get onEnd(): ((end: LinkEnd) => void) | null {
    return this.#onEnd;
  }

  set onEnd(handler: ((end: LinkEnd) => void) | null) {
    this.#onEnd = handler;
    this.#deliverSoon();
  }

  get queuedBytes(): number {
    return this.#state === 'open' ? this.#queueBytes + this.#port.bufferedAmount : 0;
  }

  get malformedCount(): number {
    return this.#reassembler.malformedCount + this.#droppedCount;
  }

  send(message: Uint8Array): boolean {
    if (this.#state !== 'open') return false;
    if (message.length === 0 || message.length > MESSAGE_BYTES_MAX) return false;
    if (this.queuedBytes + message.length > QUEUE_BYTES_MAX) return false;
    if (this.#queue.length - this.#queueStart > QUEUE_FRAMES_MAX) return false;
    // Cut at once: the caller may use its buffer for something else as soon as this returns.
    for (const frame of cutIntoFrames(message, this.#messageNumber++)) {
      this.#queue.push(frame);
      this.#queueBytes += frame.length;
    }
    this.#pump();
    // The port may have turned out to be closed only now.
    return this.#isOpen();
  }

  close(): void {
    if (this.#state !== 'open') return;
    this.#inbox = [];
    this.#port.close();
    this.#finish('closed');
  }

  #isOpen(): boolean {
    return this.#state === 'open';
  }

  #pump(): void {
    while (this.#state === 'open' && this.#port.bufferedAmount < this.#bufferBytes) {
      const frame = this.#queue[this.#queueStart];
      if (frame === undefined) break;
      if (!this.#port.send(frame)) {
        this.#finish('failed'); // Unless the port has just said something more precise.
        return this.#port.close();
      }
      this.#queueStart++;
      this.#queueBytes -= frame.length;
      this.#sentBytes += frame.length;
      this.#deepenOnceWarm();
    }
    this.#trimQueue();
  }

  /** Frees what was sent; removing frames one by one would move all the others each time. */
  #trimQueue(): void {
    if (this.#queueStart < QUEUE_TRIM_FRAMES && this.#queueStart < this.#queue.length) return;
    this.#queue.splice(0, this.#queueStart);
    this.#queueStart = 0;
  }

  /** In the middle of filling: `onDrain` comes only from a buffer that was above its new mark. */
  #deepenOnceWarm(): void {
    if (this.#bufferBytes === WARM_BUFFER_BYTES || this.#sentBytes < WARM_AFTER_BYTES) return;
    this.#bufferBytes = WARM_BUFFER_BYTES;
    this.#port.drainAt(this.#bufferBytes / 2);
  }

  #onFrame(data: unknown): void {
    if (this.#state !== 'open') return; // Nobody is to hear of it any more.
    if (!(data instanceof ArrayBuffer)) {
      this.#droppedCount++; // Text or a blob: not from a link like this one.
      return;
    }
    const message = this.#reassembler.take(new Uint8Array(data));
    if (message === null) return;
    if (this.#onMessage !== null && this.#inbox.length === 0) return this.#onMessage(message);
    this.#keep(message);
  }

  #keep(message: Uint8Array): void {
    const isFull = this.#inboxBytes + message.length > QUEUE_BYTES_MAX;
    if (isFull || this.#inbox.length === INBOX_MESSAGES_MAX) {
      this.#droppedCount++; // A page that does not listen loses the newest, and sees it counted.
      return;
    }
    this.#inbox.push(message);
    this.#inboxBytes += message.length;
    this.#deliverSoon();
  }

  #finish(end: LinkEnd): void {
    if (this.#state !== 'open') return;
    this.#state = 'ending';
    this.#end = end;
    this.#queue = [];
    this.#deliverSoon();
  }

  #deliverSoon(): void {
    if (this.#isDeliveryDue) return;
    this.#isDeliveryDue = true;
    queueMicrotask(() => {
      this.#isDeliveryDue = false;
      this.#deliver();
    });
  }

  #deliver(): void {
    const message = this.#onMessage === null ? undefined : this.#inbox.shift();
    if (message !== undefined) {
      this.#inboxBytes -= message.length;
      this.#deliverSoon(); // First, so that a handler that throws does not cost the rest.
      this.#onMessage?.(message);
    } else if (this.#state === 'ending' && this.#onEnd !== null) {
      this.#state = 'ended';
      this.#inbox = []; // Nothing is delivered after the end.
      this.#onEnd(this.#end);
    }
  }
}
