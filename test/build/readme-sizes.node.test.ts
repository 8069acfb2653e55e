import assert from 'node:assert/strict';
import { existsSync, readFileSync } from 'node:fs';
import { describe, it } from 'node:test';

const ROOT = new URL('../..', import.meta.url);

/** Sizes drift with every change; a README further off than this is not true any more. */
const TOLERANCE = 0.04;

const ROWS: Readonly<Record<string, string>> = {
  library: 'library alone',
  elements: 'library and elements',
};

describe('the sizes quoted in the README', () => {
  const sizes = new URL('dist/sizes.json', ROOT);
  // The build writes the sizes; `.ci/run` builds before it tests.
  it('are those of the last build', { skip: !existsSync(sizes) && 'not built yet' }, () => {
    const built = JSON.parse(readFileSync(sizes, 'utf8')) as Record<string, { brotli: number }>;
    const readme = readFileSync(new URL('README.md', ROOT), 'utf8');
    for (const [entry, name] of Object.entries(ROWS)) {
      const row = new RegExp(`size: ${name} *\\| *([\\d.]+) kB`).exec(readme);
      assert.ok(row, `the README quotes the size of: ${name}`);
      const quoted = Number(row[1]) * 1000;
      const actual = built[entry]?.brotli ?? 0;
      const off = Math.abs(quoted - actual) / actual;
      assert.ok(
        off < TOLERANCE,
        `${name}: README ${quoted}, build ${actual}; npm run bench -- --write`,
      );
    }
  });
});
