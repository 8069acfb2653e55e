/** Undoes all stubs, last first. */
export class Stubs {
  readonly #undo: (() => void)[] = [];

  /** Puts something else in the place of a member, an inherited one too. */
  replace<T extends object, K extends keyof T>(target: T, name: K, value: T[K] | undefined): void {
    const before = Object.getOwnPropertyDescriptor(target, name);
    Object.defineProperty(target, name, { value, configurable: true, writable: true });
    this.#undo.push(() => {
      if (before === undefined) delete target[name];
      else Object.defineProperty(target, name, before);
    });
  }

  /** Makes every timer from now on a thousand times as fast. */
  hurryTimers(): void {
    const { setTimeout } = globalThis;
    const hurried = (callback: () => void, delayMs = 0): unknown =>
      setTimeout(callback, delayMs / 1_000);
    this.replace(globalThis, 'setTimeout', hurried as typeof setTimeout);
  }

  restore(): void {
    for (const undo of this.#undo.splice(0).reverse()) undo();
  }
}
