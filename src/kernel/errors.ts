/**
 * Why a call was rejected.
 * - `aborted`: thrown when the caller's `AbortSignal` fired.
 * - `timeout`: thrown when a call's deadline passed.
 * - `invalid-argument`: thrown when a key, a value or an option is outside the documented limits.
 * - `no-majority`: thrown when fewer than a majority of a key's replicas answered in time;
 *   nothing was written.
 * - `outcome-unknown`: thrown when a write was sent, but a majority did not confirm it in time:
 *   it may or may not take effect.
 * - `unreachable`: thrown when others are known to exist, and none of them could be reached.
 * - `signaling-unreachable`: thrown when the signaling address gave no answer and no tab of this
 *   browser was there to join through.
 * - `signaling-invalid`: thrown when the signaling address answered with something else than its
 *   protocol.
 * - `store-full`: thrown when the browser has no room left for the peer's store. A write that was
 *   under way may still take effect once there is room.
 * - `store-failed`: thrown when the peer's store cannot be opened, read or written.
 * - `superseded`: thrown when another tab runs this peer now; this one has stopped.
 * - `left`: thrown when the peer has left the ring, or was told to while the call was under way.
 */
export type TabringErrorCode =
  | 'aborted'
  | 'timeout'
  | 'invalid-argument'
  | 'no-majority'
  | 'outcome-unknown'
  | 'unreachable'
  | 'signaling-unreachable'
  | 'signaling-invalid'
  | 'store-full'
  | 'store-failed'
  | 'superseded'
  | 'left';

/** The one error class of tabring: `code` says why, `message` says what to do about it. */
export class TabringError extends Error {
  readonly code: TabringErrorCode;

  constructor(code: TabringErrorCode, message: string, options?: { cause?: unknown }) {
    super(message, options);
    this.name = 'TabringError';
    this.code = code;
  }
}
