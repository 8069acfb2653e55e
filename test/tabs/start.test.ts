import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { createServer } from 'node:net';
import { createInterface } from 'node:readline';
import { describe, it } from 'node:test';
import { expect } from 'chai';
import { ROOT } from '../runner/files.ts';
import { isAlive, untilEnded, untilTrue, within } from './processes.ts';

const COMMAND = ['--import', 'tsx', 'demo/start.ts'];
const START_MS = 60_000;
const END_MS = 10_000;

/** `npm start` without npm, with what it printed. */
interface Running {
  readonly pid: number;
  readonly url: string;
  readonly signalingPid: number;
  readonly exitCode: Promise<number | null>;
}

/** Starts the demo, hands it to the test, and ends it whatever happens. */
async function withDemo(args: readonly string[], test: (demo: Running) => Promise<void>) {
  const child = spawn(process.execPath, [...COMMAND, ...args], {
    cwd: ROOT,
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const exitCode = once(child, 'exit').then(([code]: (number | null)[]) => code ?? null);
  const lines: string[] = [];
  const ready = new Promise<void>(resolve => {
    createInterface({ input: child.stdout }).on('line', line => {
      lines.push(line);
      if (line.includes('Ctrl+C')) resolve();
    });
  });
  try {
    await within('npm start', START_MS, Promise.race([ready, exitCode]));
    const text = lines.join('\n');
    await test({
      pid: child.pid ?? 0,
      url: /open\s+(\S+)/.exec(text)?.[1] ?? '',
      signalingPid: Number(/process (\d+)/.exec(text)?.[1]),
      exitCode,
    });
  } finally {
    child.kill('SIGKILL');
    await exitCode;
  }
}

async function statusOf(url: string): Promise<number> {
  return (await fetch(url)).status;
}

function refusal(args: readonly string[]) {
  const options = { cwd: ROOT, encoding: 'utf8', timeout: START_MS } as const;
  const { status, stderr } = spawnSync(process.execPath, [...COMMAND, ...args], options);
  return { status, stderr };
}

describe('npm start', () => {
  it('serves the demo and, under the same origin, the signaling server', () =>
    withDemo([], async ({ url }) => {
      const page = await (await fetch(url)).text();
      expect(page).to.include('<tab-ring');
      const client = await (await fetch(`${url}@vite/client`)).text();
      expect(client, 'pages must not be told to reload').not.to.include('WebSocket');
      expect(await statusOf(`${url}signaling/`)).to.equal(200);
      expect(await (await fetch(`${url}demo/main.ts`)).text()).to.include(
        '"VITE_SIGNALING": "/signaling/"',
      );
    }));

  it('goes on without its signaling server', () =>
    withDemo([], async ({ url, signalingPid }) => {
      process.kill(signalingPid, 'SIGTERM');
      expect(await untilEnded([signalingPid], END_MS)).to.deep.equal([]);
      const status = await untilTrue(
        () => statusOf(`${url}signaling/`),
        code => code >= 500,
        END_MS,
      );
      expect(status).to.be.at.least(500);
      expect(await statusOf(url)).to.equal(200);
    }));

  for (const signal of ['SIGINT', 'SIGTERM', 'SIGKILL'] as const) {
    it(`leaves nothing behind when it is ended by ${signal}`, () =>
      withDemo([], async ({ pid, signalingPid, exitCode }) => {
        expect(isAlive(signalingPid)).to.equal(true);
        process.kill(pid, signal);
        await within('its end', END_MS, exitCode);
        expect(await untilEnded([signalingPid], END_MS)).to.deep.equal([]);
      }));
  }

  it('does without a signaling server if it is told to', () =>
    withDemo(['--no-signaling'], async ({ url, signalingPid }) => {
      expect(Number.isNaN(signalingPid), 'a process is named').to.equal(true);
      expect(await (await fetch(`${url}demo/main.ts`)).text()).not.to.include('VITE_SIGNALING":');
    }));

  it('refuses a port that is in use, if it was asked for', async () => {
    const other = createServer().listen(0, '127.0.0.1');
    await once(other, 'listening');
    const address = other.address();
    const port = typeof address === 'object' && address !== null ? address.port : 0;
    try {
      const { status, stderr } = refusal(['--port', `${port}`]);
      expect(stderr).to.include(`Port ${port} is in use: choose another one with --port.`);
      expect(status).to.equal(1);
    } finally {
      other.close();
    }
  });

  const mistakes = [
    { args: ['--port', '0'], reason: '--port is a port from 1 to 65535, not "0"' },
    { args: ['--port', '8e3'], reason: '--port is a port from 1 to 65535, not "8e3"' },
    { args: ['--signaling-port', '65536'], reason: '--signaling-port is a port' },
    { args: ['--fast'], reason: "Unknown option '--fast'" },
    { args: ['--no-signaling', '--signaling-port', '9000'], reason: 'exclude each other' },
  ];
  for (const { args, reason } of mistakes) {
    it(`refuses ${args.join(' ')}`, () => {
      const { status, stderr } = refusal(args);
      expect(stderr).to.include(reason);
      expect(status).to.equal(2);
    });
  }
});
