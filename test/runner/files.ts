import { readdirSync } from 'node:fs';
import { relative, resolve, sep } from 'node:path';
import { fileURLToPath } from 'node:url';

/** The folder of package.json. */
export const ROOT = fileURLToPath(new URL('../..', import.meta.url));

export type RunnerName = 'page' | 'node';

/** Which of the two runners a test file (path from the root, with `/`) belongs to. */
export function runnerOf(file: string): RunnerName {
  const fromNode = /^test\/(tabs|signaling)\//.test(file) || file.endsWith('.node.test.ts');
  return fromNode ? 'node' : 'page';
}

/** Test files of one runner whose path has any of the filters in it (all of them without filters). */
export function testFiles(runner: RunnerName, filters: readonly string[]): string[] {
  return readdirSync(resolve(ROOT, 'test'), { recursive: true, encoding: 'utf8' })
    .map(name => `test/${name.split(sep).join('/')}`)
    .filter(file => file.endsWith('.test.ts') && runnerOf(file) === runner)
    .filter(file => filters.length === 0 || filters.some(filter => file.includes(filter)))
    .sort();
}

/** Path from the root, the way test files are named everywhere here. */
export function fromRoot(path: string): string {
  return relative(ROOT, path).split(sep).join('/');
}
