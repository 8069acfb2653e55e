import { TabringError } from '../../kernel/errors.ts';
import { pageClock, type Clock } from '../clock.ts';
import type { Link } from '../link/link.ts';
import type { Introduction } from './bootstrap.ts';
import type { IntroduceOptions, PageBootstrap, PageContact } from './page-bootstrap.ts';
import { newPageId, shortId } from './page-id.ts';
import { RendezvousClient, type SignalingRequest } from './rendezvous-client.ts';
import {
  SERVER_CONNECTION_CONFIG,
  ServerConnection,
  type ServerConnectionConfig,
} from './server-connection.ts';
import { parseSignalingAddress } from './signaling-address.ts';
import { invalid, NotConnected, type SignalingAnswer } from './signaling-answer.ts';
import { deadline, pause, throwIfAborted } from './wait.ts';

export type ServerBootstrapConfig = ServerConnectionConfig & {
  /** One request over HTTP. */
  readonly requestMs: number;
  /** Between two questions of a page that got an answer it could do nothing with. */
  readonly askMs: number;
  /** How long to wait for the server to say which ICE servers there are. */
  readonly iceMs: number;
  /** Between attempts to become listed as a member while the websocket is open. */
  readonly registerMs: number;
  /** A founder that is not on its ring by now has lost its way: it no longer keeps others waiting. */
  readonly foundingMsMax: number;
};

export const SERVER_BOOTSTRAP_CONFIG: ServerBootstrapConfig = {
  ...SERVER_CONNECTION_CONFIG,
  requestMs: 3_500,
  askMs: 200,
  iceMs: 1_500,
  registerMs: 500,
  foundingMsMax: 60_000,
};

export type ServerBootstrapOptions = {
  readonly network: string;
  /** Absolute, or relative to the page's own address. */
  readonly signaling: string;
  /** In place of those that the server hands out. */
  readonly iceServers?: readonly RTCIceServer[] | null;
  /** This page's name; random by default. */
  readonly page?: string;
  readonly clock?: Clock;
  readonly config?: Partial<ServerBootstrapConfig>;
  /** Told when the server is lost and found again, in words. */
  readonly onTrace?: (text: string) => void;
};

/** Failed contacts told to the server in one request, and kept for it. */
const FAILED_COUNT_MAX = 8;

type Standing = 'none' | 'founding' | 'member';

/**
 * First contact through a signaling server: its rendezvous says who is there, its PeerServer carries
 * the offer and the answer of one link. Needs nothing of it until the first call.
 *
 * A member keeps its websocket open, comes back after a loss of the network or of the server by
 * itself, and registers again; without a server it goes on trying, quietly.
 */
export class ServerBootstrap implements PageBootstrap {
  onLink: ((link: Link) => void) | null = null;

  readonly #config: ServerBootstrapConfig;
  readonly #clock: Clock;
  readonly #onTrace: (text: string) => void;
  readonly #client: RendezvousClient;
  readonly #connection: ServerConnection;
  readonly #closed = new AbortController();
  readonly #givenIceServers: readonly RTCIceServer[] | null;
  readonly #failed = new Set<string>();
  #iceServers: readonly RTCIceServer[] | null = null;
  #standing: Standing = 'none';
  /** Ends what goes on for the present standing; replaced with it. */
  #standingEnd = new AbortController();
  #introducedAtMs = -Infinity;
  /** Requests go one by one: the server must not hear of them in another order. */
  #lastRequest: Promise<unknown> = Promise.resolve();

  constructor(options: ServerBootstrapOptions) {
    const { network, signaling, iceServers, page = newPageId(), clock = pageClock() } = options;
    this.#config = { ...SERVER_BOOTSTRAP_CONFIG, ...options.config };
    this.#clock = clock;
    this.#onTrace = options.onTrace ?? (() => {});
    this.#givenIceServers = iceServers ?? null;
    const address = parseSignalingAddress(signaling);
    const { requestMs: timeoutMs } = this.#config;
    this.#client = new RendezvousClient({ address, network, clock, timeoutMs });
    this.#connection = new ServerConnection({
      address,
      page,
      clock,
      config: this.#config,
      hello: (signal, isAwaited) => this.#hello(signal, isAwaited),
      mayAccept: () => this.#standing === 'member' && this.onLink !== null,
      onOpen: () => this.#onOpen(),
      onLost: () => this.#onTrace('the signaling server is lost'),
      onLink: link => this.#onNewcomer(link),
    });
  }

  /** Messages of the PeerServer that were dropped: out of shape, or not asked for. */
  get malformedCount(): number {
    return this.#connection.malformedCount;
  }

  async introduce(options: IntroduceOptions): Promise<Introduction> {
    const signal = AbortSignal.any([options.signal, this.#closed.signal]);
    this.#stand('none');
    try {
      await this.#pace(signal);
      for (;;) {
        const { holdsStore } = options;
        const answer = await this.#ask({ action: 'introduce', holdsStore }, signal);
        if (answer.type === 'join') {
          const contacts = answer.members.map(id => this.#contact(id));
          return { role: 'joiner', contacts };
        }
        if (answer.type === 'found') {
          this.#found(answer.renewMs);
          return { role: 'founder' };
        }
        if (answer.type !== 'wait') throw invalid('its answer is not one to what was asked');
        await pause(this.#clock, answer.waitMs, signal);
      }
    } catch (error) {
      this.#withdraw(); // Nobody should wait for a page that has given up.
      throw error;
    }
  }

  async findMembers(options: { readonly signal: AbortSignal }): Promise<readonly PageContact[]> {
    const signal = AbortSignal.any([options.signal, this.#closed.signal]);
    const answer = await this.#ask({ action: 'find' }, signal);
    if (answer.type !== 'members') throw invalid('its answer is not one to what was asked');
    return answer.members.filter(id => id !== this.#connection.id).map(id => this.#contact(id));
  }

  setMember(isMember: boolean): void {
    const standing = isMember ? 'member' : 'none';
    if (this.#closed.signal.aborted || standing === this.#standing) return;
    this.#stand(standing);
    if (!isMember) this.#withdraw();
    else if (this.#connection.isOpen) void this.#register();
  }

  async iceServers(): Promise<readonly RTCIceServer[]> {
    if (this.#givenIceServers !== null) return this.#givenIceServers;
    if (this.#iceServers !== null) return this.#iceServers;
    const late = deadline(this.#clock, this.#config.iceMs);
    try {
      return await this.#hello(AbortSignal.any([late.signal, this.#closed.signal]));
    } catch {
      return []; // Without the server there is nothing it hands out.
    } finally {
      late.stop();
    }
  }

  close(): void {
    this.#stand('none');
    this.#closed.abort();
    this.#connection.close(); // For the server this is a goodbye.
    this.onLink = null;
  }

  async #hello(signal: AbortSignal, isThorough = false): Promise<readonly RTCIceServer[]> {
    const iceServers = await this.#client.hello(signal, { isThorough });
    this.#iceServers = iceServers;
    this.#connection.iceServers = this.#givenIceServers ?? iceServers;
    return iceServers;
  }

  /** A page that finds the members it was given dead asks again; not in a busy loop, though. */
  async #pace(signal: AbortSignal): Promise<void> {
    const nextMs = this.#introducedAtMs + this.#config.askMs;
    if (nextMs > this.#clock.now()) await pause(this.#clock, nextMs - this.#clock.now(), signal);
    this.#introducedAtMs = this.#clock.now();
  }

  /** Asks as soon as the websocket is open, and again if it turns out that it was not. */
  async #ask(request: SignalingRequest, signal: AbortSignal): Promise<SignalingAnswer> {
    const impatientAtMs = this.#clock.now() + this.#config.patienceMs;
    for (;;) {
      await this.#connection.open(signal);
      try {
        return await this.#askOnce(request, signal);
      } catch (error) {
        throwIfAborted(signal);
        const isUnknown = error instanceof NotConnected;
        const isLost = error instanceof TabringError && error.code === 'signaling-unreachable';
        if (!isUnknown && !isLost) throw error;
        if (this.#clock.now() > impatientAtMs) throw isUnknown ? lost(error) : error;
        if (isUnknown) this.#connection.reopen();
        await pause(this.#clock, this.#config.askMs, signal);
      }
    }
  }

  #askOnce(request: SignalingRequest, signal: AbortSignal): Promise<SignalingAnswer> {
    const answer = this.#lastRequest.then(async () => {
      const { id, token } = this.#connection;
      const failed = [...this.#failed];
      const received = await this.#client.ask(request, { id, token, failed }, signal);
      for (const contact of failed) this.#failed.delete(contact);
      return received;
    });
    this.#lastRequest = answer.catch(() => {}); // Told to whoever asked.
    return answer;
  }

  #stand(standing: Standing): void {
    this.#standing = standing;
    this.#connection.keep(standing !== 'none');
    this.#standingEnd.abort();
    this.#standingEnd = new AbortController();
  }

  #onOpen(): void {
    this.#onTrace('connected to the signaling server');
    if (this.#standing === 'member') void this.#register();
  }

  /** Gets this page listed, however often it takes, as long as it is a member and connected. */
  async #register(): Promise<void> {
    const { signal } = this.#standingEnd;
    while (!signal.aborted && this.#connection.isOpen) {
      try {
        await this.#askOnce({ action: 'register' }, signal);
        return;
      } catch (error) {
        if (error instanceof NotConnected) return this.#connection.reopen();
        await pause(this.#clock, this.#config.registerMs, signal).catch(() => {});
      }
    }
  }

  /** Tells the server that founding goes on, also a server that has never heard of it. */
  #found(renewMs: number): void {
    this.#stand('founding');
    const end = AbortSignal.any([this.#standingEnd.signal, this.#closed.signal]);
    const late = deadline(this.#clock, this.#config.foundingMsMax);
    const signal = AbortSignal.any([end, late.signal]);
    const renew = async (): Promise<void> => {
      for (;;) {
        await pause(this.#clock, renewMs, signal);
        const answer = await this.#ask({ action: 'renew' }, signal).catch(() => null);
        if (answer === null || answer.type === 'found') continue;
        return this.#onTrace('another tab founds the network as well');
      }
    };
    void renew()
      .catch(() => {}) // Aborted: it is a member now, or has given up.
      .finally(late.stop);
  }

  #withdraw(): void {
    if (!this.#connection.isOpen || this.#closed.signal.aborted) return;
    // Without the server's knowing, newcomers would find nobody; the rest is up to their time-outs.
    this.#askOnce({ action: 'withdraw' }, this.#closed.signal).catch(() => {});
  }

  #contact(id: string): PageContact {
    const label = `${shortId(id)}, through the signaling server`;
    const connect = async ({ signal }: { readonly signal: AbortSignal }): Promise<Link> => {
      try {
        return await this.#connection.connect(id, signal);
      } catch (error) {
        const isItsFault = error instanceof TabringError && error.code === 'unreachable';
        if (isItsFault && this.#failed.size < FAILED_COUNT_MAX) this.#failed.add(id);
        if (error instanceof TabringError && error.code.startsWith('signaling')) {
          throw new TabringError('unreachable', error.message, { cause: error });
        }
        throw error;
      }
    };
    return { label, page: id, connect };
  }

  #onNewcomer(link: Link): void {
    if (this.#standing === 'member' && this.onLink !== null) this.onLink(link);
    else link.close();
  }
}

function lost(cause: unknown): TabringError {
  const text = 'The signaling server does not keep connections: is there more than one behind it?';
  return new TabringError('signaling-unreachable', text, { cause });
}
