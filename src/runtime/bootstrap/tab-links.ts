import { TabringError } from '../../kernel/errors.ts';
import type { Clock } from '../clock.ts';
import type { Link, LinkNegotiation } from '../link/link.ts';
import { negotiateSimplePeer } from '../link/simple-peer-link.ts';
import type { BroadcastMessage } from './broadcast-message.ts';
import { newPageId } from './page-id.ts';
import type { TabChannel } from './tab-channel.ts';
import { aborted, throwIfAborted } from './wait.ts';

export type TabLinksConfig = {
  /** From the first signal to an open link. */
  readonly linkMs: number;
  /** A page that says nothing for this long is frozen, or gone. */
  readonly answerMs: number;
  /** Newcomers whose links are being opened at once; further ones are refused, and ask again. */
  readonly incomingCountMax: number;
};

export type TabLinksOptions = {
  readonly channel: TabChannel;
  readonly clock: Clock;
  readonly config: TabLinksConfig;
  /** Whether newcomers are welcome. */
  readonly mayAccept: () => boolean;
  readonly onLink: (link: Link) => void;
};

/** One link under way. */
type Call = { readonly negotiation: LinkNegotiation; readonly onAnswer: () => void };

/** Two pages of one machine find each other without help. */
const NO_ICE_SERVERS: readonly RTCIceServer[] = [];

/**
 * Opens links between pages of one browser, with signals over their channel. Every link under way
 * has a session of its own, so that what comes late for an older one does no harm.
 */
export class TabLinks {
  readonly #options: TabLinksOptions;
  /** By the other page and the session. */
  readonly #calls = new Map<string, Call>();
  readonly #stop: () => void;
  #incomingCount = 0;
  #isClosed = false;

  constructor(options: TabLinksOptions) {
    this.#options = options;
    this.#stop = options.channel.listen(message => this.#take(message));
  }

  /** Rejects with `TabringError` `unreachable` or `aborted`. */
  async call(to: string, signal: AbortSignal): Promise<Link> {
    throwIfAborted(signal);
    if (this.#isClosed) throw aborted();
    const { channel, clock, config } = this.#options;
    const session = newPageId();
    let type: 'call' | 'signal' = 'call';
    const negotiation = negotiateSimplePeer({
      isInitiator: true,
      iceServers: NO_ICE_SERVERS,
      timeoutMs: config.linkMs,
      onSignal: data => {
        channel.post({ type, to, session, data });
        type = 'signal';
      },
    });
    const cancel = (): void => negotiation.cancel();
    signal.addEventListener('abort', cancel, { once: true });
    const stopWaiting = clock.after(config.answerMs, cancel);
    this.#calls.set(keyOf(to, session), { negotiation, onAnswer: stopWaiting });
    try {
      return await negotiation.link;
    } catch (cause) {
      throwIfAborted(signal);
      if (this.#isClosed) throw aborted();
      if (cause instanceof TabringError && cause.code !== 'aborted') throw cause;
      const text = 'no link could be opened: the other tab does not answer, or does not want to';
      throw new TabringError('unreachable', text, { cause });
    } finally {
      stopWaiting();
      signal.removeEventListener('abort', cancel);
      this.#calls.delete(keyOf(to, session));
    }
  }

  /** Gives up what is under way. Open links stay. */
  close(): void {
    this.#isClosed = true;
    this.#stop();
    for (const { negotiation } of this.#calls.values()) negotiation.cancel();
  }

  #take(message: BroadcastMessage): void {
    if (message.type === 'call') return this.#onCall(message);
    if (message.type !== 'signal' && message.type !== 'refuse') return;
    const call = this.#calls.get(keyOf(message.from, message.session));
    if (call === undefined) return; // Late: its session has ended.
    call.onAnswer();
    if (message.type === 'refuse') call.negotiation.cancel();
    else call.negotiation.signal(message.data);
  }

  #onCall({ from, session, data }: BroadcastMessage & { type: 'call' }): void {
    const { channel, config, mayAccept } = this.#options;
    const key = keyOf(from, session);
    if (this.#calls.has(key)) return;
    if (!mayAccept() || this.#incomingCount >= config.incomingCountMax) {
      return channel.post({ type: 'refuse', to: from, session });
    }
    const negotiation = negotiateSimplePeer({
      isInitiator: false,
      iceServers: NO_ICE_SERVERS,
      timeoutMs: config.linkMs,
      onSignal: answer => channel.post({ type: 'signal', to: from, session, data: answer }),
    });
    this.#calls.set(key, { negotiation, onAnswer: () => {} });
    this.#incomingCount++;
    negotiation.signal(data);
    void this.#finishIncoming(key, negotiation);
  }

  async #finishIncoming(key: string, negotiation: LinkNegotiation): Promise<void> {
    try {
      const link = await negotiation.link;
      if (this.#isClosed) link.close();
      else this.#options.onLink(link);
    } catch {
      // The newcomer knows, and tries another member.
    } finally {
      this.#incomingCount--;
      this.#calls.delete(key);
    }
  }
}

function keyOf(page: string, session: string): string {
  return `${page}/${session}`;
}
