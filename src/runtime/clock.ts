/** Time and timers for a driver. */
export interface Clock {
  /** Milliseconds; never runs backwards. */
  now(): number;
  /** Calls back once, after about this long, in hidden tabs too. Returns what cancels it. */
  after(delayMs: number, callback: () => void): () => void;
}

/** The worker is a plain alarm clock: it is told a number and a delay, and says the number then. */
const WORKER_SOURCE = `onmessage = ({ data: [alarm, delayMs] }) =>
  setTimeout(() => postMessage(alarm), delayMs);`;

type Alarm = { readonly dueMs: number; readonly callback: () => void };

/**
 * Timers of a page that is not in front fire once a second at best; those of a worker do not know
 * of it. So the waiting is done in a worker, where the page's content security policy allows one,
 * and by the page itself where not.
 */
class PageClock implements Clock {
  #worker: Worker | null = makeWorker();
  readonly #alarms = new Map<number, Alarm>();
  #nextAlarm = 1;

  constructor() {
    if (!this.#worker) return;
    this.#worker.onmessage = ({ data }: MessageEvent<number>) => this.#ring(data);
    // Some policies refuse only now, when alarms have been set: those go over to the page.
    this.#worker.onerror = () => {
      this.#worker = null;
      for (const [number, { dueMs }] of this.#alarms) this.#arm(number, dueMs - this.now());
    };
  }

  now(): number {
    return performance.now();
  }

  after(delayMs: number, callback: () => void): () => void {
    const number = this.#nextAlarm++;
    this.#alarms.set(number, { dueMs: this.now() + delayMs, callback });
    this.#arm(number, delayMs);
    return () => void this.#alarms.delete(number);
  }

  #arm(number: number, delayMs: number): void {
    if (this.#worker) this.#worker.postMessage([number, delayMs]);
    else setTimeout(() => this.#ring(number), delayMs);
  }

  #ring(number: number): void {
    const alarm = this.#alarms.get(number);
    this.#alarms.delete(number);
    alarm?.callback();
  }
}

function makeWorker(): Worker | null {
  try {
    const url = URL.createObjectURL(new Blob([WORKER_SOURCE], { type: 'text/javascript' }));
    return new Worker(url, { name: 'tabring clock' });
  } catch {
    return null; // Refused at once: hidden tabs will be slower, and nothing else is lost.
  }
}

let shared: Clock | null = null;

/** The clock of this page, one for all its peers. */
export function pageClock(): Clock {
  shared ??= new PageClock();
  return shared;
}
