import type {
  Reporter,
  TestResultError,
  TestSession,
  TestSuiteResult,
} from '@web/test-runner-core';
import { inspect } from 'node:util';
import { fromRoot } from './files.ts';
import { inWords, type Summary } from './summary.ts';

interface Counted {
  passed: number;
  failed: number;
  skipped: number;
  /** Title and reason of everything that failed. */
  readonly problems: string[];
}

/** Errors of pages outside any test, by test session. */
export class PageErrors {
  readonly #bySession = new Map<string, Error[]>();

  readonly add = (sessionId: string, error: Error): void => {
    this.#bySession.set(sessionId, [...this.of(sessionId), error]);
  };

  of(sessionId: string): readonly Error[] {
    return this.#bySession.get(sessionId) ?? [];
  }
}

/**
 * Counts and prints the results of the page runner. One failure each: a failed test, an error
 * outside any test (a module that does not load, a hook, a page that never answers), a file that
 * did not pass without saying why, a file without tests.
 */
export function pageReporter(errors: PageErrors, done: (summary: Summary) => void): Reporter {
  const total = { passed: 0, failed: 0, skipped: 0 };
  return {
    reportTestFileResults({ sessionsForTestFile, testFile }) {
      for (const session of sessionsForTestFile) {
        const counted = count(session, errors.of(session.id));
        total.passed += counted.passed;
        total.failed += counted.failed;
        total.skipped += counted.skipped;
        // Not `console.log`: the test runner's terminal intercepts it and adds cursor movements.
        process.stdout.write(`${report(fromRoot(testFile), counted, session)}\n`);
      }
    },
    onTestRunFinished() {
      done(total);
    },
  };
}

function count(session: TestSession, pageErrors: readonly Error[]): Counted {
  const counted: Counted = { passed: 0, failed: 0, skipped: 0, problems: [] };
  if (session.testResults) countSuite(session.testResults, '', counted);
  for (const error of [...session.errors, ...pageErrors]) {
    counted.failed++;
    counted.problems.push(`error outside a test\n${describeError(error)}`);
  }
  const nothing = counted.passed + counted.failed + counted.skipped === 0;
  if (nothing || (session.passed !== true && counted.failed === 0)) {
    counted.failed++;
    counted.problems.push(nothing ? 'the file has no test' : 'the file failed without a reason');
  }
  return counted;
}

function countSuite(suite: TestSuiteResult, prefix: string, counted: Counted): void {
  for (const test of suite.tests) {
    if (test.skipped) counted.skipped++;
    else if (test.passed) counted.passed++;
    else {
      counted.failed++;
      const reason = test.error ? describeError(test.error) : 'no reason given';
      counted.problems.push(`${prefix}${test.name}\n${reason}`);
    }
  }
  for (const inner of suite.suites) countSuite(inner, `${prefix}${inner.name} > `, counted);
}

function describeError({ name, message, stack, expected, actual }: TestResultError): string {
  const lines = [
    stack?.includes(message) ? stack : `${name ?? 'Error'}: ${message}\n${stack ?? ''}`,
  ];
  if (expected !== undefined || actual !== undefined) {
    lines.push(`expected: ${expected}`, `actual: ${actual}`);
  }
  return lines.join('\n').trimEnd();
}

function report(file: string, counted: Counted, { logs }: TestSession): string {
  const mark = counted.failed === 0 ? 'ok  ' : 'FAIL';
  const lines = [`${mark} ${file}: ${inWords(counted)}`];
  for (const problem of counted.problems) lines.push(indent(problem));
  // What the page printed matters only to someone who looks for the reason of a failure.
  if (counted.failed > 0 && logs.length > 0) {
    lines.push(indent('the page printed:'));
    for (const log of logs) lines.push(indent(`  ${log.map(inWordsOf).join(' ')}`));
  }
  return lines.join('\n');
}

function inWordsOf(logged: unknown): string {
  return typeof logged === 'string' ? logged : inspect(logged);
}

function indent(text: string): string {
  return text.replaceAll(/^/gm, '     ');
}
