import {
  formatBroadcast,
  parseBroadcast,
  type BroadcastContent,
  type BroadcastMessage,
} from './broadcast-message.ts';

/**
 * What pages of one origin and browser say to each other about one network. Nothing reaches a page
 * that is frozen, and nothing is ever repeated. Where there is no `BroadcastChannel` it is silent.
 */
export class TabChannel {
  readonly #page: string;
  readonly #channel: BroadcastChannel | null;
  readonly #listeners = new Set<(message: BroadcastMessage) => void>();
  #malformedCount = 0;
  #isClosed = false;

  constructor(network: string, page: string) {
    this.#page = page;
    const isSupported = typeof BroadcastChannel !== 'undefined';
    this.#channel = isSupported ? new BroadcastChannel(`tabring/${network}`) : null;
    if (this.#channel === null) return;
    this.#channel.onmessage = ({ data }: MessageEvent<unknown>) => this.#take(data);
    this.#channel.onmessageerror = () => this.#malformedCount++;
  }

  /** Messages that were out of shape. */
  get malformedCount(): number {
    return this.#malformedCount;
  }

  post(content: BroadcastContent): void {
    if (!this.#isClosed) this.#channel?.postMessage(formatBroadcast(this.#page, content));
  }

  /** Calls back for messages to all and to this page. Returns what stops it. */
  listen(listener: (message: BroadcastMessage) => void): () => void {
    this.#listeners.add(listener);
    return () => void this.#listeners.delete(listener);
  }

  close(): void {
    this.#isClosed = true;
    this.#listeners.clear();
    this.#channel?.close();
  }

  #take(data: unknown): void {
    const message = parseBroadcast(data);
    if (message === null) {
      this.#malformedCount++;
      return;
    }
    const isForOthers = 'to' in message && message.to !== this.#page;
    if (isForOthers || message.from === this.#page) return;
    for (const listener of [...this.#listeners]) listener(message);
  }
}
