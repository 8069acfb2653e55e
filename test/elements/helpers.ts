import type { LitElement } from 'lit';

const TIMEOUT_MS = 5_000;

/** Waits until `condition` holds. */
export async function until(condition: () => boolean, what: string): Promise<void> {
  const deadline = performance.now() + TIMEOUT_MS;
  while (!condition()) {
    if (performance.now() > deadline) throw new Error(`waited in vain: ${what}`);
    await new Promise(resolve => requestAnimationFrame(resolve));
  }
}

/** Two frames: what is done once per frame has been done. */
export async function frames(): Promise<void> {
  for (let i = 0; i < 2; i++) await new Promise(resolve => requestAnimationFrame(resolve));
}

/** A place in the page that is emptied by `clear`. */
export class Playground {
  readonly #box = document.createElement('div');

  constructor(widthPx = 900) {
    this.#box.style.width = `${widthPx}px`;
    document.body.append(this.#box);
  }

  add<T extends Element>(element: T): T {
    this.#box.append(element);
    return element;
  }

  set widthPx(widthPx: number) {
    this.#box.style.width = `${widthPx}px`;
  }

  get box(): HTMLElement {
    return this.#box;
  }

  clear(): void {
    this.#box.remove();
  }
}

/** All elements in the shadow root that `selector` finds. */
export function all<T extends Element = HTMLElement>(host: LitElement, selector: string): T[] {
  return [...host.renderRoot.querySelectorAll<T>(selector)];
}

/** The one element in the shadow root that `selector` finds. */
export function one<T extends Element = HTMLElement>(host: LitElement, selector: string): T {
  const found = all<T>(host, selector);
  if (found.length !== 1) throw new Error(`${selector}: ${found.length} found instead of 1`);
  return found[0]!;
}

export function textOf(element: Element): string {
  return (element.textContent ?? '').replace(/\s+/g, ' ').trim();
}

export function press(target: Element, key: string): void {
  target.dispatchEvent(
    new KeyboardEvent('keydown', { key, bubbles: true, cancelable: true, composed: true }),
  );
}
