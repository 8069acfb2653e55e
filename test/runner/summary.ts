import { readFileSync, writeFileSync } from 'node:fs';

/** What a runner counted. A file that does not load, or has no test, is one failure. */
export interface Summary {
  readonly passed: number;
  readonly failed: number;
  readonly skipped: number;
}

/** A runner is a process of its own, so that not even its crash can pass for success. */
export function writeSummary(path: string, summary: Summary): void {
  writeFileSync(path, JSON.stringify(summary));
}

/** Undefined if the runner never got to the end, or wrote something else. */
export function readSummary(path: string): Summary | undefined {
  try {
    const { passed, failed, skipped } = JSON.parse(readFileSync(path, 'utf8')) as Partial<Summary>;
    if (![passed, failed, skipped].every(Number.isSafeInteger)) return undefined;
    return { passed: passed ?? 0, failed: failed ?? 0, skipped: skipped ?? 0 };
  } catch {
    return undefined;
  }
}

/** `12 passed, 1 failed`: `N skipped` is said only if there is something to say. */
export function inWords({ passed, failed, skipped }: Summary): string {
  return `${passed} passed, ${failed} failed${skipped > 0 ? `, ${skipped} skipped` : ''}`;
}
