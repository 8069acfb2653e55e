import { readFileSync } from 'node:fs';

const POLL_MS = 10;

/** Whether a process is at work. One that has ended and whose parent has not noticed is not. */
export function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
  } catch {
    return false;
  }
  if (process.platform !== 'linux') return true;
  try {
    // The state follows the name, which is in brackets and may contain anything.
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    return stat.slice(stat.lastIndexOf(')') + 2)[0] !== 'Z';
  } catch {
    return false;
  }
}

/** Waits until none of the processes is alive; returns those that are when the time is over. */
export async function untilEnded(pids: readonly number[], timeoutMs: number): Promise<number[]> {
  return untilTrue(
    () => pids.filter(isAlive),
    left => left.length === 0,
    timeoutMs,
  );
}

/** Reads until what was read is good, or the time is over; returns what was read last. */
export async function untilTrue<T>(
  read: () => T | Promise<T>,
  isGood: (value: T) => boolean,
  timeoutMs: number,
): Promise<T> {
  const deadline = performance.now() + timeoutMs;
  for (;;) {
    const value = await read();
    if (isGood(value) || performance.now() >= deadline) return value;
    await new Promise(resolve => setTimeout(resolve, POLL_MS));
  }
}

/** Rejects when the promise takes longer. The message says what was waited for. */
export async function within<T>(what: string, timeoutMs: number, promise: Promise<T>): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error(`${what}: nothing in ${timeoutMs} ms`)), timeoutMs);
  });
  try {
    return await Promise.race([promise, late]);
  } finally {
    clearTimeout(timer);
  }
}
