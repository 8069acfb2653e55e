/** A random name for this page, new at each start: 128 bits, in what PeerServer takes for an id. */
export function newPageId(): string {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  return Array.from(bytes, byte => byte.toString(16).padStart(2, '0')).join('');
}

/** What `newPageId` may have made. */
export const PAGE_ID_PATTERN = /^[A-Za-z0-9_-]{1,64}$/;

/** Enough of it to tell pages apart in a log. */
export function shortId(id: string): string {
  return id.slice(0, 6);
}
