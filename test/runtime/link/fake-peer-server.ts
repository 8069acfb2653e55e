type ServerMessage = { type: string; src?: string; dst?: string; payload?: unknown };

/** What of a PeerServer two peers in one page need: it takes the place of `WebSocket`. */
export class FakePeerServer {
  readonly #clients = new Map<string, FakeSocket>();
  readonly #original = globalThis.WebSocket;

  start(): void {
    const connect = (id: string, socket: FakeSocket): void => void this.#clients.set(id, socket);
    const forward = (message: ServerMessage): void => {
      this.#clients.get(message.dst ?? '')?.deliver(message);
    };
    globalThis.WebSocket = class extends FakeSocket {
      constructor(url: string) {
        const id = new URL(url).searchParams.get('id') ?? '';
        super(message => forward({ ...message, src: id }));
        connect(id, this);
      }
    } as unknown as typeof WebSocket;
  }

  stop(): void {
    globalThis.WebSocket = this.#original;
  }

  /** Every client loses its connection to the server. */
  disconnectAll(): void {
    for (const socket of this.#clients.values()) socket.onclose?.();
    this.#clients.clear();
  }
}

class FakeSocket {
  onmessage: ((event: { data: string }) => void) | null = null;
  onclose: (() => void) | null = null;
  onopen: (() => void) | null = null;
  readyState = 1;
  readonly #forward: (message: ServerMessage) => void;

  constructor(forward: (message: ServerMessage) => void) {
    this.#forward = forward;
    this.deliver({ type: 'OPEN' });
    queueMicrotask(() => this.onopen?.());
  }

  deliver(message: ServerMessage): void {
    queueMicrotask(() => this.onmessage?.({ data: JSON.stringify(message) }));
  }

  send(text: string): void {
    this.#forward(JSON.parse(text) as ServerMessage);
  }

  close(): void {
    this.readyState = 3;
  }
}
