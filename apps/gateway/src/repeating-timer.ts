// A timer that comes again and again, on any clock.
import type { CancelTimer, Clock } from '@millrace/internal';

/** Calls `action` every `intervalMs` until cancelled. */
export function repeat(
  clock: Pick<Clock, 'startTimer'>,
  intervalMs: number,
  action: () => void,
): CancelTimer {
  let cancel = clock.startTimer(tick, intervalMs);
  function tick(): void {
    cancel = clock.startTimer(tick, intervalMs);
    action();
  }
  return () => cancel();
}
