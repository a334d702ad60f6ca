// A promise with a deadline, for calls whose other side may never answer.
import type { Clock } from '../clock.js';

/** A stall of this process is noticed, and forgiven, to within this part of a deadline. */
const SLICES = 4;

/**
 * Settles as `work` does, or rejects with what `onTimeout` makes once `timeoutMs` have passed. What `work` does
 * later is ignored, its rejection included.
 *
 * Only time in which this process ran counts: on a machine without a free processor it may sleep for seconds, and then its timers
 * fire before it has read the replies that came meanwhile. So the time is counted in slices, each of which counts for no more than its
 * length however late it ends, and after the last one the sockets are read once more.
 */
export function withDeadline<T>(
  clock: Clock,
  work: Promise<T>,
  timeoutMs: number,
  onTimeout: () => Error,
): Promise<T> {
  return new Promise((resolve, reject) => {
    let slicesLeft = SLICES;
    let cancel = (): void => {};
    const wait = (): void => {
      cancel = clock.startTimer(() => (--slicesLeft > 0 ? wait() : lookOnce()), timeoutMs / SLICES);
    };
    const lookOnce = (): void => {
      // Timers come first in a turn of the event loop, then sockets, then this.
      const look = setImmediate(() => reject(onTimeout()));
      cancel = () => clearImmediate(look);
    };
    wait();
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
