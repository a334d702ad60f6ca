// The blocking reads that wait for a newer entry.
import type { Clock } from '@millrace/internal';
import type { BrokerError } from '../errors.js';

interface Waiter {
  readonly streams: readonly string[];
  readonly wake: () => void;
  readonly reject: (error: BrokerError) => void;
}

/**
 * The reads that wait. A wait ends when `wake` is called for one of its streams, when its time has passed, when its signal
 * fires, or by `rejectAll`. Each read has one wait, so the callers limit the number of waits.
 */
export class ReadWaiters {
  readonly #clock: Clock;
  readonly #waiting = new Set<Waiter>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Resolves when one of `streams` has a new entry, after `blockMs`, or when `signal` fires. */
  wait(streams: readonly string[], blockMs: number, signal?: AbortSignal): Promise<void> {
    return new Promise((resolve, reject) => {
      const leave = (): void => {
        this.#waiting.delete(waiter);
        cancel();
        signal?.removeEventListener('abort', waiter.wake);
      };
      const waiter: Waiter = {
        streams,
        wake: () => {
          leave();
          resolve();
        },
        reject: (error) => {
          leave();
          reject(error);
        },
      };
      const cancel = this.#clock.startTimer(waiter.wake, blockMs);
      this.#waiting.add(waiter);
      signal?.addEventListener('abort', waiter.wake, { once: true });
    });
  }

  wake(stream: string): void {
    for (const waiter of this.#waiting) {
      if (waiter.streams.includes(stream)) waiter.wake();
    }
  }

  rejectAll(error: BrokerError): void {
    for (const waiter of this.#waiting) waiter.reject(error);
  }
}
