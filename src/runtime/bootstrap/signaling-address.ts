import { TabringError } from '../../kernel/errors.ts';

/** A signaling server's address, and its parts the way peerjs wants them. */
export type SignalingAddress = {
  /** The base of everything, without a slash at its end. */
  readonly url: string;
  readonly host: string;
  readonly port: number;
  readonly path: string;
  readonly secure: boolean;
};

/**
 * Reads an address, absolute or relative to the page's own. Throws `invalid-argument`. It never
 * falls back on any other server.
 */
export function parseSignalingAddress(text: string): SignalingAddress {
  const url = resolve(text);
  const isHttp = url?.protocol === 'http:' || url?.protocol === 'https:';
  // `fetch` refuses addresses with a user's name in them.
  if (url === null || !isHttp || url.hostname === '' || url.username + url.password !== '') {
    const shown = JSON.stringify(text.slice(0, 80));
    throw new TabringError('invalid-argument', `signaling is an http(s) address, not ${shown}`);
  }
  const secure = url.protocol === 'https:';
  const path = url.pathname.replace(/\/+$/, '');
  return {
    url: url.origin + path,
    host: url.hostname,
    port: url.port === '' ? (secure ? 443 : 80) : Number(url.port),
    path: `${path}/`,
    secure,
  };
}

function resolve(text: string): URL | null {
  try {
    return new URL(text, typeof location === 'undefined' ? undefined : location.href);
  } catch {
    return null;
  }
}
