import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { readBody, requireMethod, sendJson, sendPreflight, sendRefusal } from './http.ts';
import { iceServersFrom } from './ice.ts';
import { PeerServer } from './peer-server.ts';
import {
  BODY_BYTES_MAX,
  PEER_SERVER_KEY,
  PROTOCOL,
  Refusal,
  RENDEZVOUS_PATH,
  parseRequest,
  type IceServer,
  type RendezvousAnswer,
  type RendezvousRequest,
} from './protocol.ts';
import { Rendezvous, type RendezvousConfig } from './rendezvous.ts';

export type SignalingOptions = {
  /** 0 takes any free port. */
  readonly port: number;
  /** The address to listen at; this machine alone by default. */
  readonly host?: string;
  /** The base path of everything; `/signaling` by default. */
  readonly path?: string;
  /** What pages pass to WebRTC; by default what `STUN_URLS` and `TURN_URLS` in the environment say. */
  readonly iceServers?: readonly IceServer[];
  /** Pages connected at once, 5000 by default; further ones are refused. */
  readonly clientCountMax?: number;
  /** Silence of a websocket after which it is pinged; after three times this it is closed. */
  readonly pingMs?: number;
  /** How long a page that somebody could not reach has to answer a ping. */
  readonly probeMs?: number;
  /** Times and bounds of the rendezvous. */
  readonly rendezvous?: Partial<RendezvousConfig>;
  /** Called with what should never happen: an error in the server itself. */
  readonly onError?: (error: unknown) => void;
};

export type SignalingServer = {
  /** The address to give to `Tabring.join` as `signaling`. */
  readonly url: string;
  readonly port: number;
  /** Ends all connections and frees the port. */
  close(): Promise<void>;
};

/** A request that takes longer is somebody holding a connection. */
const REQUEST_TIMEOUT_MS = 10_000;

/** Looking after websockets and networks; cheap, and the grain of all times of that kind. */
const SWEEP_MS = 500;

const DEFAULTS = {
  host: '127.0.0.1',
  path: '/signaling',
  clientCountMax: 5_000,
  pingMs: 10_000,
  probeMs: 3_000,
};

/**
 * Starts the server of first contact. Rejects when an option is wrong or the port cannot be had;
 * once it listens, nothing that a client sends ends it.
 */
export async function startSignaling(options: SignalingOptions): Promise<SignalingServer> {
  const server = createServer();
  const signaling = new Signaling(server, options);
  try {
    await listen(server, options);
  } catch (error) {
    await signaling.close();
    throw error;
  }
  const { port } = server.address() as AddressInfo;
  const url = `http://${hostOf(options)}:${port}${pathOf(options)}`;
  return { url, port, close: () => signaling.close() };
}

class Signaling {
  readonly #server: Server;
  readonly #options: SignalingOptions;
  readonly #path: string;
  readonly #iceServers: readonly IceServer[];
  readonly #rendezvous: Rendezvous;
  readonly #pages: PeerServer;
  readonly #startedAt = performance.now();
  readonly #tidyTimer: ReturnType<typeof setInterval>;

  constructor(server: Server, options: SignalingOptions) {
    this.#server = server;
    this.#options = options;
    this.#path = pathOf(options);
    this.#iceServers = options.iceServers ?? iceServersFrom(process.env);
    this.#rendezvous = new Rendezvous({
      config: options.rendezvous ?? {},
      random: Math.random,
      now: this.#startedAt,
    });
    this.#pages = this.#createPages();
    this.#tidyTimer = setInterval(() => this.#rendezvous.tidy(performance.now()), SWEEP_MS);
    server.requestTimeout = REQUEST_TIMEOUT_MS;
    server.headersTimeout = REQUEST_TIMEOUT_MS;
    server.on('request', (request, response) => void this.#onRequest(request, response));
  }

  async close(): Promise<void> {
    clearInterval(this.#tidyTimer);
    this.#pages.close();
    const closed = new Promise<void>(resolve => this.#server.close(() => resolve()));
    this.#server.closeAllConnections();
    await closed;
  }

  #createPages(): PeerServer {
    const { clientCountMax, pingMs, probeMs } = { ...DEFAULTS, ...this.#options };
    return new PeerServer(this.#server, {
      path: this.#path === '' ? '/' : this.#path,
      clientCountMax,
      sweepMs: SWEEP_MS,
      pingMs,
      probeMs,
      now: () => performance.now(),
      onHeard: id => this.#rendezvous.hear(id, performance.now()),
      onGone: (id, isGoodbye) => {
        if (isGoodbye) this.#rendezvous.withdraw(id, performance.now());
        else this.#rendezvous.lose(id, performance.now());
      },
    });
  }

  async #onRequest(request: IncomingMessage, response: ServerResponse): Promise<void> {
    try {
      await this.#route(request, response);
    } catch (error) {
      if (error instanceof Refusal) return sendRefusal(response, error);
      this.#options.onError?.(error);
      sendRefusal(response, new Refusal(500, 'internal', 'The server failed.'));
    }
  }

  async #route(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const path = pathOfRequest(request);
    switch (path) {
      case this.#path:
        requireMethod(request, response, ['GET', 'HEAD']);
        return sendJson(response, 200, this.#describe());
      case this.#path + RENDEZVOUS_PATH:
        return this.#onRendezvous(request, response);
      case `${this.#path}/${PEER_SERVER_KEY}/id`:
        requireMethod(request, response, ['GET', 'HEAD']);
        return this.#pages.handle(request, response);
      default:
        throw new Refusal(404, 'not-found', `Nothing is here. Try ${this.#path || '/'}.`);
    }
  }

  async #onRendezvous(request: IncomingMessage, response: ServerResponse): Promise<void> {
    requireMethod(request, response, ['GET', 'POST', 'OPTIONS']);
    if (request.method === 'OPTIONS') return sendPreflight(response, 'GET, POST');
    if (request.method === 'GET') {
      return sendJson(response, 200, { protocol: PROTOCOL, iceServers: this.#iceServers });
    }
    const body = await readBody(request, response, BODY_BYTES_MAX);
    const answer = this.#answer(parseRequest(body));
    sendJson(response, 200, { protocol: PROTOCOL, ...answer });
  }

  #answer(request: RendezvousRequest): RendezvousAnswer {
    const now = performance.now();
    this.#authenticate(request);
    this.#rendezvous.hear(request.id, now);
    for (const id of this.#rendezvous.report(request, request.failed, now)) this.#pages.probe(id);
    switch (request.action) {
      case 'introduce':
        return orFull(this.#rendezvous.introduce(request, now));
      case 'renew':
        return orFull(this.#rendezvous.renew(request, now));
      case 'register': {
        const isListed = this.#rendezvous.register(request, now);
        return { type: 'registered', isListed: typeof isListed === 'boolean' && isListed };
      }
      case 'find':
        return { type: 'members', members: this.#rendezvous.find(request, now) };
      case 'withdraw':
        this.#rendezvous.withdraw(request.id, now);
        return { type: 'withdrawn' };
      default:
        return request satisfies never;
    }
  }

  /** Only a connected page counts: this is what makes an entry vanish together with its page. */
  #authenticate({ id, token }: RendezvousRequest): void {
    const expected = this.#pages.tokenOf(id);
    if (expected === undefined) {
      throw new Refusal(409, 'not-connected', 'Open the PeerServer websocket of this id first.');
    }
    if (token !== expected) {
      throw new Refusal(403, 'wrong-token', 'The token is not that of the id.');
    }
  }

  /** For people who open the address, and for whatever watches the server. */
  #describe(): object {
    return {
      name: 'tabring signaling server',
      protocol: PROTOCOL,
      use: 'Give this address to Tabring.join as `signaling`.',
      uptimeSeconds: Math.round((performance.now() - this.#startedAt) / 1000),
      pages: this.#pages.pageCount,
      members: this.#rendezvous.memberCount,
      networks: this.#rendezvous.networkCount,
    };
  }
}

function orFull<Answer extends { type: string }>(
  answer: Answer,
): Exclude<Answer, { type: 'full' }> {
  if (answer.type === 'full') throw new Refusal(503, 'full', 'There are too many networks.');
  return answer as Exclude<Answer, { type: 'full' }>;
}

/** Without the slash at its end; `''` is the root. */
function pathOfRequest(request: IncomingMessage): string {
  try {
    return new URL(request.url ?? '', 'http://signaling').pathname.replace(/\/$/, '');
  } catch {
    throw new Refusal(400, 'malformed', 'The address is malformed.');
  }
}

function pathOf({ path = DEFAULTS.path }: SignalingOptions): string {
  const trimmed = path.replace(/\/+$/, '');
  if (trimmed !== '' && !/^(\/[A-Za-z0-9._~-]+)+$/.test(trimmed)) {
    throw new Error(`path must look like ${DEFAULTS.path}, not "${path}"`);
  }
  return trimmed;
}

/** Where this machine itself reaches the server. */
function hostOf({ host = DEFAULTS.host }: SignalingOptions): string {
  if (host === '0.0.0.0' || host === '::') return 'localhost';
  return host.includes(':') ? `[${host}]` : host;
}

function listen(server: Server, { port, host = DEFAULTS.host }: SignalingOptions): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen(port, host, () => {
      server.off('error', reject);
      resolve();
    });
  });
}
