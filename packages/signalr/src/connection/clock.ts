/*
 * Time as the server sees it. Tests put their own clock here; nothing else in the package asks for the time.
 */
import { type Clock, systemClock } from '@millrace/internal';

/** A source of time and of one repeated call. */
export interface ServerClock extends Pick<Clock, 'monotonicMs' | 'wallMs'> {
  /**
   * Calls `tick` about every `intervalMs` until the returned function is called. Must not keep the process alive. What the sockets
   * hold by then should have been read: deadlines are judged in `tick`.
   */
  every(intervalMs: number, tick: () => void): () => void;
}

/** The real clock. */
export const systemServerClock: ServerClock = {
  ...systemClock,
  every(intervalMs, tick) {
    let look: NodeJS.Immediate | undefined;
    // A process that did not run for a while wakes with its timers first and its sockets second. Judged in the timer, every
    // client that spoke in the meantime would pass for silent.
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
