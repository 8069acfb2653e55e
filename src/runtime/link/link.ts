/** Why a link ended: the other side said so, this side did, or it broke. */
export type LinkEnd = 'closed-by-peer' | 'closed' | 'failed';

/**
 * An ordered, reliable pipe of whole messages to another page. It fragments, reassembles and holds
 * back by itself; which kind of connection carries it is nobody else's concern.
 */
export interface Link {
  readonly kind: 'peerjs' | 'simple-peer' | 'memory';

  /** Called once for each whole message, in order. Messages that come before it is set wait. */
  onMessage: ((message: Uint8Array) => void) | null;

  /** Called exactly once, however the link ends. */
  onEnd: ((end: LinkEnd) => void) | null;

  /** Bytes accepted by `send` that have not left this page's buffers yet. */
  readonly queuedBytes: number;

  /** Frames and messages dropped because they were malformed or over a limit. */
  readonly malformedCount: number;

  /**
   * Queues one message of 1 … `MESSAGE_BYTES_MAX` bytes and returns true; false, and nothing
   * queued, when the link has ended or its queue is over `QUEUE_BYTES_MAX`. Never throws.
   */
  send(message: Uint8Array): boolean;

  /** Ends the link; what is queued may be lost. Calling it again does nothing. */
  close(): void;
}

/** The largest message: a value of 1 MiB with its envelope, and room to spare. */
export const MESSAGE_BYTES_MAX = 2 * 2 ** 20;

/** A slow receiver may hold up this much; what comes on top is refused, not kept in memory. */
export const QUEUE_BYTES_MAX = 16 * 2 ** 20;

/**
 * A connection under negotiation. `signal` takes what the other side's `onSignal` gave, in any
 * order; anything malformed in it fails this negotiation and nothing else.
 */
export interface LinkNegotiation {
  /** Resolves when the link is open; rejects with `TabringError` `unreachable` or `aborted`. */
  readonly link: Promise<Link>;
  signal(data: string): void;
  cancel(): void;
}

export interface LinkNegotiationOptions {
  readonly isInitiator: boolean;
  readonly iceServers: readonly RTCIceServer[];
  readonly timeoutMs: number;
  /** Called with text for the other side's `signal`: at most `SIGNAL_CHARS_MAX` characters. */
  readonly onSignal: (data: string) => void;
}

/** A session description with a dozen candidates is about 4 KiB. */
export const SIGNAL_CHARS_MAX = 64 * 1024;
