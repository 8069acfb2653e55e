import type { Bootstrap } from './bootstrap.ts';
import { BroadcastBootstrap } from './broadcast-bootstrap.ts';
import { CombinedBootstrap } from './combined-bootstrap.ts';
import { newPageId } from './page-id.ts';
import { ServerBootstrap } from './server-bootstrap.ts';

export type OpenBootstrapOptions = {
  readonly network: string;
  /** Null for tabs of this browser only. */
  readonly signaling: string | null;
  /** In place of those that the signaling server hands out. */
  readonly iceServers?: readonly RTCIceServer[] | null;
  /** Told when the server is lost and found again, in words. */
  readonly onTrace?: (text: string) => void;
};

/** The bootstrap of a page. Throws `invalid-argument` if the address is not one. */
export function openBootstrap(options: OpenBootstrapOptions): Bootstrap {
  const { network, signaling, iceServers = null, onTrace = () => {} } = options;
  const page = newPageId(); // One name for both, so that a page found twice is one contact.
  if (signaling === null) return new BroadcastBootstrap({ network, page });
  // First, because it may throw, and the other one holds on to something.
  const server = new ServerBootstrap({ network, signaling, page, iceServers, onTrace });
  return new CombinedBootstrap({ tabs: new BroadcastBootstrap({ network, page }), server });
}
