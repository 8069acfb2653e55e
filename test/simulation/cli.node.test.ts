import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { describe, it } from 'node:test';
import { ROOT } from '../runner/files.ts';

function simulate(...args: string[]) {
  const command = ['--import', 'tsx', 'src/simulation/cli.ts', ...args];
  return spawnSync(process.execPath, command, { cwd: ROOT, encoding: 'utf8', timeout: 60_000 });
}

function report(...args: string[]): Record<string, unknown> {
  const { status, stdout, stderr } = simulate(...args, '--json');
  assert.equal(status, 0, stderr);
  return JSON.parse(stdout.trimEnd().split('\n').at(-1) ?? '') as Record<string, unknown>;
}

describe('the simulator’s command', () => {
  it('reports in JSON on its last line, and repeats itself from a seed', () => {
    const args = ['--nodes', '5', '--keys', '4', '--seed'];
    const [one, again, other] = [report(...args, '5'), report(...args, '5'), report(...args, '6')];
    assert.equal(one['seed'], 5);
    assert.equal(one['nodes'], 5);
    assert.equal(one['violations'], 0);
    assert.equal(one['readRight'], 4);
    for (const name of ['events', 'virtualSeconds']) {
      assert.ok(typeof one[name] === 'number' && one[name] > 0, name);
    }
    assert.deepEqual(one, again);
    assert.notEqual(one['traceHash'], other['traceHash']);
  });

  it('runs the smallest ring there is', () => {
    assert.equal(report('--nodes', '1', '--keys', '2')['readRight'], 2);
  });

  it('refuses bad options, says what is wrong, and exits with 2', () => {
    const cases: [string[], RegExp][] = [
      [['--nodes', '0'], /--nodes is an integer from 1 to 10000, not "0"/],
      [['--nodes', 'many'], /--nodes is an integer/],
      [['--seed', '-1'], /seed/],
      [['--degree', '9'], /--degree is an integer from 1 to 8/],
      [['--nodes', '8', '--crashes', '5'], /--crashes is an integer from 0 to 4/],
      [['--sed', '1'], /--sed/],
    ];
    for (const [args, message] of cases) {
      const { status, stderr, stdout } = simulate(...args);
      assert.equal(status, 2, args.join(' '));
      assert.match(stderr, message);
      assert.equal(stdout, '', 'nothing for whoever reads the report');
    }
  });

  it('explains itself', () => {
    const { status, stdout } = simulate('--help');
    assert.equal(status, 0);
    for (const option of ['--nodes', '--seed', '--keys', '--crashes', '--degree', '--json']) {
      assert.ok(stdout.includes(option), option);
    }
  });
});
