/** How soon the end of the parent is noticed. */
const LOOK_MS = 500;

/**
 * Calls back when the process that started this one is gone. Ended by a signal, npm takes its shell
 * with it but not what runs in the shell, which would go on unseen.
 */
export function whenParentEnds(callback: () => void): void {
  const parent = process.ppid;
  const timer = setInterval(() => {
    if (process.ppid === parent) return;
    clearInterval(timer);
    callback();
  }, LOOK_MS);
  timer.unref();
}
