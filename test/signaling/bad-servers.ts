import { createServer, type RequestListener } from 'node:http';
import {
  connect,
  createServer as createTcpServer,
  type AddressInfo,
  type Server,
  type Socket,
} from 'node:net';

/** Something else than a signaling server, at an address of its own. */
export type BadServer = { readonly url: string; close(): Promise<void> };

/** Answers HTTP requests in some wrong way; pages of other origins may read it unless told not. */
export function serveHttp(listener: RequestListener, isReadable = true): Promise<BadServer> {
  const server = createServer((request, response) => {
    if (isReadable) response.setHeader('access-control-allow-origin', '*');
    listener(request, response);
  });
  return listen(server);
}

/** Gets connections, and does with them what it likes. */
export function serveTcp(listener: (socket: Socket) => void): Promise<BadServer> {
  return listen(createTcpServer(listener));
}

/** Passes everything on to a port, until it is told to let what is open then hang for ever. */
export async function serveProxy(port: number): Promise<BadServer & { hang(): void }> {
  const pairs = new Set<readonly [Socket, Socket]>();
  const server = await serveTcp(socket => {
    const onward = connect(port, '127.0.0.1');
    pairs.add([socket, onward]);
    onward.on('error', () => {});
    socket.pipe(onward).pipe(socket);
  });
  return {
    ...server,
    hang() {
      for (const [socket, onward] of pairs) {
        socket.unpipe(onward);
        onward.unpipe(socket);
      }
      pairs.clear();
    },
    async close() {
      for (const [, onward] of pairs) onward.destroy();
      await server.close();
    },
  };
}

/** An address at which nobody listens. */
export async function unusedUrl(): Promise<string> {
  const server = await serveTcp(() => {});
  await server.close();
  return server.url;
}

function listen(server: Server): Promise<BadServer> {
  const sockets = new Set<Socket>();
  server.on('connection', (socket: Socket) => {
    sockets.add(socket);
    socket.on('error', () => {}); // Pages hang up.
    socket.once('close', () => sockets.delete(socket));
  });
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen(0, '127.0.0.1', () => {
      const { port } = server.address() as AddressInfo;
      const close = (): Promise<void> =>
        new Promise(done => {
          server.close(() => done());
          for (const socket of sockets) socket.destroy();
        });
      resolve({ url: `http://127.0.0.1:${port}/signaling`, close });
    });
  });
}
