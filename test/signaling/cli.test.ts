import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { describe, it } from 'node:test';
import { fileURLToPath } from 'node:url';
import { request, withServer } from './clients.ts';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));
const TEST = { timeout: 30_000 };

type End = { readonly code: number | null; readonly out: string; readonly err: string };

/** Runs the command; `onLine` gets its first line while it runs. */
function run(
  args: readonly string[],
  options: { env?: NodeJS.ProcessEnv; onLine?: (line: string, kill: Kill) => void } = {},
): Promise<End> {
  const command = ['--import', 'tsx', 'signaling/cli.ts', ...args];
  const env = { ...process.env, NODE_TEST_CONTEXT: undefined, ...options.env };
  const child = spawn(process.execPath, command, { cwd: ROOT, env });
  let [out, err] = ['', ''];
  child.stderr.on('data', (data: Buffer) => (err += data.toString()));
  child.stdout.on('data', (data: Buffer) => {
    const isFirst = !out.includes('\n');
    out += data.toString();
    if (isFirst && out.includes('\n')) {
      options.onLine?.(out.split('\n')[0]!, signal => void child.kill(signal));
    }
  });
  return new Promise(resolve => child.once('close', code => resolve({ code, out, err })));
}
type Kill = (signal: NodeJS.Signals) => void;

describe('npm run signaling', () => {
  for (const signal of ['SIGINT', 'SIGTERM'] as const) {
    it(`prints one line when it listens, and stops at once on ${signal}`, TEST, async () => {
      let status = 0;
      const { code, out, err } = await run(['--port', '0', '--grace-ms', '0'], {
        env: { STUN_URLS: 'stun:127.0.0.1' },
        onLine: (line, kill) => {
          const url = /http:\S+/.exec(line)?.[0] ?? '';
          void request(`${url}/rendezvous`).then(answer => {
            if (JSON.stringify(answer.json).includes('stun:127.0.0.1')) status = answer.status;
            kill(signal);
          });
        },
      });
      assert.deepEqual({ code, err, status }, { code: 0, err: '', status: 200 });
      assert.match(out, /^tabring signaling server: http:\/\/127\.0\.0\.1:\d+\/signaling\n$/);
    });
  }

  it('explains itself', TEST, async () => {
    const { code, out } = await run(['--help']);
    assert.equal(code, 0);
    assert.match(out, /--port[^]*--host[^]*STUN_URLS/);
  });

  it('says what is wrong with its options', TEST, async () => {
    const wrong: [string[], RegExp][] = [
      [['--port', 'x'], /--port is a whole number from 0 to 65535, not "x"/],
      [['--port', '70000'], /--port/],
      [['--bogus'], /--bogus/],
      [['extra'], /extra/],
      [['--grace-ms', '-1'], /--grace-ms/],
    ];
    for (const [args, message] of wrong) {
      const { code, err } = await run(args);
      assert.equal(code, 2, args.join(' '));
      assert.match(err, message);
    }
  });

  it(
    'says that the port is in use, that there is no such address, that a variable is wrong',
    TEST,
    () =>
      withServer({}, async server => {
        const inUse = await run(['--port', String(server.port)]);
        assert.equal(inUse.code, 1);
        assert.equal(inUse.err, 'The port is in use: choose another one with --port.\n');
        const noAddress = await run(['--port', '0', '--host', '192.0.2.1']);
        assert.equal(noAddress.code, 1);
        assert.match(noAddress.err, /no such address/);
        const noTurn = await run(['--port', '0'], { env: { TURN_URLS: 'turn:127.0.0.1' } });
        assert.equal(noTurn.code, 1);
        assert.match(noTurn.err, /TURN_USERNAME/);
      }),
  );
});
