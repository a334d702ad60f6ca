import { expect, test, vi } from 'vitest';
import { MAX_TIMER_MS, systemClock } from '../src/index.js';

test.each([Number.POSITIVE_INFINITY, MAX_TIMER_MS + 1, 1e15])(
  'a timer with a delay of %d ms, which is longer than timers can wait, does not fire immediately',
  (delayMs) => {
    vi.useFakeTimers();
    try {
      const callback = vi.fn();
      systemClock.startTimer(callback, delayMs);
      vi.advanceTimersByTime(MAX_TIMER_MS - 1);
      expect(callback).not.toHaveBeenCalled();
      vi.advanceTimersByTime(1);
      expect(callback).toHaveBeenCalledOnce();
    } finally {
      vi.useRealTimers();
    }
  },
);
