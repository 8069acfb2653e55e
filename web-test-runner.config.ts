import { createServer } from 'node:net';
import type { Logger } from '@web/dev-server-core';
import type { TestRunnerConfig } from '@web/test-runner';
import { ROOT } from './test/runner/files.ts';
import { PageLauncher, type LauncherOptions } from './test/runner/launcher.ts';

/** Simulations of many seeds in one test are long; nothing else comes near a minute. */
const TEST_TIMEOUT_MS = 60_000;
/** All tests of one file. */
const FILE_TIMEOUT_MS = 4 * 60_000;
/** Until the first test of a page begins: loading sources is work, and the machine may be busy. */
const START_TIMEOUT_MS = 60_000;

/**
 * Tests that run inside a page: every file is a page of its own in a real Chromium. `npm test` adds
 * the files, the Vite middleware that serves them and the reporter that counts.
 */
export async function pageTests(options: LauncherOptions): Promise<TestRunnerConfig> {
  return {
    rootDir: ROOT,
    hostname: '127.0.0.1',
    port: await freePort(),
    browsers: [new PageLauncher(options)],
    concurrency: 2,
    browserStartTimeout: START_TIMEOUT_MS,
    testsStartTimeout: START_TIMEOUT_MS,
    testsFinishTimeout: FILE_TIMEOUT_MS,
    testFramework: { config: { ui: 'bdd', timeout: String(TEST_TIMEOUT_MS) } },
    logger: quietLogger,
  };
}

/** Our reporter says everything; what is left are the server's own errors. */
const quietLogger: Logger = {
  log() {},
  debug() {},
  warn: (...messages) => process.stderr.write(`${messages.join(' ')}\n`),
  error: (...messages) => process.stderr.write(`${messages.join(' ')}\n`),
  group() {},
  groupEnd() {},
  logSyntaxError: error => process.stderr.write(`${error.message}\n`),
};

/** The runner would take the first free port from 8000 up, like every other run on this machine. */
function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const probe = createServer();
    probe.once('error', reject);
    probe.listen(0, '127.0.0.1', () => {
      const address = probe.address();
      probe.close(() => {
        if (address !== null && typeof address === 'object') resolve(address.port);
        else reject(new Error('the system gave no port'));
      });
    });
  });
}
