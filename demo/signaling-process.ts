import { spawn, type ChildProcess } from 'node:child_process';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';

const ROOT = fileURLToPath(new URL('..', import.meta.url));

/** From the start of Node to listening; it compiles TypeScript on a machine that may be busy. */
const START_TIMEOUT_MS = 30_000;
/** A server that does not close its connections in this time is ended. */
const STOP_TIMEOUT_MS = 5_000;

/** Lines kept for the error of a server that does not start. */
const LINE_COUNT_MAX = 20;

/**
 * Preloaded into the server: it ends when the process that started it is gone, however that went
 * (a killed parent runs no handlers, but its end of the channel closes).
 */
const LEASH = `data:text/javascript,${encodeURIComponent(
  'process.channel?.unref(); process.on("disconnect", () => process.exit(0));',
)}`;

export interface SignalingProcessOptions {
  /** 0 takes any free one. */
  readonly port: number;
  readonly host: string;
  /** Further options of `signaling/cli.ts`. */
  readonly args?: readonly string[];
  /** Takes the lines the server prints; those of a server that failed to start are in the error. */
  readonly onLine?: (line: string) => void;
}

/** The signaling server as a process of its own, which can be stopped like the real thing. */
export class SignalingProcess {
  readonly #child: ChildProcess;
  readonly pid: number;
  /** What pages are given as `signaling`. */
  readonly url: string;
  readonly port: number;
  /** Resolves when the process has ended, with how it ended. */
  readonly ended: Promise<string>;

  private constructor(child: ChildProcess, url: string, ended: Promise<string>) {
    this.#child = child;
    this.pid = child.pid ?? 0;
    this.url = url;
    this.port = Number(new URL(url).port);
    this.ended = ended;
  }

  /** Resolves when the server accepts connections; rejects with what it said if it never does. */
  static async start(options: SignalingProcessOptions): Promise<SignalingProcess> {
    const { port, host, args = [], onLine } = options;
    const listen = ['signaling/cli.ts', '--port', String(port), '--host', host, ...args];
    const child = spawn(process.execPath, ['--import', 'tsx', '--import', LEASH, ...listen], {
      cwd: ROOT,
      stdio: ['ignore', 'pipe', 'pipe', 'ipc'],
    });
    const ended = new Promise<string>(resolve => {
      child.once('error', error => resolve(error.message));
      child.once('close', (code, signal) => resolve(signal ?? `code ${code}`));
    });
    const said: string[] = [];
    const take = (line: string): void => {
      onLine?.(line);
      if (said.length < LINE_COUNT_MAX) said.push(line);
    };
    let timer: NodeJS.Timeout | undefined;
    const url = await Promise.race([
      firstUrl(child, take),
      ended.then(() => null),
      new Promise<null>(resolve => (timer = setTimeout(() => resolve(null), START_TIMEOUT_MS))),
    ]);
    clearTimeout(timer);
    if (url !== null) return new SignalingProcess(child, url, ended);
    child.kill('SIGKILL');
    throw new Error(`The signaling server did not start. ${said.join('\n')}`.trim());
  }

  /** Ends the process: by asking for it, or at once. Resolves when it is gone. */
  async stop(signal: 'SIGTERM' | 'SIGKILL' = 'SIGTERM'): Promise<void> {
    this.#child.kill(signal);
    const timer = setTimeout(() => this.#child.kill('SIGKILL'), STOP_TIMEOUT_MS);
    await this.ended;
    clearTimeout(timer);
  }
}

/** The address in what the server prints when it listens. Goes on taking all its lines. */
function firstUrl(child: ChildProcess, take: (line: string) => void): Promise<string> {
  return new Promise(resolve => {
    for (const stream of [child.stdout, child.stderr]) {
      if (stream === null) continue;
      createInterface({ input: stream }).on('line', line => {
        take(line);
        const url = /https?:\/\/\S+/.exec(line)?.[0];
        if (url !== undefined && stream === child.stdout) resolve(url);
      });
    }
  });
}
