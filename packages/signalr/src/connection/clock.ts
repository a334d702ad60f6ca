/*
 * The server's clock. All code of the package reads the time from this clock, so that tests can replace the
 * clock.
 */
import { type Clock, systemClock } from '@millrace/internal';

/** The source of the current time, and a timer that calls a function repeatedly. @beta */
export interface ServerClock extends Pick<Clock, 'monotonicMs' | 'wallMs'> {
  /**
   * Calls `tick` about every `intervalMs`, until the returned function is called. The timer must not keep the process alive.
   * `tick` decides which clients were silent for too long. Therefore data that has already reached the sockets should be read
   * before `tick` runs.
   */
  every(intervalMs: number, tick: () => void): () => void;
}

/** The real clock. */
export const systemServerClock: ServerClock = {
  ...systemClock,
  every(intervalMs, tick) {
    let look: NodeJS.Immediate | undefined;
    // After a pause of the whole process, Node runs timers before it reads the sockets. A `tick` in the timer itself would
    // take clients for silent although their data has arrived.
    const timer = setInterval(() => {
      look = setImmediate(tick);
    }, intervalMs);
    timer.unref();
    return () => {
      clearInterval(timer);
      clearImmediate(look);
    };
  },
};
