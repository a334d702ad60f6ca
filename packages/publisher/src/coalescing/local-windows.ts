// Coalescing windows in this process alone. A crash loses the events in them: at most 100 ms of typing and receipts.
import { type EntryId, MemoryWindows, type WindowEnding } from '@millrace/broker';
import type { Clock } from '@millrace/internal';
import { StreamTimes } from './stream-times.js';

/**
 * Inputs and endings of this process are in the order of the calls. Inputs and the messages of other processes are compared by the time
 * of the stream, which is derived from the receipts of this process.
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

  /** An entry of this process is in its stream; `ending` names the inputs that it has ended. */
  stored(stream: string, id: EntryId, ending?: WindowEnding): void {
    this.#times.note(stream, id, this.#clock.monotonicMs());
    if (ending !== undefined) this.end(ending, id);
  }
}
