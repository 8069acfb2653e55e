import { createReadStream, statSync } from 'node:fs';
import { createServer, type RequestListener, type Server } from 'node:http';
import { extname, join, normalize, resolve, sep } from 'node:path';
import { createTestServer } from '../runner/vite-server.ts';

const TYPES: Readonly<Record<string, string>> = {
  '.css': 'text/css',
  '.html': 'text/html; charset=utf-8',
  '.js': 'text/javascript',
  '.json': 'application/json',
  '.map': 'application/json',
  '.svg': 'image/svg+xml',
};

/** A web server on a free port. */
export interface WebServer {
  /** `http://host:port/` */
  readonly url: string;
  close(): Promise<void>;
}

/** Serves the project's folder through Vite: pages that import sources. */
export async function serveSources(host: string): Promise<WebServer> {
  const vite = await createTestServer({ appType: 'mpa', server: { middlewareMode: true } });
  const server = await listen(vite.middlewares, host);
  return {
    url: server.url,
    async close() {
      await server.close();
      await vite.close();
    },
  };
}

/**
 * Serves a folder as it is, like any static host; `pages` are further documents by path, such as
 * `{ '/embedded.html': '<script …>' }`.
 */
export function serveFolder(
  folder: string,
  host: string,
  pages: Readonly<Record<string, string>> = {},
): Promise<WebServer> {
  const root = resolve(folder);
  return listen((request, response) => {
    const path = decodeURIComponent(new URL(request.url ?? '/', 'http://host').pathname);
    const page = pages[path];
    const file = join(root, normalize(path.endsWith('/') ? `${path}index.html` : path));
    if (page !== undefined) {
      response.setHeader('content-type', 'text/html; charset=utf-8').end(page);
    } else if (file.startsWith(root + sep) && statSync(file, { throwIfNoEntry: false })?.isFile()) {
      response.setHeader('content-type', TYPES[extname(file)] ?? 'application/octet-stream');
      createReadStream(file).pipe(response);
    } else {
      response.writeHead(404).end('not found');
    }
  }, host);
}

async function listen(listener: RequestListener, host: string): Promise<WebServer> {
  const server = createServer(listener);
  await new Promise<void>((done, fail) => {
    server.once('error', fail);
    server.listen(0, host, done);
  });
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('the server has no port');
  return { url: `http://${host}:${address.port}/`, close: () => close(server) };
}

function close(server: Server): Promise<void> {
  return new Promise(done => {
    server.close(() => done());
    server.closeAllConnections();
  });
}
