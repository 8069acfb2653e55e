import { createServer as createProbe } from 'node:net';
import { parseArgs } from 'node:util';
import { createLogger, createServer, mergeConfig, type InlineConfig, type Logger } from 'vite';
import shared from '../vite.config.ts';
import { whenParentEnds } from './parent.ts';
import { SignalingProcess } from './signaling-process.ts';

const PORT = 5173;
const SIGNALING_PORT = 9000;

const USAGE = `npm start -- [--port N] [--host NAME] [--signaling-port N] [--no-signaling]

Serves the demo, and starts the signaling server through which its tabs meet for the first time.
  --port N            port of the demo (default ${PORT}, or the next free one)
  --host NAME         address of the demo (default 127.0.0.1: this machine alone; 0.0.0.0: everybody)
  --signaling-port N  port of the signaling server, on this machine alone: the demo passes
                      /signaling on to it (default ${SIGNALING_PORT}, or the next free one)
  --no-signaling      no signaling server: tabs of one browser find each other without
  --help              this text
Environment: STUN_URLS, TURN_URLS, …: see npm run signaling -- --help.`;

/** How many ports are tried from the default on. */
const PORT_TRIES = 50;

/** The signaling server is reached through the demo's own server. */
const SIGNALING_HOST = '127.0.0.1';
const SIGNALING_PATH = '/signaling';

/** What the page is told; see `import.meta.env` in `main.ts`. */
const SIGNALING_VARIABLE = 'VITE_SIGNALING';

class UsageError extends Error {}

interface Options {
  /** Undefined: the default or the next free one. */
  readonly port: number | undefined;
  readonly host: string;
  readonly signalingPort: number | undefined;
  readonly hasSignaling: boolean;
}

function parseOptions(args: readonly string[]): Options | null {
  const values = parse(args);
  if (values.help === true) return null;
  if (values['no-signaling'] === true && values['signaling-port'] !== undefined) {
    throw new UsageError('--signaling-port and --no-signaling exclude each other');
  }
  return {
    port: portOf('--port', values.port),
    host: values.host ?? '127.0.0.1',
    signalingPort: portOf('--signaling-port', values['signaling-port']),
    hasSignaling: values['no-signaling'] !== true,
  };
}

function parse(args: readonly string[]) {
  try {
    return parseArgs({
      args: [...args],
      options: {
        port: { type: 'string', short: 'p' },
        host: { type: 'string' },
        'signaling-port': { type: 'string' },
        'no-signaling': { type: 'boolean' },
        help: { type: 'boolean', short: 'h' },
      },
    }).values;
  } catch (error) {
    throw new UsageError(messageOf(error));
  }
}

function portOf(name: string, text: string | undefined): number | undefined {
  if (text === undefined) return undefined;
  const port = /^\d+$/.test(text) ? Number(text) : NaN;
  if (port >= 1 && port <= 65_535) return port;
  throw new UsageError(`${name} is a port from 1 to 65535, not "${text}"`);
}

/** The port that was asked for, if it can be had; else the first free one from the default on. */
async function choosePort(
  name: string,
  host: string,
  { asked, standard }: { asked: number | undefined; standard: number },
): Promise<number> {
  const first = asked ?? standard;
  const last = asked ?? standard + PORT_TRIES;
  for (let port = first; port <= last; port++) {
    const problem = await tryPort(port, host);
    if (problem === undefined) return port;
    if (problem === 'EADDRINUSE') continue;
    if (problem === 'EACCES') throw new Error(`Port ${port} needs more rights.`);
    throw new Error(`Cannot listen at ${host}: ${problem}. Choose another address with --host.`);
  }
  throw new Error(
    asked === undefined
      ? `No free port from ${first} to ${last}: choose one with ${name}.`
      : `Port ${asked} is in use: choose another one with ${name}.`,
  );
}

/** Undefined if a server can listen there, else the code of the error. */
function tryPort(port: number, host: string): Promise<string | undefined> {
  return new Promise(resolve => {
    const probe = createProbe();
    probe.once('error', (error: NodeJS.ErrnoException) => resolve(error.code ?? error.message));
    probe.listen(port, host, () => probe.close(() => resolve(undefined)));
  });
}

async function startSignaling(asked: number | undefined): Promise<SignalingProcess> {
  const ports = { asked, standard: SIGNALING_PORT };
  const port = await choosePort('--signaling-port', SIGNALING_HOST, ports);
  return SignalingProcess.start({ port, host: SIGNALING_HOST });
}

async function startDemo(options: Options, signaling: SignalingProcess | undefined) {
  const { port: asked, host } = options;
  const port = await choosePort('--port', host, { asked, standard: PORT });
  if (signaling) process.env[SIGNALING_VARIABLE] = `${SIGNALING_PATH}/`;
  else delete process.env[SIGNALING_VARIABLE];
  const target = signaling && new URL(signaling.url).origin;
  const config: InlineConfig = {
    configFile: false,
    base: '/',
    customLogger: demoLogger(),
    server: {
      port,
      host,
      strictPort: true,
      ...(target === undefined ? {} : { proxy: { [SIGNALING_PATH]: { target, ws: true } } }),
    },
  };
  const vite = await createServer(mergeConfig(shared, config));
  return vite.listen();
}

/** A stopped signaling server is part of the show, not an error a minute for every tab. */
function demoLogger(): Logger {
  const logger = createLogger('warn');
  const isProxy = (message: string): boolean => message.includes('proxy error');
  return {
    ...logger,
    error: (message, options) => void (isProxy(message) || logger.error(message, options)),
  };
}

function describe(urls: readonly string[], signaling: SignalingProcess | undefined): string {
  const lines = ['', 'tabring demo', ...urls.map(url => `  open  ${url}  (in two tabs, or more)`)];
  if (signaling) {
    const { pid, port, url } = signaling;
    const stop = process.platform === 'win32' ? `taskkill /F /PID ${pid}` : `kill ${pid}`;
    lines.push(
      `  signaling server: ${url}, process ${pid}`,
      `    to stop it alone:   ${stop}`,
      `    to start it again:  npm run signaling -- --port ${port}`,
    );
  } else {
    lines.push('  no signaling server: tabs of one browser find each other without');
  }
  return [...lines, '  to stop everything: Ctrl+C', ''].join('\n');
}

async function main(): Promise<void> {
  const options = parseOptions(process.argv.slice(2));
  if (options === null) return console.log(USAGE);
  const signaling = options.hasSignaling ? await startSignaling(options.signalingPort) : undefined;
  let isStopping = false;
  try {
    const vite = await startDemo(options, signaling);
    const { local = [], network = [] } = vite.resolvedUrls ?? {};
    console.log(describe([...local, ...network], signaling));
    const stop = async (): Promise<void> => {
      if (isStopping) return;
      isStopping = true;
      await Promise.all([vite.close(), signaling?.stop()]);
      process.exit(0);
    };
    for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
      process.on(signal, () => void stop());
    }
    whenParentEnds(() => void stop());
  } catch (error) {
    await signaling?.stop();
    throw error;
  }
  const end = await signaling?.ended;
  if (end !== undefined && !isStopping) {
    console.log(`The signaling server has ended (${end}); the demo goes on without.`);
  }
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

try {
  await main();
} catch (error) {
  const isUsage = error instanceof UsageError;
  console.error(isUsage ? `${error.message}\n\n${USAGE}` : messageOf(error));
  process.exitCode = isUsage ? 2 : 1;
}
