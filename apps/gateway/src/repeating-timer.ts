// A repeating timer, on any clock.
import type { CancelTimer, Clock } from '@millrace/internal';

/** Calls `action` every `intervalMs` until cancelled. */
export function startRepeatingTimer(
  clock: Pick<Clock, 'startTimer'>,
  intervalMs: number,
  action: () => void,
): CancelTimer {
  let cancel = clock.startTimer(fire, intervalMs);
  function fire(): void {
    cancel = clock.startTimer(fire, intervalMs);
    action();
  }
  return () => cancel();
}
