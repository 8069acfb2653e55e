import { TabringError } from '../../kernel/errors.ts';
import type { Clock } from '../clock.ts';

export function aborted(cause?: unknown): TabringError {
  return new TabringError('aborted', 'looking for other tabs was aborted', { cause });
}

/** Throws `aborted` if the signal has fired. */
export function throwIfAborted(signal: AbortSignal): void {
  if (signal.aborted) throw aborted(signal.reason);
}

/** Resolves after this long, or rejects with `aborted`. */
export function pause(clock: Clock, delayMs: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    if (signal.aborted) return reject(aborted(signal.reason));
    const onAbort = (): void => {
      cancel();
      reject(aborted(signal.reason));
    };
    const cancel = clock.after(delayMs, () => {
      signal.removeEventListener('abort', onAbort);
      resolve();
    });
    signal.addEventListener('abort', onAbort, { once: true });
  });
}

/** The same promise, but it rejects with `aborted` as soon as the signal fires. */
export function unlessAborted<T>(promise: Promise<T>, signal: AbortSignal): Promise<T> {
  return new Promise((resolve, reject) => {
    if (signal.aborted) reject(aborted(signal.reason));
    const onAbort = (): void => reject(aborted(signal.reason));
    signal.addEventListener('abort', onAbort, { once: true });
    promise
      .then(resolve, reject)
      .finally(() => signal.removeEventListener('abort', onAbort))
      .catch(() => {}); // Told through the promise that is returned.
  });
}

/** A signal that fires after this long; `stop` when it is not needed any more. */
export function deadline(clock: Clock, delayMs: number): { signal: AbortSignal; stop: () => void } {
  const controller = new AbortController();
  const stop = clock.after(delayMs, () => controller.abort());
  return { signal: controller.signal, stop };
}

/** What is awaited, and somebody who says when it has come. */
export class Signpost<T> {
  readonly reached: Promise<T>;
  #resolve: (value: T) => void = () => {};
  #reject: (error: unknown) => void = () => {};

  constructor() {
    this.reached = new Promise<T>((resolve, reject) => {
      this.#resolve = resolve;
      this.#reject = reject;
    });
    this.reached.catch(() => {}); // Nobody need be waiting.
  }

  reach(value: T): void {
    this.#resolve(value);
  }

  fail(error: unknown): void {
    this.#reject(error);
  }
}
