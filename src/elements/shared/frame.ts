/**
 * Runs `work` once in the next animation frame, however often it is asked for. A hidden page gets no
 * frames: nobody looks, so the work waits until somebody does.
 */
export class Frame {
  readonly #work: () => void;
  #handle: number | undefined;

  constructor(work: () => void) {
    this.#work = work;
  }

  request(): void {
    this.#handle ??= requestAnimationFrame(() => {
      this.#handle = undefined;
      this.#work();
    });
  }

  cancel(): void {
    if (this.#handle !== undefined) cancelAnimationFrame(this.#handle);
    this.#handle = undefined;
  }
}
