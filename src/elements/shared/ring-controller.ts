import { ContextConsumer } from '@lit/context';
import type { LitElement, ReactiveController } from 'lit';
import type { Tabring, TabringEventMap } from '../../api/tabring.ts';
import { joinStateContext, ringContext, type JoinState } from './context.ts';

export interface RingControllerOptions {
  /** Called for every event of the ring while the host is connected. */
  readonly listeners?: {
    readonly [K in keyof TabringEventMap]?: (event: TabringEventMap[K]) => void;
  };
  /** Called when the host has another ring than before, or none any more. */
  readonly onRing?: (ring: Tabring | undefined) => void;
}

/**
 * Finds the ring its host shows, and listens to it: the host's own `ring` if it was given one, else
 * that of the enclosing `<tab-ring>`. Listens only while the host is connected, and forgets a
 * `<tab-ring>` the host has been taken out of.
 */
export class RingController implements ReactiveController {
  readonly #host: LitElement;
  readonly #options: RingControllerOptions;
  readonly #consumer: ContextConsumer<typeof ringContext, LitElement>;
  readonly #joinState: ContextConsumer<typeof joinStateContext, LitElement>;
  #own: Tabring | undefined;
  #provided: Tabring | undefined;
  #followed: Tabring | undefined;
  #stops: (() => void)[] = [];

  constructor(host: LitElement, options: RingControllerOptions = {}) {
    this.#host = host;
    this.#options = options;
    this.#consumer = new ContextConsumer(host, {
      context: ringContext,
      subscribe: true,
      callback: ring => {
        this.#provided = ring;
        this.#follow();
      },
    });
    this.#joinState = new ContextConsumer(host, { context: joinStateContext, subscribe: true });
    host.addController(this);
  }

  /** The ring the host shows at the moment. */
  get ring(): Tabring | undefined {
    return this.#own ?? this.#provided;
  }

  /** What the enclosing `<tab-ring>` is doing, which says whether there will be a ring. */
  get joinState(): JoinState | undefined {
    return this.#joinState.value;
  }

  /** The ring that was given to the host itself; it goes before the one around it. */
  set own(ring: Tabring | undefined) {
    this.#own = ring;
    this.#follow();
  }

  hostConnected(): void {
    this.#follow();
    // An element may be defined before `<tab-ring>` is: then nobody has heard its request.
    if (customElements.get('tab-ring') !== undefined) return;
    void customElements.whenDefined('tab-ring').then(() => {
      if (!this.#host.isConnected) return;
      this.#consumer.hostConnected();
      this.#joinState.hostConnected();
    });
  }

  hostDisconnected(): void {
    this.#provided = undefined;
    this.#follow();
  }

  #follow(): void {
    const ring = this.#host.isConnected ? this.ring : undefined;
    if (ring === this.#followed) return;
    for (const stop of this.#stops) stop();
    this.#followed = ring;
    this.#stops = ring === undefined ? [] : this.#listen(ring);
    this.#options.onRing?.(ring);
    this.#host.requestUpdate();
  }

  #listen(ring: Tabring): (() => void)[] {
    const { statuschange, ringchange, trace, problem } = this.#options.listeners ?? {};
    return [
      statuschange && ring.on('statuschange', statuschange),
      ringchange && ring.on('ringchange', ringchange),
      trace && ring.on('trace', trace),
      problem && ring.on('problem', problem),
    ].filter(stop => stop !== undefined);
  }
}
