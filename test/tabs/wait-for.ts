import type { Page } from 'playwright-core';

/** How often the page looks. */
const POLL_MS = 25;
/** What a page may take to answer on top of the time it was given. */
const ANSWER_MS = 3_000;

export interface WaitOptions<A, S> {
  /** Completes "… did not happen"; by default the source of the condition. */
  readonly what?: string;
  readonly timeoutMs?: number;
  /** Plain JSON for the condition, which runs in the page and sees nothing else of the test. */
  readonly arg?: A;
  /** Runs in the page when the time is over; what it returns is shown as the last state. */
  readonly state?: (arg: A) => S;
}

type Look = { readonly isDone: boolean; readonly value: unknown };
type Patience = { readonly arg: unknown; readonly ms: number; readonly pollMs: number };

/**
 * Resolves with what the condition returns in the page as soon as that is truthy. A condition that
 * throws is not met yet; navigations on the way do no harm. Rejects with the last state, never
 * later than a few seconds after `timeoutMs` (10 s by default).
 */
export async function waitFor<R, A = undefined, S = unknown>(
  page: Page,
  condition: (arg: A) => R | Promise<R>,
  options: WaitOptions<A, S> = {},
): Promise<Exclude<Awaited<R>, false | 0 | '' | null | undefined>> {
  const { what = shorten(condition.toString()), timeoutMs = 10_000, arg, state } = options;
  const deadline = performance.now() + timeoutMs;
  let last: Look = { isDone: false, value: 'the page never answered' };
  do {
    const ms = Math.max(0, deadline - performance.now());
    last = await ask(page, condition.toString(), { arg, ms, pollMs: POLL_MS });
    if (last.isDone) return last.value as Awaited<ReturnType<typeof waitFor<R, A, S>>>;
  } while (performance.now() < deadline && !page.isClosed());
  if (state !== undefined) {
    last = await ask(page, state.toString(), { arg, ms: 0, pollMs: POLL_MS });
  }
  throw new Error(`Not within ${timeoutMs} ms: ${what}\nlast state: ${inWords(last.value)}`);
}

/** One look that lasts until the condition is met, the time is over, or the page is navigated. */
async function ask(page: Page, condition: string, patience: Patience): Promise<Look> {
  let timer: NodeJS.Timeout | undefined;
  const silence = new Promise<Look>(resolve => {
    const value = 'the page does not answer';
    timer = setTimeout(() => resolve({ isDone: false, value }), patience.ms + ANSWER_MS);
  });
  // An answer that comes after a navigation or a crash is the reason why there is none.
  const source = `(${look.toString()})(${condition}, ${JSON.stringify(patience)})`;
  const answer = page.evaluate<Look>(source).catch(async (error: unknown) => {
    // Looking again at once would be a busy loop while the next document is on its way.
    await new Promise(resolve => setTimeout(resolve, POLL_MS));
    return { isDone: false, value: error instanceof Error ? shorten(error.message) : error };
  });
  try {
    return await Promise.race([answer, silence]);
  } finally {
    clearTimeout(timer);
  }
}

/** Runs in the page. */
async function look(isMet: (arg: unknown) => unknown, patience: Patience): Promise<Look> {
  const { arg, ms, pollMs } = patience;
  const deadline = performance.now() + ms;
  for (;;) {
    let value: unknown;
    try {
      value = await isMet(arg);
      if (value) return { isDone: true, value };
    } catch (error) {
      value = `it throws ${String(error)}`;
    }
    if (performance.now() >= deadline) return { isDone: false, value };
    await new Promise(resolve => setTimeout(resolve, pollMs));
  }
}

function shorten(text: string): string {
  return text.length > 300 ? `${text.slice(0, 300)}…` : text;
}

function inWords(value: unknown): string {
  return typeof value === 'string' ? value : (JSON.stringify(value, null, 2) ?? String(value));
}
