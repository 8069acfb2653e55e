import { TabringError } from '../../kernel/errors.ts';

/** The browser answers within milliseconds or, on a disk that is ill, perhaps not at all. */
export const STORAGE_MS_MAX = 20_000;

/**
 * Waits for an answer of the browser's storage, but not for ever: rejects with `TabringError`
 * `store-failed` when it is not there in time. What comes of it later is `late`'s to undo.
 */
export function withinDeadline<T>(
  what: string,
  answer: Promise<T>,
  late: (value: T) => void = () => {},
): Promise<T> {
  return new Promise((resolve, reject) => {
    let isLate = false;
    const timer = setTimeout(() => {
      isLate = true;
      const text = `${what}: the browser's storage did not answer within ${STORAGE_MS_MAX} ms`;
      reject(new TabringError('store-failed', text));
    }, STORAGE_MS_MAX);
    const inTime = (value: T): void => {
      clearTimeout(timer);
      if (isLate) late(value);
      else resolve(value);
    };
    const failed = (reason: unknown): void => {
      clearTimeout(timer);
      reject(reason);
    };
    answer.then(inTime, failed);
  });
}
