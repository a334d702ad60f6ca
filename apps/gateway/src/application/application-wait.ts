// Waits for code of the application while a gateway starts. Code that never settles must not keep the gateway waiting in silence.
import type { Clock } from '@millrace/internal';

/** Time after which the operator is told what the gateway waits for. */
export const WAIT_NOTICE_MS = 5_000;

/** Time after which the start fails. It is long, because an application may update its database before it serves. */
export const WAIT_LIMIT_MS = 120_000;

/** The two moments of a wait that takes long. */
export interface ApplicationWait {
  readonly clock: Pick<Clock, 'startTimer'>;
  /** Called after `WAIT_NOTICE_MS`. */
  onLongWait(): void;
  /** Returns the error with which the wait ends after `WAIT_LIMIT_MS`. The work itself cannot be stopped. */
  overdue(): Error;
}

/** Resolves or rejects as `work` does, or rejects at the limit. */
export async function settledInTime<T>(
  work: Promise<T>,
  { clock, onLongWait, overdue }: ApplicationWait,
): Promise<T> {
  const cancelNotice = clock.startTimer(onLongWait, WAIT_NOTICE_MS);
  let cancelLimit = (): void => undefined;
  const limit = new Promise<never>((_resolve, reject) => {
    cancelLimit = clock.startTimer(() => reject(overdue()), WAIT_LIMIT_MS);
  });
  try {
    return await Promise.race([work, limit]);
  } finally {
    cancelNotice();
    cancelLimit();
  }
}
