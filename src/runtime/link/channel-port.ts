import type { FramePort } from './framed-link.ts';
import type { Frame } from './framing.ts';
import type { LinkEnd } from './link.ts';

/** What an SCTP association reports when the other side closed it on purpose (RFC 9260, 3.3.10). */
const SCTP_USER_INITIATED_ABORT = 12;

/**
 * A `FramePort` on an `RTCDataChannel`. It listens to the channel itself, past the library that made
 * the connection: both simple-peer and peerjs queue without bounds on the way (a stream that nobody
 * reads, an array behind a timer), tell nothing about it, and the first cannot even tell text from
 * bytes. The library keeps what it is good for: the negotiation and the life of the connection.
 */
export class ChannelPort implements FramePort {
  onFrame: ((data: unknown) => void) | null = null;
  onDrain: (() => void) | null = null;
  onClose: ((end: LinkEnd) => void) | null = null;

  readonly #channel: RTCDataChannel;
  readonly #closeConnection: () => void;
  readonly #listening = new AbortController();

  /** `closeConnection` is called once, when the port is closed by either side or breaks. */
  constructor(channel: RTCDataChannel, closeConnection: () => void) {
    this.#channel = channel;
    this.#closeConnection = closeConnection;
    channel.binaryType = 'arraybuffer';
    const { signal } = this.#listening;
    channel.addEventListener('message', event => this.onFrame?.(event.data), { signal });
    channel.addEventListener('bufferedamountlow', () => this.onDrain?.(), { signal });
    channel.addEventListener('error', event => this.end(endOf(event.error)), { signal });
    channel.addEventListener('close', () => this.end('closed-by-peer'), { signal });
  }

  get bufferedAmount(): number {
    return this.#channel.bufferedAmount;
  }

  drainAt(bufferedBytes: number): void {
    this.#channel.bufferedAmountLowThreshold = bufferedBytes;
  }

  send(frame: Frame): boolean {
    if (this.#channel.readyState !== 'open') {
      this.end('closed-by-peer'); // Our own `close` ends the link before it gets here.
      return false;
    }
    try {
      this.#channel.send(frame);
      return true;
    } catch {
      return false; // The channel's own queue is full or broken; the link then ends as failed.
    }
  }

  close(): void {
    if (this.#listening.signal.aborted) return;
    this.#listening.abort();
    this.#closeConnection();
  }

  /** For whoever watches the connection: it has ended, and this is why. Only the first counts. */
  end(end: LinkEnd): void {
    if (this.#listening.signal.aborted) return;
    this.close();
    this.onClose?.(end);
  }
}

/** Whether messages on this channel arrive in order and all of them: what a link is made of. */
export function isReliable(channel: RTCDataChannel): boolean {
  const { ordered, maxRetransmits, maxPacketLifeTime } = channel;
  return ordered && maxRetransmits === null && maxPacketLifeTime === null;
}

/** Not every browser says more than that there was an error. */
function endOf(error: RTCError | undefined): LinkEnd {
  return error?.sctpCauseCode === SCTP_USER_INITIATED_ABORT ? 'closed-by-peer' : 'failed';
}
