import { whenParentEnds } from '../../demo/parent.ts';

/*
 * Preloaded into both runners and every test file run from Node.
 */

/** How long Playwright has to close its browsers, which is all it does on SIGTERM. */
const CLOSE_MS = 5_000;

// Whoever is stopped takes nobody with it: each process of the chain looks after itself.
whenParentEnds(() => process.kill(process.pid, 'SIGTERM'));
process.on('SIGTERM', () => {
  const othersClose = process.listenerCount('SIGTERM') > 1;
  setTimeout(() => process.exit(143), othersClose ? CLOSE_MS : 0);
});

/**
 * What a test leaves behind and throws after it has ended is only a remark to node:test; here it
 * makes the file fail by its exit code.
 */
let stray = 0;

process.on('uncaughtExceptionMonitor', error => {
  stray++;
  process.stderr.write(`uncaught: ${error.stack ?? error.message}\n`);
});

process.on('exit', code => {
  if (stray > 0 && code === 0) process.exitCode = 1;
});
