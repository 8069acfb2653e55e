import type { LitElement } from 'lit';
import type { Tabring } from '../../api/tabring.ts';
import type { TabringError } from '../../kernel/errors.ts';
import type { Value } from '../../kernel/value.ts';
import { toTabringError } from '../shared/error-text.ts';
import { formatValue } from '../shared/format-value.ts';
import { PollController } from '../shared/poll-controller.ts';

/** What the last read of a key gave. `changes` counts how often that was something new. */
export type Reading = { readonly changes: number } & (
  | { readonly type: 'value'; readonly value: Value }
  | { readonly type: 'none' }
  | { readonly type: 'failed'; readonly error: TabringError }
);

/** Somebody else's change should be seen soon; a read is a few messages. */
const PERIOD_MS = 2_000;
/** A key that cannot be read must not keep the others waiting. */
const READ_TIMEOUT_MS = 4_000;

/** Reads a list of keys again and again, one after the other. */
export class ReadingsController {
  readonly #host: LitElement;
  readonly #poll: PollController;
  readonly #readings = new Map<string, Reading>();
  #ring: Tabring | undefined;
  #keys: readonly string[] = [];

  constructor(host: LitElement) {
    this.#host = host;
    this.#poll = new PollController(host, {
      work: signal => this.#readAll(signal),
      delayMs: () => PERIOD_MS,
    });
  }

  of(key: string): Reading | undefined {
    return this.#readings.get(key);
  }

  /** Which keys of which ring. What was read of another ring is forgotten. */
  watch(ring: Tabring | undefined, keys: readonly string[]): void {
    if (ring === this.#ring && keys === this.#keys) return;
    if (ring !== this.#ring) this.#readings.clear();
    for (const key of this.#readings.keys()) if (!keys.includes(key)) this.#readings.delete(key);
    this.#ring = ring;
    this.#keys = keys;
    this.#poll.restart();
  }

  /** A key has just been changed from here: reads anew at once. */
  poke(): void {
    this.#poll.restart();
  }

  async #readAll(signal: AbortSignal): Promise<void> {
    const ring = this.#ring;
    if (ring === undefined || ring.status === 'left') return;
    for (const key of this.#keys) {
      const reading = await read(ring, key, signal);
      if (signal.aborted) return; // What was asked is no longer of interest.
      this.#note(key, reading);
    }
  }

  #note(key: string, reading: Unnumbered): void {
    const before = this.#readings.get(key);
    if (before !== undefined && textOf(before) === textOf(reading)) return;
    this.#readings.set(key, { ...reading, changes: (before?.changes ?? -1) + 1 });
    this.#host.requestUpdate();
  }
}

type Unnumbered = Reading extends infer R
  ? R extends Reading
    ? Omit<R, 'changes'>
    : never
  : never;

async function read(ring: Tabring, key: string, signal: AbortSignal): Promise<Unnumbered> {
  try {
    const value = await ring.get(key, { signal, timeoutMs: READ_TIMEOUT_MS });
    return value === undefined ? { type: 'none' } : { type: 'value', value };
  } catch (thrown) {
    return { type: 'failed', error: toTabringError(thrown) };
  }
}

function textOf(reading: Unnumbered): string {
  if (reading.type === 'value') return `value ${formatValue(reading.value)}`;
  return reading.type === 'failed' ? `failed ${reading.error.code}` : reading.type;
}
