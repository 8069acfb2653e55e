import { spawn } from 'node:child_process';
import type { Readable, Writable } from 'node:stream';
import { chromium, type Browser, type ConnectOverCDPTransport } from 'playwright-core';

/** What Playwright would switch off to keep a browser from calling home or asking questions. */
const QUIET_FLAGS = [
  '--disable-breakpad',
  '--disable-default-apps',
  '--disable-dev-shm-usage',
  '--disable-extensions',
  '--disable-field-trial-config',
  '--disable-search-engine-choice-screen',
  '--no-default-browser-check',
  '--password-store=basic',
  '--use-mock-keychain',
];

const LAUNCH_TIMEOUT_MS = 60_000;

export interface LifecycleLaunch {
  readonly executablePath: string;
  readonly profile: string;
  readonly args: readonly string[];
}

/**
 * A Chromium that treats its tabs as a user's does: all but the front one are hidden, throttled and
 * can be frozen. One that Playwright starts never does, whatever the flags: it tells every page
 * that it has the focus.
 */
export async function launchForLifecycle(launch: LifecycleLaunch): Promise<Browser> {
  const { executablePath, profile, args } = launch;
  const own = [`--user-data-dir=${profile}`, '--remote-debugging-pipe'];
  const child = spawn(executablePath, [...QUIET_FLAGS, ...args, ...own, 'about:blank'], {
    // The pipes end with this process, however it ends, and the browser ends with them.
    stdio: ['ignore', 'ignore', 'ignore', 'pipe', 'pipe'],
  });
  const failed = new Promise<never>((_, reject) => {
    child.once('error', reject);
    child.once('exit', code => reject(new Error(`Chromium ended with code ${code}`)));
  });
  // Descriptors 3 and 4: what the browser reads, and what it writes.
  const transport = pipeTransport(child.stdio[3] as Writable, child.stdio[4] as Readable);
  const options = { noDefaults: true, isLocal: true, timeout: LAUNCH_TIMEOUT_MS };
  try {
    return await Promise.race([chromium.connectOverCDP(transport, options), failed]);
  } catch (error) {
    child.kill('SIGKILL');
    throw error;
  }
}

/** The protocol of `--remote-debugging-pipe`: JSON, with a zero byte after every message. */
function pipeTransport(input: Writable, output: Readable): ConnectOverCDPTransport {
  const transport: ConnectOverCDPTransport = {
    send: message => void input.write(`${JSON.stringify(message)}\0`),
    close: () => void input.end(),
  };
  let rest: Buffer[] = [];
  output.on('data', (chunk: Buffer) => {
    let from = 0;
    for (let end = chunk.indexOf(0); end >= 0; end = chunk.indexOf(0, from)) {
      const text = Buffer.concat([...rest, chunk.subarray(from, end)]).toString();
      rest = [];
      from = end + 1;
      transport.onmessage?.(JSON.parse(text) as object);
    }
    rest.push(chunk.subarray(from));
  });
  output.on('close', () => transport.onclose?.('the browser is gone'));
  // A message to a browser that is just being killed: its end is told by `close`.
  input.on('error', () => {});
  return transport;
}
