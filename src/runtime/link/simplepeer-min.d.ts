/**
 * The prebuilt file of simple-peer 9: unlike its source it needs no Node globals. Declared is what
 * `simple-peer-link.ts` uses, the members with an underscore included, which are not documented
 * and have been the same in every 9.x.
 */
declare module 'simple-peer/simplepeer.min.js' {
  export interface SimplePeerOptions {
    readonly initiator: boolean;
    readonly config: RTCConfiguration;
    readonly channelConfig: RTCDataChannelInit;
  }

  export interface SimplePeerError extends Error {
    readonly code?: string;
  }

  export default class SimplePeer {
    constructor(options: SimplePeerOptions);

    /** Undefined when the browser refused to make one, and null after the end. */
    readonly _pc: RTCPeerConnection | null | undefined;
    readonly _channel: RTCDataChannel | null;
    _isNegotiating: boolean;
    _createOffer(): void;

    readonly destroyed: boolean;
    readonly destroying: boolean;
    negotiate(): void;
    signal(data: object): void;
    destroy(): void;

    on(event: 'signal', listener: (signal: unknown) => void): this;
    on(event: 'error', listener: (error: SimplePeerError) => void): this;
    on(event: 'close', listener: () => void): this;
  }
}
