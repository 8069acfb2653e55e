import { Tabring, TabringError } from '../../../src/index.ts';

/**
 * A page that joins the network of its address and holds on to the ring:
 * `?network=…&signaling=…&store=…`, and `&wait` to leave joining to the test.
 */
declare global {
  interface Window {
    Tabring: typeof Tabring;
    TabringError: typeof TabringError;
    ring: Tabring | undefined;
    /** The code of the error that joining ended with. */
    joinError: string | undefined;
    /** Milliseconds from the beginning of the navigation until the page was on the ring. */
    joinedMs: number | undefined;
    /** Codes of problems and lines of the log. */
    problems: string[];
    lines: string[];
  }
}

const query = new URLSearchParams(location.search);
window.Tabring = Tabring;
window.TabringError = TabringError;
window.problems = [];
window.lines = [];

async function join(): Promise<void> {
  try {
    const ring = await Tabring.join({
      network: query.get('network') ?? 'test',
      signaling: query.get('signaling') ?? undefined,
      store: query.get('store') === 'memory' ? 'memory' : 'indexeddb',
    });
    window.joinedMs = performance.now();
    ring.on('problem', ({ error }) => window.problems.push(error.code));
    ring.on('trace', ({ entry }) => console.log(`${Math.round(performance.now())} ${entry.text}`));
    ring.on('statuschange', ({ status }) => console.log(`status: ${status}`));
    window.ring = ring;
  } catch (error) {
    window.joinError = error instanceof TabringError ? error.code : String(error);
    console.log(`joining failed: ${String(error)}`);
  }
}

if (!query.has('wait')) await join();
