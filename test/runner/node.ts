import { resolve } from 'node:path';
import { run } from 'node:test';
import type { EventData } from 'node:test';
import { inspect } from 'node:util';
import { fromRoot, ROOT } from './files.ts';
import { inWords, writeSummary } from './summary.ts';

/** `node.ts SUMMARY FILE …`: runs the test files by node:test and writes what it counted to SUMMARY. */
const [summaryPath, ...files] = process.argv.slice(2);
if (summaryPath === undefined || files.length === 0) {
  throw new Error('usage: node.ts SUMMARY FILE …');
}

/** All tests of one file; a tab test opens and kills browsers. */
const FILE_TIMEOUT_MS = 5 * 60_000;

/** Names of the suites, and of the test within them, that were started last. */
const names: string[] = [];
const total = { passed: 0, failed: 0, skipped: 0 };
const paths = files.map(file => resolve(ROOT, file));
// One file at a time: each of them may keep a dozen tabs busy. Every file is a process, and gets the
// options of this one (`--import …`).
const events = run({ files: paths, concurrency: 1, timeout: FILE_TIMEOUT_MS });
events.on('test:start', ({ name, nesting }) => names.splice(nesting, Infinity, name));
events.on('test:pass', event => onPass(event));
events.on('test:fail', event => onFail(event));
events.on('test:stdout', ({ message }) => process.stdout.write(message));
events.on('test:stderr', ({ message }) => process.stderr.write(message));
events.on('end', () => {
  console.log(`node: ${inWords(total)}`);
  writeSummary(summaryPath, total);
});
events.resume(); // Without a reader the stream would stand still.

function onPass(event: EventData.TestPass): void {
  const { name, skip, details } = event;
  if (details.type === 'suite') return;
  if (isWholeFile(event)) {
    total.failed++;
    console.log(`FAIL ${fromRoot(name)}: the file has no test`);
  } else if (skip !== undefined) {
    total.skipped++;
    console.log(`skip ${title(event)}${typeof skip === 'string' ? `: ${skip}` : ''}`);
  } else {
    total.passed++;
    console.log(`ok   ${title(event)} (${Math.round(details.duration_ms)} ms)`);
  }
}

function onFail(event: EventData.TestFail): void {
  const error: TestError = event.details.error;
  // It only repeats that something inside it failed, which was counted.
  if (error.failureType === 'subtestsFailed') return;
  if (event.todo !== undefined) {
    total.skipped++;
    console.log(`todo ${title(event)}`);
    return;
  }
  total.failed++;
  const where = isWholeFile(event) ? fromRoot(event.name) : title(event);
  console.log(`FAIL ${where}\n${reason(error).replaceAll(/^/gm, '     ')}`);
}

/** What node:test hangs on the errors it reports, of which its types say nothing. */
type TestError = Error & {
  readonly failureType?: string;
  readonly exitCode?: number | null;
  readonly signal?: string | null;
};

function reason(error: TestError): string {
  if (error.failureType === 'testTimeoutFailure') return 'timed out';
  if (error.signal) return `the process was ended by ${error.signal}`;
  if (typeof error.exitCode === 'number') return `the process ended with code ${error.exitCode}`;
  return typeof error.cause === 'string' ? error.cause : inspect(error.cause ?? error);
}

/** A file is reported itself when it has no test, does not load, crashes or never ends. */
function isWholeFile({ name, nesting }: { name: string; nesting: number }): boolean {
  return nesting === 0 && paths.includes(name);
}

/** A suite is reported after what is in it: then its own name is not the last one started. */
function title({ name, nesting, file }: { name: string; nesting: number; file?: string }): string {
  const path = [...names.slice(0, nesting), name].join(' > ');
  return file === undefined ? path : `${fromRoot(file)}: ${path}`;
}
