import { spawn } from 'node:child_process';
import { accessSync, constants, existsSync } from 'node:fs';
import { homedir } from 'node:os';
import { delimiter, dirname, join } from 'node:path';
import { createRequire } from 'node:module';
import { pathToFileURL } from 'node:url';
import { chromium } from 'playwright-core';

/**
 * Features that tests switch off. Chromium heeds only the last `--disable-features`, so ours must
 * repeat those of Playwright's own list that keep a browser from calling home or from rewriting
 * plain-HTTP addresses.
 */
const DISABLED_FEATURES = [
  'WebRtcHideLocalIpsWithMdns', // Host candidates as addresses: namespaces have no mDNS.
  'HttpsUpgrades',
  'HttpsFirstBalancedModeAutoEnable',
  'DestroyProfileOnBrowserClose',
  'MediaRouter',
  'PaintHolding',
  'OptimizationHints',
  'NetworkTimeServiceQuerying',
  'AimEnabled',
  'PreconnectToSearch',
];

/** Flags every Chromium of the tests is started with, besides those Playwright adds. */
export const CHROMIUM_FLAGS: readonly string[] = [
  '--headless',
  '--no-sandbox', // The sandbox refuses to start as root, which is what containers run as.
  '--disable-gpu',
  '--disable-quic',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
  `--disable-features=${DISABLED_FEATURES.join(',')}`,
];

/** `--version` starts no browser; half a minute is for a cold disk. */
const VERSION_TIMEOUT_MS = 30_000;
/** 170 MB on a slow line; where the download is blocked it fails within seconds. */
const DOWNLOAD_TIMEOUT_MS = 5 * 60_000;
/** Some 100 packages on a bare Debian. */
const APT_TIMEOUT_MS = 15 * 60_000;

export interface FindOptions {
  /** Takes each line that says what was found or done. */
  readonly report?: (line: string) => void;
}

/**
 * Path of a Chromium or Chrome that starts, in this order: `CHROME_PATH`; one of this system;
 * Playwright's, downloaded now if need be; as root on Debian the `chromium` package.
 */
export async function findChromium({ report = line => console.log(line) }: FindOptions = {}) {
  const asked = process.env['CHROME_PATH'];
  if (asked) return askedFor(asked, report);
  for (const path of systemPaths()) {
    const version = existsSync(path) ? await versionOf(path) : undefined;
    if (version !== undefined) return found(path, version, 'found on this system', report);
  }
  const path = (await fromPlaywright(report)) ?? (await fromDebian(report));
  if (path !== undefined) return path;
  throw new Error(
    'No Chromium or Chrome found, and none could be installed. Install one, or set CHROME_PATH to ' +
      'the path of its executable.',
  );
}

async function askedFor(path: string, report: (line: string) => void): Promise<string> {
  if (!existsSync(path)) throw new Error(`CHROME_PATH is set to ${path}, which does not exist.`);
  const version = await versionOf(path);
  if (version === undefined) {
    throw new Error(`CHROME_PATH is set to ${path}, which does not start as Chromium or Chrome.`);
  }
  return found(path, version, 'from CHROME_PATH', report);
}

function found(path: string, version: string, how: string, report: (line: string) => void): string {
  report(`chromium: ${path} (${version}), ${how}`);
  return path;
}

function systemPaths(): string[] {
  const folders = (process.env['PATH'] ?? '').split(delimiter).filter(folder => folder !== '');
  if (process.platform === 'darwin') {
    const roots = ['/Applications', join(homedir(), 'Applications')];
    return roots.flatMap(root => [
      join(root, 'Google Chrome.app/Contents/MacOS/Google Chrome'),
      join(root, 'Chromium.app/Contents/MacOS/Chromium'),
    ]);
  }
  if (process.platform === 'win32') {
    const roots = ['PROGRAMFILES', 'PROGRAMFILES(X86)', 'LOCALAPPDATA'].flatMap(
      name => process.env[name] ?? [],
    );
    return [
      ...roots.map(root => join(root, 'Google/Chrome/Application/chrome.exe')),
      ...roots.map(root => join(root, 'Chromium/Application/chrome.exe')),
      ...folders.map(folder => join(folder, 'chrome.exe')),
    ];
  }
  const names = ['chromium', 'google-chrome-stable', 'google-chrome', 'chrome', 'chromium-browser'];
  const usual = ['/usr/bin', '/usr/local/bin', '/opt/google/chrome', '/snap/bin'];
  // A snap cannot see every folder; it is the last resort wherever PATH has it.
  const inOrder = [...folders, ...usual].filter(folder => folder !== '/snap/bin');
  return [...new Set([...inOrder, '/snap/bin'])].flatMap(folder =>
    names.map(name => join(folder, name)),
  );
}

/** What the executable says of itself; undefined if it does not start (a stub, a missing library). */
async function versionOf(path: string): Promise<string | undefined> {
  try {
    accessSync(path, constants.X_OK);
  } catch {
    return undefined; // Not a program: the same as not there.
  }
  // Chrome on Windows opens a window instead of telling its version.
  if (process.platform === 'win32') return 'version not asked on Windows';
  const { code, output } = await run(path, ['--version'], { timeoutMs: VERSION_TIMEOUT_MS });
  const version = /\bChrom(?:e|ium)\b[^\d\n]*[\d.]+/.exec(output)?.[0];
  return code === 0 ? version : undefined;
}

async function fromPlaywright(report: (line: string) => void): Promise<string | undefined> {
  const path = chromium.executablePath();
  if (existsSync(path)) {
    const version = await versionOf(path);
    if (version !== undefined) return found(path, version, 'downloaded earlier', report);
  }
  report('chromium: none on this system; downloading the one Playwright brings');
  const manifest = createRequire(import.meta.url).resolve('playwright-core/package.json');
  const { code, output } = await run(
    process.execPath,
    [join(dirname(manifest), 'cli.js'), 'install', 'chromium'],
    { timeoutMs: DOWNLOAD_TIMEOUT_MS },
  );
  if (code !== 0) {
    report(`chromium: the download failed: ${reason(output)}`);
    return undefined;
  }
  const version = existsSync(path) ? await versionOf(path) : undefined;
  if (version !== undefined) return found(path, version, 'downloaded by Playwright', report);
  report(`chromium: downloaded ${path}, but it does not start here (libraries missing?)`);
  return undefined;
}

async function fromDebian(report: (line: string) => void): Promise<string | undefined> {
  if (!existsSync('/etc/debian_version')) return undefined;
  if (process.getuid?.() !== 0) {
    report('chromium: not root, so the package manager is not asked');
    return undefined;
  }
  report('chromium: installing the Debian package "chromium" (apt-get update, apt-get install)');
  const env = { ...process.env, DEBIAN_FRONTEND: 'noninteractive' };
  const lock = ['-o', 'DPkg::Lock::Timeout=300']; // Another installation may be under way.
  for (const args of [['update'], ['install', '-y', 'chromium']]) {
    const options = { timeoutMs: APT_TIMEOUT_MS, env };
    const { code, output } = await run('apt-get', [...lock, ...args], options);
    if (code !== 0) {
      report(`chromium: apt-get ${args.join(' ')} failed: ${reason(output)}`);
      return undefined;
    }
  }
  const version = await versionOf('/usr/bin/chromium');
  if (version === undefined) {
    report('chromium: the package is installed, but its program does not start');
    return undefined;
  }
  return found('/usr/bin/chromium', version, 'installed by apt-get', report);
}

/** The last words of a failed command, which is where it says why; stack traces are not for users. */
function reason(output: string): string {
  const lines = output.split('\n').filter(line => line.trim() !== '' && !/^\s+at /.test(line));
  return lines.slice(-3).join(' | ') || 'it said nothing';
}

/** Runs a program to its end or its deadline; collects what it printed. Never rejects. */
function run(
  program: string,
  args: readonly string[],
  { timeoutMs, env = process.env }: { timeoutMs: number; env?: NodeJS.ProcessEnv },
): Promise<{ code: number; output: string }> {
  return new Promise(resolve => {
    let output = '';
    const child = spawn(program, args, { env, stdio: ['ignore', 'pipe', 'pipe'] });
    const timer = setTimeout(() => {
      output += `\nstopped after ${timeoutMs / 1000} s`;
      child.kill('SIGKILL');
    }, timeoutMs);
    const collect = (chunk: Buffer): void => void (output += chunk.toString());
    child.stdout.on('data', collect);
    child.stderr.on('data', collect);
    child.on('error', error => (output += `\n${error.message}`));
    child.on('close', code => {
      clearTimeout(timer);
      resolve({ code: code ?? 1, output });
    });
  });
}

// Run as a program it only makes sure that there is a Chromium, for instance before the network goes.
if (process.argv[1] !== undefined && import.meta.url === pathToFileURL(process.argv[1]).href) {
  findChromium().catch((error: unknown) => {
    console.error(error instanceof Error ? error.message : error);
    process.exitCode = 1;
  });
}
