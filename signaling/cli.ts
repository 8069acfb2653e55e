import { parseArgs } from 'node:util';
import { startSignaling, type SignalingOptions } from './server.ts';

const USAGE = `npm run signaling -- [--port 9000] [--host 127.0.0.1] [--path /signaling]

The server through which the tabs of a network meet for the first time.
  --port N       port to listen at (default 9000; 0 takes any free one)
  --host NAME    address to listen at (default 127.0.0.1: this machine alone; 0.0.0.0: everybody)
  --path PATH    base path of everything (default /signaling)
  --grace-ms N   how long after its start no tab is told to found a network, so that tabs that are
                 already in one come back first (default 3000)
  --help         this text
Environment: STUN_URLS, TURN_URLS (addresses with commas between them), TURN_USERNAME,
TURN_CREDENTIAL: what tabs are to use for WebRTC across networks. By default nothing.`;

const GRACE_MS_MAX = 60_000;

class UsageError extends Error {}

function parseOptions(args: readonly string[]): SignalingOptions | null {
  const { port = '9000', host, path, help, 'grace-ms': grace } = parse(args);
  if (help === true) return null;
  return {
    port: integer('--port', port, 65_535),
    ...(host === undefined ? {} : { host }),
    ...(path === undefined ? {} : { path }),
    ...(grace === undefined
      ? {}
      : { rendezvous: { graceMs: integer('--grace-ms', grace, GRACE_MS_MAX) } }),
  };
}

function parse(args: readonly string[]) {
  try {
    return parseArgs({
      args: [...args],
      options: {
        port: { type: 'string', short: 'p' },
        host: { type: 'string' },
        path: { type: 'string' },
        'grace-ms': { type: 'string' },
        help: { type: 'boolean', short: 'h' },
      },
    }).values;
  } catch (error) {
    throw new UsageError(messageOf(error));
  }
}

function integer(name: string, text: string, max: number): number {
  const value = /^\d+$/.test(text) ? Number(text) : NaN;
  if (value <= max) return value;
  throw new UsageError(`${name} is a whole number from 0 to ${max}, not "${text}"`);
}

async function main(): Promise<void> {
  const options = parseOptions(process.argv.slice(2));
  if (options === null) return console.log(USAGE);
  const server = await startSignaling({ ...options, onError: error => console.error(error) });
  console.log(`tabring signaling server: ${server.url}`);
  // A second signal, or a connection that will not end, does not get to wait.
  const stop = () => void server.close().then(() => process.exit(0));
  process.once('SIGINT', stop);
  process.once('SIGTERM', stop);
}

function explain(error: unknown): string {
  const code = error instanceof Error && 'code' in error ? error.code : undefined;
  if (code === 'EADDRINUSE') return 'The port is in use: choose another one with --port.';
  if (code === 'EACCES') return 'This port needs more rights: choose one above 1023 with --port.';
  if (code === 'EADDRNOTAVAIL' || code === 'ENOTFOUND') {
    return 'This machine has no such address: choose another one with --host.';
  }
  return messageOf(error);
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

try {
  await main();
} catch (error) {
  const isUsage = error instanceof UsageError;
  console.error(isUsage ? `${error.message}\n\n${USAGE}` : explain(error));
  process.exitCode = isUsage ? 2 : 1;
}
