import type { LitElement, ReactiveController } from 'lit';
import type { Tabring } from '../../api/tabring.ts';
import type { RingSnapshot } from '../../api/snapshot.ts';
import type { JoinState } from '../shared/context.ts';
import { Frame } from '../shared/frame.ts';
import { RingController } from '../shared/ring-controller.ts';

export interface SnapshotControllerOptions {
  readonly onRing?: (ring: Tabring | undefined) => void;
  /** Called with every new snapshot, before the host is updated. */
  readonly onSnapshot?: (snapshot: RingSnapshot) => void;
}

/** Keeps a snapshot of the host's ring fresh: a new one per animation frame at most. */
export class SnapshotController implements ReactiveController {
  readonly #host: LitElement;
  readonly #options: SnapshotControllerOptions;
  readonly #source: RingController;
  readonly #frame = new Frame(() => this.#take());
  #snapshot: RingSnapshot | undefined;

  constructor(host: LitElement, options: SnapshotControllerOptions = {}) {
    this.#host = host;
    this.#options = options;
    const onChange = (): void => this.#frame.request();
    this.#source = new RingController(host, {
      listeners: { ringchange: onChange, statuschange: onChange },
      onRing: ring => {
        this.#snapshot = undefined;
        options.onRing?.(ring);
        if (ring) this.#take();
      },
    });
    host.addController(this);
  }

  get ring(): Tabring | undefined {
    return this.#source.ring;
  }

  /** What the enclosing `<tab-ring>` is doing. */
  get joinState(): JoinState | undefined {
    return this.#source.joinState;
  }

  set own(ring: Tabring | undefined) {
    this.#source.own = ring;
  }

  /** What the ring looked like in the last frame; undefined without a ring. */
  get snapshot(): RingSnapshot | undefined {
    return this.#snapshot;
  }

  /** Round trips and counters change without an event: asks for a new snapshot all the same. */
  refresh(): void {
    if (this.ring) this.#frame.request();
  }

  hostConnected(): void {
    this.refresh(); // What happened while the host was out of the document was not heard.
  }

  hostDisconnected(): void {
    this.#frame.cancel();
  }

  #take(): void {
    const { ring } = this;
    if (ring === undefined) return;
    this.#snapshot = ring.snapshot();
    this.#options.onSnapshot?.(this.#snapshot);
    this.#host.requestUpdate();
  }
}
