// Where coalesced events wait: a port, so that the windows can live in this process or be shared by many. The
// rules themselves are the contract's.
import type { EntryId, WindowEnding } from '@millrace/broker';
import type { StreamEvent } from '@millrace/contract';

/**
 * Holds the open coalescing windows.
 *
 * Guarantees: an event that was added is flushed when its window ends, alone or merged, unless it is reported as
 * dropped; merged events of one slot leave in the order in which their keys came.
 */
export interface Coalescer {
  /** Takes a coalesced event into its window. Resolved means: accepted. */
  add(event: StreamEvent): Promise<void>;
  /**
   * Takes notice of an event that ends what waits in a slot, as a message ends its sender's typing, before it is sent. What of
   * this process waits for the key comes before it, what is added from now on behind it. `undefined`: it ends nothing.
   */
  end(event: StreamEvent): EndingUnderWay | undefined;
  /** Ends every open window now; resolves when its events are stored or reported as dropped. */
  flush(): Promise<void>;
  /** Flushes, then forgets everything, so that nothing keeps the process alive. */
  close(): Promise<void>;
}

/** An ending event on its way to its stream. */
export interface EndingUnderWay {
  /** Inputs that it ends in the broker, in the step that stores it. */
  readonly ends?: WindowEnding;
  /**
   * To be called once: with the entry's ID when it was stored; without one when it was not, or was there already. Then it has
   * ended nothing.
   */
  settle(id?: EntryId): void;
}

/** Puts a merged event into its stream. `asOf`: see `AS_OF_FIELD`; left out, the event is as of its own entry. */
export type StoreMerged = (event: StreamEvent, asOf?: EntryId) => Promise<EntryId>;
