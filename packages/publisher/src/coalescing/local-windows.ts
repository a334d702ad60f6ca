// Coalescing windows in the memory of this process. A crash loses the events in them: at most 100 ms of typing and receipts.
import { type EntryId, MemoryWindows, type WindowEnding } from '@millrace/broker';
import type { Clock } from '@millrace/internal';
import { StreamTimes } from './stream-times.js';

/**
 * Windows for the inputs of this process. Inputs and the events that end them take effect in the order of the calls. Messages
 * of other processes are compared with inputs by the stream's time. This class estimates that time from the publish receipts
 * of this process.
 */
export class LocalWindows extends MemoryWindows {
  readonly #clock: Clock;
  readonly #times: StreamTimes;

  constructor(clock: Clock) {
    const times = new StreamTimes();
    super(clock, {
      checkReady: () => {},
      nextId: (stream) => times.asOf(stream, clock.monotonicMs()),
    });
    this.#clock = clock;
    this.#times = times;
  }

  /**
   * Records that an entry of this process was stored in its stream. `ending` names the inputs that the entry
   * has ended.
   */
  stored(stream: string, id: EntryId, ending?: WindowEnding): void {
    this.#times.note(stream, id, this.#clock.monotonicMs());
    if (ending !== undefined) this.end(ending, id);
  }
}
