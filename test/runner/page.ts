import { resolve } from 'node:path';
import { startTestRunner } from '@web/test-runner';
import { pageTests } from '../../web-test-runner.config.ts';
import { findChromium } from '../chromium.ts';
import { ROOT } from './files.ts';
import { PageErrors, pageReporter } from './page-reporter.ts';
import { writeSummary } from './summary.ts';
import { createTestServer, viteMiddleware } from './vite-server.ts';

/** `page.ts SUMMARY FILE …`: runs the test files inside pages and writes what it counted to SUMMARY. */
const [summaryPath, ...files] = process.argv.slice(2);
if (summaryPath === undefined || files.length === 0) {
  throw new Error('usage: page.ts SUMMARY FILE …');
}

const vite = await createTestServer({ appType: 'custom', server: { middlewareMode: true } });
const pageErrors = new PageErrors();
try {
  const executablePath = await findChromium({ report: () => {} });
  const runner = await startTestRunner({
    config: {
      ...(await pageTests({ executablePath, onPageError: pageErrors.add })),
      files: files.map(file => resolve(ROOT, file)),
      middleware: [viteMiddleware(vite)],
      reporters: [pageReporter(pageErrors, summary => writeSummary(summaryPath, summary))],
    },
    readCliArgs: false,
    readFileConfig: false,
    autoExitProcess: false,
  });
  // Otherwise it has said why, and is about to end this process.
  if (runner) {
    runner.on('finished', () => void runner.stop());
    await new Promise(stopped => runner.on('stopped', stopped));
  }
} finally {
  await vite.close();
}
