import type { DataConnection, Peer } from 'peerjs';
import { TabringError } from '../../kernel/errors.ts';
import type { Clock } from '../clock.ts';
import type { Link } from '../link/link.ts';
import { linkFromDataConnection, PEERJS_LINK_OPTIONS } from '../link/peerjs-link.ts';
import { newPageId } from './page-id.ts';
import { parsePeerServerMessage, type PeerServerMessage } from './peer-server-message.ts';
import type { SignalingAddress } from './signaling-address.ts';
import { aborted, deadline, pause, Signpost, throwIfAborted, unlessAborted } from './wait.ts';

export type ServerConnectionConfig = {
  /** From the start of one attempt to an open websocket. */
  readonly attemptMs: number;
  /** How long a caller waits while attempts fail quickly: a server that restarts needs a second. */
  readonly patienceMs: number;
  /** The wait between attempts doubles from the first to the second of these, give or take 25 %. */
  readonly retryMs: number;
  readonly retryMsMax: number;
  /** From offering a connection to an open link. */
  readonly linkMs: number;
  /** Newcomers whose links are being opened at once; further offers are dropped, and repeated. */
  readonly incomingCountMax: number;
  /** Between two signs of life, each of which the server answers before the next one is due. */
  readonly beatMs: number;
};

export const SERVER_CONNECTION_CONFIG: ServerConnectionConfig = {
  attemptMs: 3_500,
  patienceMs: 2_000,
  retryMs: 100,
  // With the variation 1.5 s, so that members are back before a new server names a founder.
  retryMsMax: 1_200,
  linkMs: 6_000,
  incomingCountMax: 32,
  beatMs: 20_000,
};

export type ServerConnectionOptions = {
  readonly address: SignalingAddress;
  readonly page: string;
  readonly clock: Clock;
  readonly config: ServerConnectionConfig;
  /**
   * Asks the server over HTTP who it is, and for ICE servers. Rejects with `TabringError`; more
   * precise when somebody is waiting to be told why.
   */
  readonly hello: (signal: AbortSignal, isAwaited: boolean) => Promise<unknown>;
  /** Whether a newcomer's offer is to be answered. */
  readonly mayAccept: () => boolean;
  /** The websocket is open, for the first time or again. */
  readonly onOpen: () => void;
  readonly onLost: () => void;
  /** A newcomer's link is open. */
  readonly onLink: (link: Link) => void;
};

/** Never: peerjs' own sign of life is throttled in hidden pages, and it hears no answer. */
const PEERJS_PING_MS = 2 ** 31 - 1;

type Attempt = { readonly peer: Peer; readonly opened: Signpost<void> };

/**
 * This page's websocket to the PeerServer, held open as long as anybody wants it: after a loss it
 * comes back by itself, under the same id. Links made through it outlive it.
 *
 * Each attempt asks over HTTP first: that tells a wrong address from an absent server, and browsers
 * slow down websockets of which many have failed.
 *
 * Invariants:
 * 1. One attempt or one open websocket at a time; none, and no timer, when nobody wants it.
 * 2. No message reaches peerjs that it did not ask for or that is out of shape.
 */
export class ServerConnection {
  readonly #options: ServerConnectionOptions;
  readonly #token = newPageId();
  readonly #closed = new AbortController();
  readonly #waiting = new Set<(error: TabringError | null) => void>();
  /** By id, what ends attempts to reach a page that is found not to be there. */
  readonly #calls = new Map<string, Set<AbortController>>();
  /** Read by peerjs for every connection it makes. */
  readonly #rtcConfig: RTCConfiguration = { iceServers: [] };
  #id: string;
  #peer: Peer | null = null;
  #attempt: Attempt | null = null;
  #lost: Signpost<void> | null = null;
  #unansweredBeats = 0;
  #isKept = false;
  #isRunning = false;
  #wake: AbortController | null = null;
  #incomingCount = 0;
  #malformedCount = 0;

  constructor(options: ServerConnectionOptions) {
    this.#options = options;
    this.#id = options.page;
    // The network is back, or the user is: no reason to wait any longer.
    const { signal } = this.#closed;
    globalThis.addEventListener?.('online', () => this.#wake?.abort(), { signal });
  }

  get id(): string {
    return this.#id;
  }

  /** Proves to the server that this page is the one that owns the id. */
  get token(): string {
    return this.#token;
  }

  get isOpen(): boolean {
    return this.#lost !== null;
  }

  /** Messages of the server that were out of shape, or that nobody had asked for. */
  get malformedCount(): number {
    return this.#malformedCount;
  }

  /** ICE servers for the connections to come. */
  set iceServers(iceServers: readonly RTCIceServer[]) {
    this.#rtcConfig.iceServers = [...iceServers];
  }

  /** Whether to come back after a loss even if nobody is waiting for it. */
  keep(isKept: boolean): void {
    this.#isKept = isKept;
    if (isKept) void this.#run();
  }

  /** Resolves when the websocket is open. Rejects with `TabringError` within some five seconds. */
  async open(signal: AbortSignal): Promise<void> {
    throwIfAborted(signal);
    if (this.#closed.signal.aborted) throw aborted();
    if (this.isOpen) return;
    const { clock, config } = this.#options;
    const opened = new Signpost<void>();
    const impatientAt = clock.now() + config.patienceMs;
    const onAttempt = (error: TabringError | null): void => {
      if (error === null) opened.reach();
      // Something else than a server at this address will not turn into one.
      else if (error.code !== 'signaling-unreachable' || clock.now() >= impatientAt) {
        opened.fail(error);
      }
    };
    this.#waiting.add(onAttempt);
    this.#wake?.abort();
    void this.#run();
    try {
      await unlessAborted(opened.reached, signal);
    } finally {
      this.#waiting.delete(onAttempt);
    }
  }

  /** The server does not know this websocket, whatever it looks like from here: opens another. */
  reopen(): void {
    this.#peer?.disconnect();
  }

  /** A link to another page on the same server. Rejects with `TabringError`. */
  async connect(page: string, signal: AbortSignal): Promise<Link> {
    const both = AbortSignal.any([signal, this.#closed.signal]);
    await this.open(both);
    const call = new AbortController();
    const calls = this.#calls.get(page) ?? new Set();
    this.#calls.set(page, calls.add(call));
    try {
      const connection = this.#peer?.connect(page, PEERJS_LINK_OPTIONS);
      return await linkFromDataConnection(connection, {
        timeoutMs: this.#options.config.linkMs,
        signal: AbortSignal.any([both, call.signal]),
      });
    } catch (cause) {
      throwIfAborted(both);
      if (cause instanceof TabringError && cause.code !== 'aborted') throw cause;
      const why = call.signal.aborted ? 'it is not there any more' : String(cause);
      throw new TabringError('unreachable', `no link could be opened: ${why}`, { cause });
    } finally {
      calls.delete(call);
      if (calls.size === 0) this.#calls.delete(page);
    }
  }

  /** Ends the websocket, at once and for good. Links stay. */
  close(): void {
    this.#isKept = false;
    this.#closed.abort();
    for (const onAttempt of this.#waiting) onAttempt(aborted());
    this.#peer?.disconnect();
    this.#peer?.removeAllListeners();
    this.#peer = null;
  }

  get #isWanted(): boolean {
    return !this.#closed.signal.aborted && (this.#isKept || this.#waiting.size > 0);
  }

  /** Holds the websocket open until nobody wants it any more. */
  async #run(): Promise<void> {
    if (this.#isRunning) return;
    this.#isRunning = true;
    const { onLost, onOpen } = this.#options;
    for (let failures = 0; this.#isWanted;) {
      const error = await this.#tryToOpen();
      if (error === null && this.#lost !== null) {
        failures = 0;
        const lost = this.#lost.reached;
        this.#tell(null);
        onOpen();
        await this.#beatUntil(lost);
        if (!this.#closed.signal.aborted) onLost();
      } else if (error !== null) this.#tell(error);
      if (this.#isWanted) await this.#backOff(failures++);
    }
    this.#isRunning = false;
  }

  /** A network that is gone without a word leaves a websocket that looks open for minutes. */
  async #beatUntil(lost: Promise<void>): Promise<void> {
    const over = new AbortController();
    const { clock, config } = this.#options;
    const beat = async (): Promise<void> => {
      this.#unansweredBeats = 0;
      while (this.#unansweredBeats === 0) {
        this.#unansweredBeats++;
        this.#peer?.socket.send({ type: 'HEARTBEAT' });
        await pause(clock, config.beatMs, over.signal);
      }
      this.reopen();
    };
    beat().catch(() => {}); // Over: it was lost in another way.
    await lost;
    over.abort();
  }

  #tell(error: TabringError | null): void {
    for (const onAttempt of this.#waiting) onAttempt(error);
    if (error === null) this.#waiting.clear();
  }

  async #backOff(failures: number): Promise<void> {
    const { retryMs, retryMsMax } = this.#options.config;
    const delayMs = Math.min(retryMs * 2 ** Math.min(failures, 16), retryMsMax);
    const wake = new AbortController();
    this.#wake = wake;
    const either = AbortSignal.any([wake.signal, this.#closed.signal]);
    await pause(this.#options.clock, delayMs * (0.75 + Math.random() / 2), either).catch(() => {});
    this.#wake = null;
  }

  /** One attempt. Never rejects: an attempt that fails is an ordinary thing. */
  async #tryToOpen(): Promise<TabringError | null> {
    const { clock, config, hello } = this.#options;
    const late = deadline(clock, config.attemptMs);
    const signal = AbortSignal.any([late.signal, this.#closed.signal]);
    try {
      const [module] = await Promise.all([import('peerjs'), hello(signal, this.#waiting.size > 0)]);
      throwIfAborted(signal);
      const attempt = this.#startAttempt(module.Peer);
      await unlessAborted(attempt.opened.reached, signal);
      this.#lost = new Signpost();
      return null;
    } catch (error) {
      this.#peer?.disconnect();
      if (this.#closed.signal.aborted) return aborted();
      if (error instanceof TabringError && error.code !== 'aborted') return error;
      const why = late.signal.aborted ? 'is not open in time' : 'cannot be opened';
      const text = `The websocket of the signaling server at ${this.#options.address.url} ${why}.`;
      return new TabringError('signaling-unreachable', text, { cause: error });
    } finally {
      this.#attempt = null;
      late.stop();
    }
  }

  #startAttempt(PeerClass: typeof Peer): Attempt {
    const isUsable = this.#peer !== null && !this.#peer.destroyed;
    const peer = isUsable && this.#peer !== null ? this.#peer : this.#createPeer(PeerClass);
    this.#attempt = { peer, opened: new Signpost() };
    if (isUsable) peer.reconnect();
    return this.#attempt;
  }

  #createPeer(PeerClass: typeof Peer): Peer {
    const { host, port, path, secure } = this.#options.address;
    const peer = new PeerClass(this.#id, {
      host,
      port,
      path,
      secure,
      token: this.#token,
      config: this.#rtcConfig,
      pingInterval: PEERJS_PING_MS,
    });
    this.#peer = peer;
    this.#filterMessages(peer);
    peer.on('open', () => this.#attempt?.opened.reach());
    peer.on('disconnected', () => this.#onDisconnected(peer));
    peer.on('close', () => this.#onDisconnected(peer));
    peer.on('connection', connection => void this.#onConnection(connection));
    peer.on('error', error => {
      if (error.type === 'unavailable-id') this.#takeNewId(peer);
    });
    return peer;
  }

  /** Somebody else has the id, which cannot be chance: it is of no use to us any more. */
  #takeNewId(peer: Peer): void {
    this.#onDisconnected(peer);
    this.#peer = null;
    this.#id = newPageId();
  }

  #onDisconnected(peer: Peer): void {
    if (peer !== this.#peer) return;
    this.#attempt?.opened.fail(new Error('the websocket was closed'));
    this.#lost?.reach();
    this.#lost = null;
  }

  /** peerjs is handed only what it waits for: see `peer-server-message.ts`. */
  #filterMessages(peer: Peer): void {
    const listeners = peer.socket.listeners('message');
    peer.socket.removeAllListeners('message');
    peer.socket.on('message', (data: unknown) => {
      const message = parsePeerServerMessage(data);
      if (message === null || !this.#isExpected(peer, message)) this.#malformedCount++;
      else if (message.type === 'HEARTBEAT') this.#unansweredBeats = 0;
      else if (message.type === 'LEAVE' || message.type === 'EXPIRE') this.#onAbsent(message.src);
      else for (const listener of listeners) listener.call(peer.socket, message);
    });
  }

  #isExpected(peer: Peer, message: PeerServerMessage): boolean {
    switch (message.type) {
      case 'OFFER': {
        const { mayAccept, config } = this.#options;
        if (!mayAccept() || this.#incomingCount >= config.incomingCountMax) return false;
        // peerjs would close the connection that has this id.
        return peer.getConnection(message.src, message.payload.connectionId) === null;
      }
      case 'ANSWER':
      case 'CANDIDATE':
        // peerjs would keep it for a connection that never comes.
        return peer.getConnection(message.src, message.payload.connectionId) !== null;
      default:
        return true;
    }
  }

  /**
   * The other page has no websocket now. That is the end of attempts to reach it; open links to it
   * do not need one, although peerjs would close them.
   */
  #onAbsent(page: string): void {
    for (const call of this.#calls.get(page) ?? []) call.abort();
  }

  async #onConnection(connection: DataConnection): Promise<void> {
    this.#incomingCount++;
    const options = { timeoutMs: this.#options.config.linkMs, signal: this.#closed.signal };
    try {
      this.#options.onLink(await linkFromDataConnection(connection, options));
    } catch {
      // The newcomer knows, and tries another member.
    } finally {
      this.#incomingCount--;
    }
  }
}
