import { createRequire } from 'node:module';
import { connect, type Socket } from 'node:net';
import {
  startSignaling,
  type SignalingOptions,
  type SignalingServer,
} from '../../signaling/server.ts';

const require = createRequire(import.meta.url);
const requireOfPeer = createRequire(require.resolve('peer'));

/** The part of a `ws` websocket that is used here. */
export type WebSocketClient = {
  readonly readyState: number;
  on(event: 'open' | 'close' | 'error', listener: (...args: never[]) => void): void;
  on(event: 'message', listener: (data: { toString(): string }) => void): void;
  send(data: string | Uint8Array): void;
  close(code?: number): void;
  terminate(): void;
  pong(): void;
};
const WebSocketClass = requireOfPeer('ws') as new (
  url: string,
  options?: object,
) => WebSocketClient & { readonly _receiver: object };

/** A server without grace or windows, unless a test asks for them. */
export async function withServer(
  options: Partial<SignalingOptions>,
  test: (server: SignalingServer) => Promise<void>,
): Promise<void> {
  const rendezvous = { graceMs: 0, collectMs: 0, ...options.rendezvous };
  const errors: unknown[] = [];
  const onError = (error: unknown): void => void errors.push(error);
  const server = await startSignaling({ port: 0, onError, ...options, rendezvous });
  try {
    await test(server);
  } finally {
    await server.close();
  }
  if (errors.length > 0) throw new AggregateError(errors, 'the server failed');
}

export type Answer = { readonly status: number; readonly json: Record<string, unknown> };

export async function request(url: string, init: RequestInit = {}): Promise<Answer> {
  const response = await fetch(url, { signal: AbortSignal.timeout(10_000), ...init });
  return { status: response.status, json: (await response.json()) as Answer['json'] };
}

export function post(server: SignalingServer, body: unknown): Promise<Answer> {
  const text = typeof body === 'string' ? body : JSON.stringify(body);
  return request(`${server.url}/rendezvous`, { method: 'POST', body: text });
}

/** A page as the server sees it: a websocket and requests. */
export class Page {
  readonly id: string;
  readonly token: string;
  readonly socket: WebSocketClient;
  readonly messages: Record<string, unknown>[] = [];
  /** Resolves when the websocket is closed, with the code. */
  readonly closed: Promise<number>;
  readonly #server: SignalingServer;
  readonly #onMessage = new Set<() => void>();

  private constructor(
    server: SignalingServer,
    options: { id: string; token: string; url: string },
  ) {
    this.#server = server;
    this.id = options.id;
    this.token = options.token;
    this.socket = new WebSocketClass(options.url);
    this.socket.on('error', () => {});
    this.closed = new Promise(resolve => this.socket.on('close', resolve));
    this.socket.on('message', data => {
      this.messages.push(JSON.parse(data.toString()) as Record<string, unknown>);
      for (const listener of this.#onMessage) listener();
    });
  }

  static async open(server: SignalingServer, id: string, token = `${id}Secret`): Promise<Page> {
    const page = Page.connect(server, { id, token });
    await page.received('OPEN');
    return page;
  }

  /** Without waiting for an answer. */
  static connect(
    server: SignalingServer,
    { id, token, query = '' }: { id: string; token: string; query?: string },
  ): Page {
    const base = server.url.replace('http:', 'ws:');
    const url = `${base}/peerjs?key=peerjs&id=${id}&token=${token}${query}`;
    return new Page(server, { id, token, url });
  }

  /** The next message of this type, or one that came already. Rejects if the websocket closes. */
  async received(type: string): Promise<Record<string, unknown>> {
    const find = () => this.messages.find(message => message['type'] === type);
    return new Promise((resolve, reject) => {
      const look = (): void => {
        const message = find();
        if (message === undefined) return;
        this.#onMessage.delete(look);
        this.messages.splice(this.messages.indexOf(message), 1);
        resolve(message);
      };
      this.#onMessage.add(look);
      void this.closed.then(code => reject(new Error(`closed (${code}) before ${type}`)));
      look();
    });
  }

  send(message: unknown): void {
    this.socket.send(typeof message === 'string' ? message : JSON.stringify(message));
  }

  async ask(action: string, further: object = {}): Promise<Record<string, unknown>> {
    const { id, token } = this;
    const { json } = await post(this.#server, { network: 'net', id, token, action, ...further });
    return json;
  }

  introduce(holdsStore = false): Promise<Record<string, unknown>> {
    return this.ask('introduce', { holdsStore });
  }
}

/** A bare connection, for what no HTTP client would send. */
export function openSocket(server: SignalingServer): Promise<Socket> {
  return new Promise((resolve, reject) => {
    const socket = connect(server.port, '127.0.0.1', () => resolve(socket));
    socket.once('error', reject);
    socket.on('error', () => {}); // The server may well hang up.
  });
}

/** Asks again until the answer is as it should be; the test's time-out says when it never is. */
export async function until<T>(
  ask: () => T | Promise<T>,
  isGood: (value: T) => boolean,
): Promise<T> {
  for (;;) {
    const value = await ask();
    if (isGood(value)) return value;
    await new Promise(resolve => setTimeout(resolve, 10));
  }
}
