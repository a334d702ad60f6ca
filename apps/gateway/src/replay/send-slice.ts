// Sends missed events in slices, so that one client that comes back does not delay the others. A slice is bounded by its bytes and by its
// duration. Its duration matters for the clients of a view, because functions of the application make their messages.
import type { PreparedCall } from '@millrace/signalr';

/** The connection that is sent slices. */
export interface SliceTarget {
  send(event: PreparedCall): void;
  /** Resolves when the connection has taken all events that were sent. */
  flushed(): Promise<void>;
  isGone(): boolean;
}

/** Number of bytes in a slice, after which other connections get their turn. */
export const SLICE_BYTES = 65_536;
// After this time, no further event is added to a slice. One event of a view may take equally long (`MAX_RULE_MS`).
const sliceMs = 5;

/**
 * Sends events until a slice is full. Sends at least one event, if there is one.
 *
 * @param from index of the first event to send
 * @returns the number of events that were sent
 */
export function sendSlice(
  events: readonly PreparedCall[],
  send: (event: PreparedCall, index: number) => void,
  from = 0,
): number {
  const endMs = performance.now() + sliceMs;
  let bytes = 0;
  let index = from;
  for (let event = events[index]; event !== undefined; event = events[index]) {
    if (index > from && (bytes >= SLICE_BYTES || performance.now() >= endMs)) break;
    send(event, index);
    bytes += event.bytes.length;
    index += 1;
  }
  return index - from;
}

/** Sends the events in slices. Returns the number of sent events. */
export async function sendInSlices(events: readonly PreparedCall[], target: SliceTarget): Promise<number> {
  let sent = 0;
  while (sent < events.length) {
    if (sent > 0) await target.flushed();
    if (sent > 0 && target.isGone()) break;
    sent += sendSlice(events, (event) => target.send(event), sent);
  }
  return sent;
}
