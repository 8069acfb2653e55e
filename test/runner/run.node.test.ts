import { spawnSync } from 'node:child_process';
import { describe, it } from 'node:test';
import { expect } from 'chai';
import { ROOT, runnerOf, testFiles } from './files.ts';

/** Runs `npm test -- …` without npm. */
function runTests(args: readonly string[], env: Readonly<Record<string, string>> = {}) {
  const { status, stdout, stderr } = spawnSync(
    process.execPath,
    ['--import', 'tsx', 'test/run.ts', ...args],
    { cwd: ROOT, env: { ...process.env, ...env }, encoding: 'utf8', timeout: 60_000 },
  );
  return { status, stderr, lastLine: stdout.trimEnd().split('\n').at(-1) };
}

describe('npm test', () => {
  it('refuses options it does not know, without running anything', () => {
    const { status, stderr } = runTests(['--fast']);
    expect(status).to.equal(2);
    expect(stderr).to.match(/Unknown option '--fast'/);
  });

  it('refuses a runner it does not have', () => {
    const { status, stderr } = runTests(['--only', 'moon']);
    expect(status).to.equal(2);
    expect(stderr).to.match(/--only is page or node, not "moon"/);
  });

  it('fails when no test ran', () => {
    const { status, lastLine } = runTests(['no-file-has-this-in-its-path']);
    expect(lastLine).to.equal('0 passed, 0 failed');
    expect(status).to.equal(1);
  });

  it('fails when the browser it is told to use does not exist', () => {
    const { status, lastLine } = runTests(['kernel'], { CHROME_PATH: '/nowhere/chromium' });
    expect(lastLine).to.equal('0 passed, 1 failed');
    expect(status).to.equal(1);
  });
});

describe('test files', () => {
  it('that open tabs, start the server or say so run from Node, all others in a page', () => {
    expect(runnerOf('test/tabs/ring.test.ts')).to.equal('node');
    expect(runnerOf('test/signaling/server.test.ts')).to.equal('node');
    expect(runnerOf('test/build/build.node.test.ts')).to.equal('node');
    expect(runnerOf('test/ring/ring.sim.test.ts')).to.equal('page');
  });

  it('are found by any of several filters', () => {
    const files = testFiles('node', ['tabs/harness', 'runner/run.']);
    expect(files).to.deep.equal(['test/runner/run.node.test.ts', 'test/tabs/harness.test.ts']);
  });
});
