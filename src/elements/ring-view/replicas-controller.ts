import type { LitElement } from 'lit';
import type { ReplicaSnapshot } from '../../api/snapshot.ts';
import type { Tabring } from '../../api/tabring.ts';
import { PollController } from '../shared/poll-controller.ts';

/** Replicas move when tabs come and go, and change when somebody writes. */
const PERIOD_MS = 2_000;

/** Keeps an eye on where the replicas of one key are. */
export class ReplicasController {
  readonly #host: LitElement;
  readonly #poll: PollController;
  #ring: Tabring | undefined;
  #key = '';
  #replicas: readonly ReplicaSnapshot[] = [];

  constructor(host: LitElement) {
    this.#host = host;
    this.#poll = new PollController(host, {
      work: signal => this.#ask(signal),
      delayMs: () => PERIOD_MS,
    });
  }

  /** In order of their number; empty without a key, or before the first answer. */
  get replicas(): readonly ReplicaSnapshot[] {
    return this.#replicas;
  }

  /** Which key's replicas, on which ring. Those of another are forgotten at once. */
  watch(ring: Tabring | undefined, key: string): void {
    if (ring === this.#ring && key === this.#key) return;
    this.#ring = ring;
    this.#key = key;
    this.#replicas = [];
    this.#poll.restart();
  }

  /** The ring has changed: asks again soon. */
  poke(): void {
    if (this.#key !== '') this.#poll.poke();
  }

  async #ask(signal: AbortSignal): Promise<void> {
    if (this.#ring === undefined || this.#key === '') return;
    try {
      const replicas = await this.#ring.replicas(this.#key, { signal });
      if (signal.aborted) return; // They are those of the key before.
      this.#replicas = replicas;
      this.#host.requestUpdate();
    } catch {
      // No answer, or a key no store would take: what was known stays until the next round.
    }
  }
}
