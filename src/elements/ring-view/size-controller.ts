import type { ReactiveController, ReactiveElement } from 'lit';
import { Frame } from '../shared/frame.ts';

/** Used until the browser has laid the host out. */
const WIDTH_PX_DEFAULT = 480;

/** Measures the width its host has for the drawing: the part of it found by `selector`. */
export class SizeController implements ReactiveController {
  readonly #host: ReactiveElement;
  readonly #selector: string;
  readonly #frame: Frame;
  #observer: ResizeObserver | undefined;
  #widthPx = WIDTH_PX_DEFAULT;

  constructor(host: ReactiveElement, selector: string) {
    this.#host = host;
    this.#selector = selector;
    this.#frame = new Frame(() => host.requestUpdate());
    host.addController(this);
  }

  get widthPx(): number {
    return this.#widthPx;
  }

  hostConnected(): void {
    this.#observe();
  }

  hostUpdated(): void {
    this.#observe();
  }

  hostDisconnected(): void {
    this.#observer?.disconnect();
    this.#observer = undefined;
    this.#frame.cancel();
  }

  #observe(): void {
    if (this.#observer !== undefined || !this.#host.isConnected) return;
    // Nothing is rendered yet when the host is first connected.
    const part = this.#host.shadowRoot?.querySelector(this.#selector);
    if (!part) return;
    this.#observer = new ResizeObserver(entries => this.#onResize(entries));
    this.#observer.observe(part);
  }

  #onResize(entries: readonly ResizeObserverEntry[]): void {
    const widthPx = Math.floor(entries.at(-1)?.contentRect.width ?? 0);
    if (widthPx === 0 || widthPx === this.#widthPx) return; // Not displayed keeps its last size.
    this.#widthPx = widthPx;
    // Drawn at once, the new height would come within the same round of measuring: browsers call
    // that a loop and report an error.
    this.#frame.request();
  }
}
