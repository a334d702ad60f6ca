// A promise with a deadline, for calls whose other side may never answer.
import type { Clock } from '../clock.js';

/**
 * Settles as `work` does, or rejects with what `onTimeout` makes once `timeoutMs` have passed. What `work` does
 * later is ignored, its rejection included.
 */
export function withDeadline<T>(
  clock: Clock,
  work: Promise<T>,
  timeoutMs: number,
  onTimeout: () => Error,
): Promise<T> {
  return new Promise((resolve, reject) => {
    const cancel = clock.startTimer(() => reject(onTimeout()), timeoutMs);
    work.then(
      (value) => {
        cancel();
        resolve(value);
      },
      (error: unknown) => {
        cancel();
        reject(error instanceof Error ? error : new Error(String(error)));
      },
    );
  });
}
