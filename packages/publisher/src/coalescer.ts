// Where coalesced events wait: a port, so that the windows can live in this process or be shared by many. The
// rules themselves are the contract's.
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
  /** Takes notice of an event that ends what waits in a slot, as a message ends its sender's typing. */
  end(event: StreamEvent): void;
  /** Ends every open window now; resolves when its events are stored or reported as dropped. */
  flush(): Promise<void>;
  /** Flushes, then forgets everything, so that nothing keeps the process alive. */
  close(): Promise<void>;
}
