/**
 * Preloaded into every process of the Node runner. What a test leaves behind and throws after it has
 * ended is only a remark to node:test; here it makes the file fail by its exit code.
 */
let stray = 0;

process.on('uncaughtExceptionMonitor', error => {
  stray++;
  process.stderr.write(`uncaught: ${error.stack ?? error.message}\n`);
});

process.on('exit', code => {
  if (stray > 0 && code === 0) process.exitCode = 1;
});
