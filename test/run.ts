import { spawn, type ChildProcess } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { whenParentEnds } from '../demo/parent.ts';
import { findChromium } from './chromium.ts';
import { ROOT, testFiles, type RunnerName } from './runner/files.ts';
import { inWords, readSummary, type Summary } from './runner/summary.ts';

const USAGE = `npm test -- [--only page|node] [FILTER …]

Runs the tests that live inside a page, then those that open tabs from Node, and adds up.
  FILTER        only test files with this text in their path; several: with any of them
  --only page   only tests inside a page
  --only node   only tests driven from Node
  --help        this text
The last line is "N passed, N failed"; the exit code is 0 only if something ran and nothing failed.`;

const RUNNERS: readonly RunnerName[] = ['page', 'node'];
/** A runner has deadlines of its own for every file; this is for a runner that is itself stuck. */
const RUNNER_TIMEOUT_MS = 30 * 60_000;
/** How long a stopped runner may take to close its browser. */
const STOP_TIMEOUT_MS = 10_000;

class UsageError extends Error {}

interface Options {
  readonly help: boolean;
  readonly runners: readonly RunnerName[];
  readonly filters: readonly string[];
}

function parseOptions(args: readonly string[]): Options {
  const { values, positionals } = parse(args);
  const { help = false, only } = values;
  const runners = RUNNERS.filter(runner => only === undefined || runner === only);
  if (runners.length === 0) throw new UsageError(`--only is page or node, not "${only}"`);
  return { help, runners, filters: positionals };
}

function parse(args: readonly string[]) {
  try {
    return parseArgs({
      args: [...args],
      options: { only: { type: 'string' }, help: { type: 'boolean', short: 'h' } },
      allowPositionals: true,
    });
  } catch (error) {
    throw new UsageError(error instanceof Error ? error.message : String(error));
  }
}

/** The runner that is at work, to be stopped with us. */
let current: ChildProcess | undefined;

async function main({ runners, filters }: Options): Promise<Summary> {
  const plan = runners.map(runner => ({ runner, files: testFiles(runner, filters) }));
  if (plan.every(({ files }) => files.length === 0)) {
    console.log(
      `No test file has ${filters.map(filter => `"${filter}"`).join(' or ')} in its path.`,
    );
    return { passed: 0, failed: 0, skipped: 0 };
  }
  // Found once; the runners and the tests take it from the environment.
  process.env['CHROME_PATH'] = await findChromium();
  let total: Summary = { passed: 0, failed: 0, skipped: 0 };
  for (const { runner, files } of plan) {
    if (files.length > 0) total = add(total, await runRunner(runner, files));
  }
  return total;
}

async function runRunner(runner: RunnerName, files: readonly string[]): Promise<Summary> {
  console.log(`\n${runner} runner, ${files.length} file${files.length === 1 ? '' : 's'}`);
  const folder = mkdtempSync(join(tmpdir(), 'tabring-test-'));
  const summaryPath = join(folder, 'summary.json');
  try {
    const end = await runProcess([`test/runner/${runner}.ts`, summaryPath, ...files]);
    const summary = readSummary(summaryPath);
    if (summary === undefined) {
      console.log(`FAIL the ${runner} runner did not finish (${end})`);
      return { passed: 0, failed: 1, skipped: 0 };
    }
    if (end !== 'code 0' && summary.failed === 0) {
      console.log(`FAIL the ${runner} runner ended with ${end}`);
      return { ...summary, failed: 1 };
    }
    return summary;
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** Runs one of our scripts to its end; tells how it ended. */
function runProcess(args: readonly string[]): Promise<string> {
  const guard = ['--import', 'tsx', '--import', './test/runner/node-guard.ts'];
  // Nothing may wait for a keyboard, and a log file wants no colours.
  const colours = process.stdout.isTTY ? {} : { NO_COLOR: '1', FORCE_COLOR: undefined };
  const child = spawn(process.execPath, [...guard, ...args], {
    cwd: ROOT,
    env: { ...process.env, ...colours },
    stdio: ['ignore', 'inherit', 'inherit'],
  });
  current = child;
  const timer = setTimeout(() => stop(child), RUNNER_TIMEOUT_MS);
  return new Promise(resolve => {
    child.on('error', error => resolve(error.message));
    child.on('close', (code, signal) => {
      clearTimeout(timer);
      resolve(signal === null ? `code ${code}` : `signal ${signal}`);
    });
  });
}

function stop(child: ChildProcess): void {
  child.kill('SIGTERM');
  setTimeout(() => child.kill('SIGKILL'), STOP_TIMEOUT_MS).unref();
}

function add(a: Summary, b: Summary): Summary {
  return {
    passed: a.passed + b.passed,
    failed: a.failed + b.failed,
    skipped: a.skipped + b.skipped,
  };
}

/** Ends the runner that is at work, and then this process. */
function abort(code: number): void {
  if (current === undefined || current.exitCode !== null) process.exit(code);
  current.once('close', () => process.exit(code));
  stop(current);
}

process.once('SIGINT', () => abort(130));
process.once('SIGTERM', () => abort(143));
whenParentEnds(() => abort(143));

try {
  const options = parseOptions(process.argv.slice(2));
  if (options.help) console.log(USAGE);
  else {
    const total = await main(options).catch((error: unknown) => {
      console.log(`FAIL ${error instanceof Error ? error.message : String(error)}`);
      return { passed: 0, failed: 1, skipped: 0 };
    });
    process.exitCode = total.failed > 0 || total.passed === 0 ? 1 : 0;
    if (total.skipped > 0) console.log(`\n${inWords(total)}`);
    console.log(`\n${total.passed} passed, ${total.failed} failed`);
  }
} catch (error) {
  if (!(error instanceof UsageError)) throw error;
  console.error(`${error.message}\n\n${USAGE}`);
  process.exitCode = 2;
}
