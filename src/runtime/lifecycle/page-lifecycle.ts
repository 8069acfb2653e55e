/** What becomes of the page, as far as a peer in it must know. */
export interface PageLifecycleListener {
  /** The page goes away, or is about to be frozen: nothing runs after this call returns. */
  onPause(why: string): void;
  /** The page is back from the cache or from being frozen. */
  onResume(): void;
}

/**
 * Listens to the page's life cycle: `pagehide` and `freeze` end a session, `pageshow` from the
 * back/forward cache and `resume` begin another. A hidden page goes on: data channels keep it from
 * being throttled, and other tabs count on its replicas. Returns what stops listening; does nothing
 * where there is no page.
 */
export function watchPageLifecycle(listener: PageLifecycleListener): () => void {
  if (typeof window === 'undefined') return () => undefined;
  const stop = new AbortController();
  const { signal } = stop;
  window.addEventListener('pagehide', () => listener.onPause('the page is going away'), { signal });
  document.addEventListener('freeze', () => listener.onPause('the page is frozen'), { signal });
  window.addEventListener('pageshow', event => event.persisted && listener.onResume(), { signal });
  document.addEventListener('resume', () => listener.onResume(), { signal });
  return () => stop.abort();
}
