import SimplePeer, { type SimplePeerError } from 'simple-peer/simplepeer.min.js';
import { TabringError } from '../../kernel/errors.ts';
import { ChannelPort } from './channel-port.ts';
import { FramedLink } from './framed-link.ts';
import type { Link, LinkEnd, LinkNegotiation, LinkNegotiationOptions } from './link.ts';
import { formatSignal, parseSignal, type Signal } from './signal.ts';

/** Two hosts with a dozen addresses each stay far below; more is somebody's mistake. */
const SIGNAL_COUNT_MAX = 256;

/**
 * Both sides make the channel themselves, under the same number: it opens a step earlier than one
 * that is announced in-band, and the other side has no say in whether it is ordered and reliable.
 */
const CHANNEL_CONFIG: RTCDataChannelInit = { negotiated: true, id: 0, ordered: true };

/** How simple-peer names the ways in which a connection breaks, as opposed to being closed. */
const BREAK_CODES = new Set(['ERR_CONNECTION_FAILURE', 'ERR_ICE_CONNECTION_FAILURE']);

/**
 * Opens a link to another page by exchanging signals with it over anything that carries text.
 * The signals may arrive in any order, late and more than once. This is the only file that knows
 * simple-peer.
 */
export function negotiateSimplePeer(options: LinkNegotiationOptions): LinkNegotiation {
  return new SimplePeerNegotiation(options);
}

/**
 * Invariants:
 * 1. `link` is settled exactly once, after `timeoutMs` at the latest.
 * 2. Unless it is fulfilled the connection is closed; then it lives as long as the link.
 * 3. Nothing that `signal` is given throws, or reaches simple-peer unless it is well-formed and
 *    what this side expects: simple-peer destroys the connection, or throws, on anything else.
 */
class SimplePeerNegotiation implements LinkNegotiation {
  readonly link: Promise<Link>;
  readonly #options: LinkNegotiationOptions;
  readonly #peer: SimplePeer | null;
  #port: ChannelPort | null = null;
  #state: 'negotiating' | 'open' | 'ended' = 'negotiating';
  #signalCount = 0;
  #hasDescription = false;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #resolve: (link: Link) => void = () => {};
  #reject: (error: TabringError) => void = () => {};

  constructor(options: LinkNegotiationOptions) {
    this.#options = options;
    this.link = new Promise<Link>((resolve, reject) => {
      this.#resolve = resolve;
      this.#reject = reject;
    });
    // Whoever cancels need not wait for the link as well; nobody else can miss the rejection.
    this.link.catch(() => {});
    this.#timer = setTimeout(() => this.#fail(timeoutText(options.timeoutMs)), options.timeoutMs);
    this.#peer = this.#connect();
  }

  signal(data: string): void {
    if (this.#state === 'ended') return;
    const signal = this.#signalCount++ < SIGNAL_COUNT_MAX ? parseSignal(data) : null;
    if (this.#state === 'open') return this.#onLateSignal(signal);
    if (signal === null) return this.#fail('the other side sent something that is no signal');
    if (signal.type !== 'candidate') {
      if (this.#hasDescription) return; // The same once more, or forged: the first one counts.
      if ((signal.type === 'answer') !== this.#options.isInitiator) {
        return this.#fail('both sides of the negotiation took the same role');
      }
      this.#hasDescription = true;
    }
    this.#pass(signal);
  }

  cancel(): void {
    if (this.#state !== 'negotiating') return;
    this.#end(new TabringError('aborted', 'the negotiation of a link was cancelled'));
  }

  #connect(): SimplePeer | null {
    const { isInitiator, iceServers } = this.#options;
    try {
      const config = { iceServers: [...iceServers] }; // Without it simple-peer asks public servers.
      const peer = new SimplePeer({
        initiator: isInitiator,
        config,
        channelConfig: CHANNEL_CONFIG,
      });
      peer.on('error', error => this.#onError(error));
      peer.on('close', () => this.#onEnd('closed-by-peer'));
      peer.on('signal', signal => this.#onLocalSignal(signal));
      if (peer._channel) this.#listen(peer, peer._channel);
      if (peer._pc) refuseFurtherChannels(peer._pc);
      if (isInitiator) offerAtOnce(peer);
      return peer;
    } catch (cause) {
      this.#fail('this browser has no WebRTC, or it is turned off', cause);
      return null;
    }
  }

  #listen(peer: SimplePeer, channel: RTCDataChannel): void {
    channel.onmessage = null; // simple-peer would pile everything up in a stream nobody reads.
    const port = new ChannelPort(channel, () => peer.destroy());
    port.onClose = () => this.#fail('the connection closed before it was open');
    this.#port = port;
    // Not simple-peer's own `connect`: that one comes later, after asking for statistics.
    channel.addEventListener('open', () => this.#onOpen(port));
  }

  #onOpen(port: ChannelPort): void {
    if (this.#state !== 'negotiating') return;
    this.#state = 'open';
    clearTimeout(this.#timer);
    this.#resolve(new FramedLink('simple-peer', port));
  }

  #onLocalSignal(signal: unknown): void {
    if (this.#state === 'ended') return;
    const text = formatSignal(signal);
    if (text !== null) this.#options.onSignal(text);
  }

  #pass(signal: Signal): void {
    if (this.#peer === null || this.#peer.destroying || this.#peer.destroyed) return;
    try {
      this.#peer.signal(signal);
    } catch (cause) {
      this.#fail('the other side sent a signal that the browser refused', cause);
    }
  }

  /** An open link has nothing to lose any more: a further candidate may help, the rest is late. */
  #onLateSignal(signal: Signal | null): void {
    if (signal?.type !== 'candidate') return;
    const added = this.#peer?._pc?.addIceCandidate(signal.candidate);
    added?.catch(() => {}); // Past simple-peer, which would end the link if it was refused.
  }

  #onError(error: SimplePeerError): void {
    if (this.#state === 'open') return this.#onEnd(endOf(error));
    this.#fail(error.code === 'ERR_PC_CONSTRUCTOR' ? refusalText(error) : error.message, error);
  }

  #onEnd(end: LinkEnd): void {
    if (this.#state === 'negotiating') this.#fail('the connection closed before it was open');
    if (this.#state === 'open') this.#port?.end(end);
    this.#state = 'ended';
  }

  #fail(reason: string, cause?: unknown): void {
    if (this.#state !== 'negotiating') return;
    this.#end(new TabringError('unreachable', `no link could be opened: ${reason}`, { cause }));
  }

  #end(error: TabringError): void {
    this.#state = 'ended';
    clearTimeout(this.#timer);
    this.#peer?.destroy();
    this.#reject(error);
  }
}

/**
 * simple-peer delays the offer with a timer, for a crash in browsers of ten years ago. A hidden page
 * gets its timers once a second, and most tabs of a ring are hidden: measured, the first link of
 * such a page took 1,010 ms to open, and takes 20 without the timer.
 */
function offerAtOnce(peer: SimplePeer): void {
  peer.negotiate = () => {
    if (peer.destroying || peer.destroyed || peer._isNegotiating) return;
    peer._isNegotiating = true;
    peer._createOffer();
  };
}

/** The other side can announce channels of its own; nobody would ever read them. */
function refuseFurtherChannels(connection: RTCPeerConnection): void {
  connection.addEventListener('datachannel', event => event.channel.close());
}

function endOf(error: SimplePeerError): LinkEnd {
  return BREAK_CODES.has(error.code ?? '') ? 'failed' : 'closed-by-peer';
}

function timeoutText(timeoutMs: number): string {
  return (
    `the other side was not reached within ${timeoutMs} ms; ` +
    'pages on different networks may need a TURN server (iceServers)'
  );
}

/** Browsers allow some 500 connections a page, and closed ones count until they are collected. */
function refusalText(error: Error): string {
  return (
    `the browser refused to make another connection (${error.message}); a page has about 500, ` +
    'closed ones count for half a minute or longer, and each must have valid iceServers'
  );
}
