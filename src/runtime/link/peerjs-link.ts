import type { DataConnection, PeerConnectOption } from 'peerjs';
import { TabringError } from '../../kernel/errors.ts';
import { ChannelPort, isReliable } from './channel-port.ts';
import { FramedLink } from './framed-link.ts';
import type { Link } from './link.ts';

/**
 * What `Peer.connect` must be given for a connection that is to be a link: peerjs' own defaults are
 * unordered and change what is sent.
 */
export const PEERJS_LINK_OPTIONS = {
  reliable: true,
  serialization: 'raw',
} as const satisfies PeerConnectOption;

export interface DataConnectionOptions {
  readonly timeoutMs: number;
  readonly signal?: AbortSignal;
}

/**
 * Makes a link of a peerjs connection, made with `PEERJS_LINK_OPTIONS` or received. Must be called
 * in the same task as `Peer.connect` or the `connection` event, before anything can have arrived.
 * Resolves when the link is open; otherwise the connection is closed, and it rejects with
 * `TabringError` `unreachable` or `aborted`. (That the server does not know the other side is told
 * to the `Peer` and not to the connection: abort then.)
 *
 * The link outlives the `Peer`'s connection to its server, but not `Peer.destroy`.
 */
export async function linkFromDataConnection(
  connection: DataConnection | undefined,
  options: DataConnectionOptions,
): Promise<Link> {
  // Whatever its types say: there is no connection when the `Peer` has lost its server.
  if (connection === undefined) throw notOpened('the signaling server is not connected');
  try {
    await opened(connection, options);
    return linkOver(connection);
  } catch (error) {
    connection.close();
    throw error;
  }
}

/** Resolves in the task in which the channel opens, so that no message can come in between. */
async function opened(connection: DataConnection, options: DataConnectionOptions): Promise<void> {
  const { timeoutMs, signal: caller } = options;
  const over = new AbortController();
  const { signal } = over;
  let timer: ReturnType<typeof setTimeout> | undefined;
  try {
    await new Promise<void>((resolve, reject) => {
      const abort = (): void => reject(new TabringError('aborted', 'opening a link was aborted'));
      if (caller?.aborted === true) return abort();
      if (connection.open) return resolve();
      caller?.addEventListener('abort', abort, { signal });
      const fail = (reason: string, cause?: unknown): void => reject(notOpened(reason, cause));
      timer = setTimeout(() => fail(`nobody answered within ${timeoutMs} ms`), timeoutMs);
      connection.once('open', resolve);
      // Settling twice does nothing, so these may stay.
      connection.once('close', () => fail('the connection closed before it was open'));
      connection.once('error', error => fail(error.message, error));
      onFailed(connection, () => fail('no way through the networks was found'), signal);
    });
  } finally {
    clearTimeout(timer);
    over.abort();
  }
}

function linkOver(connection: DataConnection): Link {
  const { dataChannel, serialization } = connection;
  // Received connections are as the other side made them.
  if (serialization !== PEERJS_LINK_OPTIONS.serialization || !isReliable(dataChannel)) {
    throw notOpened('the other side did not make the connection for a link');
  }
  const over = new AbortController();
  const port = new ChannelPort(dataChannel, () => {
    over.abort();
    connection.close();
  });
  connection.on('error', () => port.end('failed'));
  connection.on('close', () => port.end('closed-by-peer'));
  onFailed(connection, () => port.end('failed'), over.signal);
  return new FramedLink('peerjs', port);
}

/** peerjs itself looks at the ICE state only, which stays `disconnected` when the peer is gone. */
function onFailed(connection: DataConnection, callback: () => void, signal: AbortSignal): void {
  // Null, whatever its type says, once the connection is closed: then that is what is told.
  const peerConnection: RTCPeerConnection | null = connection.peerConnection;
  const onChange = (): void => {
    if (peerConnection?.connectionState === 'failed') callback();
  };
  peerConnection?.addEventListener('connectionstatechange', onChange, { signal });
}

function notOpened(reason: string, cause?: unknown): TabringError {
  return new TabringError('unreachable', `no link could be opened: ${reason}`, { cause });
}
