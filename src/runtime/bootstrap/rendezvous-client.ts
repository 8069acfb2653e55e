import { TabringError } from '../../kernel/errors.ts';
import type { Clock } from '../clock.ts';
import type { SignalingAddress } from './signaling-address.ts';
import { invalid, parseAnswer, parseHello, type SignalingAnswer } from './signaling-answer.ts';
import { aborted, deadline, throwIfAborted } from './wait.ts';

/** An answer names a few members; one of this size is something else. */
const BODY_BYTES_MAX = 64 * 1024;

/** What a page asks the server, see `signaling/README.md`. */
export type SignalingRequest =
  | { readonly action: 'introduce'; readonly holdsStore: boolean }
  | { readonly action: 'renew' | 'register' | 'find' | 'withdraw' };

export type RendezvousClientOptions = {
  readonly address: SignalingAddress;
  readonly network: string;
  readonly clock: Clock;
  readonly timeoutMs: number;
};

/**
 * Talks with the rendezvous of a signaling server. Every call ends within its time-out, and rejects
 * with `TabringError` `signaling-unreachable`, `signaling-invalid` or `aborted`.
 */
export class RendezvousClient {
  readonly #options: RendezvousClientOptions;
  readonly #url: string;

  constructor(options: RendezvousClientOptions) {
    this.#options = options;
    this.#url = `${options.address.url}/rendezvous`;
  }

  /**
   * Whether this is a signaling server at all, and which ICE servers it hands out. When nothing can
   * be read, `isThorough` asks once more whether anything is there.
   */
  async hello(
    signal: AbortSignal,
    { isThorough }: { readonly isThorough: boolean },
  ): Promise<readonly RTCIceServer[]> {
    const { status, body } = await this.#fetch({ method: 'GET' }, signal).catch(async error => {
      if (!isThorough || !(await this.#isAnythingThere(signal))) throw error;
      throw invalid('this page may not read what it answers');
    });
    return parseHello(status, body);
  }

  /** Rejects with `NotConnected`, too. */
  async ask(
    request: SignalingRequest,
    page: { readonly id: string; readonly token: string; readonly failed: readonly string[] },
    signal: AbortSignal,
  ): Promise<SignalingAnswer> {
    // Text, so that a browser need not ask first whether it may send it to another origin.
    const text = JSON.stringify({ network: this.#options.network, ...page, ...request });
    const { status, body } = await this.#fetch({ method: 'POST', body: text }, signal);
    return parseAnswer(status, body);
  }

  /**
   * Most servers that are not ours do not let pages of other origins read their answers, which to a
   * page looks like no answer at all. Whether there is one can be learned all the same.
   */
  async #isAnythingThere(signal: AbortSignal): Promise<boolean> {
    try {
      await this.#fetch({ method: 'GET', mode: 'no-cors' }, signal);
      return true;
    } catch {
      throwIfAborted(signal);
      return false;
    }
  }

  async #fetch(init: RequestInit, signal: AbortSignal): Promise<{ status: number; body: string }> {
    throwIfAborted(signal);
    const { clock, timeoutMs } = this.#options;
    const late = deadline(clock, timeoutMs);
    try {
      const response = await fetch(this.#url, {
        ...init,
        signal: AbortSignal.any([signal, late.signal]),
        cache: 'no-store',
        credentials: 'omit',
      });
      return { status: response.status, body: await readBody(response) };
    } catch (error) {
      if (signal.aborted) throw aborted(signal.reason);
      if (error instanceof TabringError) throw error;
      throw new TabringError('signaling-unreachable', this.#describe(late.signal.aborted), {
        cause: error,
      });
    } finally {
      late.stop();
    }
  }

  #describe(isLate: boolean): string {
    const { address, timeoutMs } = this.#options;
    const why = isLate ? `did not answer within ${timeoutMs} ms` : 'cannot be reached';
    return `The signaling server at ${address.url} ${why}.`;
  }
}

/** Reads no more than a real answer can have. */
async function readBody(response: Response): Promise<string> {
  const reader = response.body?.getReader();
  if (reader === undefined) return '';
  const decoder = new TextDecoder();
  let text = '';
  for (let bytes = 0; ;) {
    const { done, value } = await reader.read();
    if (done) return text + decoder.decode();
    bytes += value.length;
    if (bytes > BODY_BYTES_MAX) {
      reader.cancel().catch(() => {}); // It is of no interest any more.
      throw invalid('its answer does not end');
    }
    text += decoder.decode(value, { stream: true });
  }
}
