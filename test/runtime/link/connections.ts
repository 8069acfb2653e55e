/** What was made of `RTCPeerConnection` while recording. */
export interface Recording {
  readonly connections: RTCPeerConnection[];
  readonly channels: RTCDataChannel[];
  stop(): void;
}

/** Notes every peer connection of this page that makes a data channel, with the channel. */
export function recordConnections(): Recording {
  const connections: RTCPeerConnection[] = [];
  const channels: RTCDataChannel[] = [];
  const original = RTCPeerConnection.prototype.createDataChannel;
  RTCPeerConnection.prototype.createDataChannel = function (label, options) {
    const channel = original.call(this, label, options);
    connections.push(this);
    channels.push(channel);
    return channel;
  };
  const stop = (): void => void (RTCPeerConnection.prototype.createDataChannel = original);
  return { connections, channels, stop };
}

/** Makes a connection look as it does half a minute after the other side vanished. */
export function failConnection(connection: RTCPeerConnection): void {
  setConnectionState(connection, 'failed');
}

export function setConnectionState(
  connection: RTCPeerConnection,
  state: RTCPeerConnectionState,
): void {
  Object.defineProperty(connection, 'connectionState', { value: state, configurable: true });
  connection.dispatchEvent(new Event('connectionstatechange'));
}
