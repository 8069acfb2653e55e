import { createRequire } from 'node:module';
import type { IncomingMessage, RequestListener, Server } from 'node:http';
import type { ExpressPeerServer, IClient, IConfig, IMessage, PeerServerEvents } from 'peer';
import { Budget } from './budget.ts';
import { OwnedTimers } from './owned-timers.ts';
import { ID_PATTERN, PEER_SERVER_KEY } from './protocol.ts';

/**
 * `peer` comes as CommonJS: its ES module asks `ws` for a name that version 7 does not have, which
 * is the one it may get. `ws` and `express` are those that `peer` itself uses.
 */
const require = createRequire(import.meta.url);
const requireOfPeer = createRequire(require.resolve('peer'));
const peer = require('peer') as { readonly ExpressPeerServer: typeof ExpressPeerServer };
const express = requireOfPeer('express') as () => ReturnType<typeof ExpressPeerServer>;
const { Server: WebSocketServer } = requireOfPeer('ws') as WebSocketModule;

/** The part of `ws`, the same in versions 7 and 8, that is used here. */
type WebSocketModule = { readonly Server: new (options: object) => SocketServer };
type SocketServer = {
  on(event: 'connection', listener: (socket: Socket) => void): void;
  readonly clients: ReadonlySet<Socket>;
  close(): void;
};
type Socket = {
  on(event: 'message', listener: (data: { readonly length: number }) => void): void;
  on(event: 'close', listener: (code: number) => void): void;
  on(event: 'pong', listener: () => void): void;
  ping(): void;
  terminate(): void;
};

/** An offer of a dozen candidates is 4 KiB, and a page drops one of more than 64 KiB. */
const MESSAGE_BYTES_MAX = 128 * 1024;

/** A member that receives thirty newcomers at once answers each with some ten small messages. */
const MESSAGES = { burst: 2_000, perSecond: 200 };
const BYTES = { burst: 2 * 2 ** 20, perSecond: 256 * 1024 };

/**
 * How a websocket ends on purpose: the page closed it (with or without a status), or is going away.
 * One that breaks has another code, and its page may be back in a moment.
 */
const GOODBYE_CODES: ReadonlySet<number | undefined> = new Set([1000, 1001, 1005]);

/** PeerServer's own limit, which the pings make obsolete: they come back from throttled pages too. */
const ALIVE_TIMEOUT_MS = 90_000;

export type PeerServerOptions = {
  readonly path: string;
  readonly clientCountMax: number;
  /** How often websockets are looked after. */
  readonly sweepMs: number;
  /** A websocket that was silent for this long is pinged, and after three times this closed. */
  readonly pingMs: number;
  /** How long a page that could not be reached has to answer a ping of its own. */
  readonly probeMs: number;
  readonly now: () => number;
  readonly onHeard: (id: string) => void;
  /** A websocket is gone; `isGoodbye` if its page wanted that. */
  readonly onGone: (id: string, isGoodbye: boolean) => void;
};

type Page = {
  readonly client: IClient;
  socket: Socket;
  heardAt: number;
  pingedAt: number;
  /** When its answer to a ping was asked for; null when nobody doubts it. */
  probedAt: number | null;
};

/**
 * The `peer` package on an HTTP server: who is connected, and messages between them.
 *
 * It adds what the package leaves out: limits, dead websockets found within seconds by pings, a page
 * that takes over its own id after a change of network is told so, signs of life are answered, an
 * offer to an absent page is refused at once instead of after five seconds, and `close` leaves
 * nothing behind.
 */
export class PeerServer {
  /** Answers the plain HTTP requests of the PeerServer protocol. */
  readonly handle: RequestListener;

  readonly #options: PeerServerOptions;
  readonly #pages = new Map<string, Page>();
  readonly #closeCodes = new WeakMap<object, number>();
  readonly #timers = new OwnedTimers();
  readonly #sweepTimer: ReturnType<typeof setInterval>;
  #sockets: SocketServer | null = null;
  #sweptAt: number;

  constructor(server: Server, options: PeerServerOptions) {
    this.#options = options;
    const app = express();
    const peerApp = peer.ExpressPeerServer(server, {
      path: options.path,
      key: PEER_SERVER_KEY,
      concurrent_limit: options.clientCountMax,
      alive_timeout: ALIVE_TIMEOUT_MS,
      createWebSocketServer: given => this.#createSockets(given),
    });
    this.#listen(peerApp);
    this.#timers.run(() => app.use(peerApp));
    this.handle = app as RequestListener;
    this.#sweptAt = options.now();
    this.#sweepTimer = setInterval(() => this.#sweep(), options.sweepMs);
  }

  get pageCount(): number {
    return this.#pages.size;
  }

  /** The secret of a connected page; undefined if there is no such page. */
  tokenOf(id: string): string | undefined {
    return this.#pages.get(id)?.client.getToken();
  }

  /** Somebody could not reach this page: it is closed unless it answers soon. */
  probe(id: string): void {
    const page = this.#pages.get(id);
    if (page === undefined || page.probedAt !== null) return;
    page.probedAt = this.#options.now();
    page.socket.ping();
  }

  close(): void {
    clearInterval(this.#sweepTimer);
    this.#timers.stop();
    this.#pages.clear();
    for (const socket of this.#sockets?.clients ?? []) socket.terminate();
    this.#sockets?.close();
  }

  #createSockets(given: object): ReturnType<NonNullable<IConfig['createWebSocketServer']>> {
    const sockets = new WebSocketServer({
      ...given,
      maxPayload: MESSAGE_BYTES_MAX,
      perMessageDeflate: false,
      verifyClient: (info: { req: IncomingMessage }, answer: Verdict) => this.#verify(info, answer),
    });
    // Before PeerServer's own listeners, so that these see everything first.
    sockets.on('connection', socket => this.#guard(socket));
    this.#sockets = sockets;
    return sockets as ReturnType<NonNullable<IConfig['createWebSocketServer']>>;
  }

  #verify({ req }: { readonly req: IncomingMessage }, answer: Verdict): void {
    const { searchParams } = new URL(req.url ?? '', 'http://signaling');
    const [id, token] = [searchParams.get('id') ?? '', searchParams.get('token') ?? ''];
    if (!ID_PATTERN.test(id) || !ID_PATTERN.test(token)) answer(false, 400, 'Bad id or token');
    else if (this.#pages.size >= this.#options.clientCountMax && !this.#pages.has(id)) {
      answer(false, 503, 'Too many pages');
    } else answer(true);
  }

  #guard(socket: Socket): void {
    const { now } = this.#options;
    const messages = new Budget(MESSAGES, now());
    const bytes = new Budget(BYTES, now());
    socket.on('message', data => {
      const isWithin = messages.take(1, now()) && bytes.take(data.length, now());
      if (!isWithin) socket.terminate();
    });
    socket.on('close', code => this.#closeCodes.set(socket, code));
  }

  #listen(events: PeerServerEvents): void {
    events.on('connection', client => this.#onConnection(client));
    events.on('disconnect', client => this.#onDisconnect(client));
    events.on('message', (client, message) => this.#onMessage(client, message));
    // Malformed messages and broken sockets: the websocket's own end says what matters. Without a
    // listener each of them would end the process.
    events.on('error', () => {});
  }

  #onConnection(client: IClient): void {
    const id = client.getId();
    const socket = client.getSocket() as unknown as Socket;
    const now = this.#options.now();
    const known = this.#pages.get(id);
    if (known?.client === client) {
      // The same page through another socket. PeerServer does not greet it, and keeps the old one.
      known.socket.terminate();
      client.send({ type: 'OPEN' });
    }
    const page: Page = { client, socket, heardAt: now, pingedAt: now, probedAt: null };
    this.#pages.set(id, page);
    socket.on('pong', () => this.#hear(page));
  }

  #onDisconnect(client: IClient): void {
    const id = client.getId();
    if (this.#pages.get(id)?.client !== client) return; // Closed, or taken over.
    const code = this.#closeCodes.get(client.getSocket() ?? {});
    this.#pages.delete(id);
    this.#options.onGone(id, GOODBYE_CODES.has(code));
  }

  /** Called before PeerServer handles the message: what it must not handle gets another type. */
  #onMessage(client: IClient, message: IMessage): void {
    const page = this.#pages.get(client.getId());
    if (page !== undefined) this.#hear(page);
    const { type, dst } = message as { readonly type: unknown; readonly dst: unknown };
    if (type === 'HEARTBEAT') return client.send({ type: 'HEARTBEAT' }); // So that it knows, too.
    const isKnownType = ['OFFER', 'ANSWER', 'CANDIDATE', 'LEAVE'].includes(type as string);
    if (isKnownType && typeof dst === 'string' && this.#pages.has(dst)) return;
    // PeerServer would keep it for some seconds, as many of them as anybody cares to send.
    Object.assign(message, { type: 'DROPPED' });
    const isAddressed = typeof dst === 'string' && ID_PATTERN.test(dst);
    if (type === 'OFFER' && isAddressed) client.send({ type: 'EXPIRE', src: dst });
  }

  #hear(page: Page): void {
    page.heardAt = this.#options.now();
    page.probedAt = null;
    page.client.setLastPing(Date.now()); // PeerServer's own clock.
    this.#options.onHeard(page.client.getId());
  }

  #sweep(): void {
    const { sweepMs, pingMs, probeMs } = this.#options;
    const now = this.#options.now();
    // After a sleep of this machine everybody looks silent.
    const didSleep = now - this.#sweptAt > 2 * sweepMs + pingMs;
    this.#sweptAt = now;
    for (const page of this.#pages.values()) {
      if (didSleep) {
        page.heardAt = now;
        page.probedAt = null;
      }
      const isUnanswered = page.probedAt !== null && now - page.probedAt > probeMs;
      if (isUnanswered || now - page.heardAt > 3 * pingMs) page.socket.terminate();
      else if (now - Math.max(page.heardAt, page.pingedAt) > pingMs) {
        page.pingedAt = now;
        page.socket.ping();
      }
    }
  }
}

type Verdict = (isAccepted: boolean, status?: number, reason?: string) => void;
