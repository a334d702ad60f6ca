// The states of coalescing in one slot of one room. Plain data that survives JSON, so that the same state can
// live in memory or in Redis. `coalescing.ts` holds the functions that change it.
import type { StreamEvent } from './envelope.js';

/**
 * The field of a stream entry that says when the last of the events was made that it stands for: the ID that an entry of this
 * stream would have had at that moment. An entry without it is as of its own ID.
 */
export const AS_OF_FIELD = 'as_of';

/** Names one window: a slot in a room. */
export interface WindowName {
  readonly roomId: string;
  readonly slot: string;
}

/** Names one place in a window: usually one user in a room. */
export interface SlotKey extends WindowName {
  readonly key: string;
}

/** What waits for one key: the newest event, with the merged payload. */
export interface HeldEvent {
  readonly key: string;
  readonly event: StreamEvent;
  /** How many events it stands for. */
  readonly count: number;
}

/** Events wait for the window to end. */
export interface PendingWindow extends WindowName {
  readonly state: 'pending';
  /** When the window ends, in the caller's milliseconds. Fixed by the first event. */
  readonly dueAtMs: number;
  /** One per key, in the order in which the keys came. Never empty. */
  readonly held: readonly HeldEvent[];
  /** Every event that went in. Bounded: at `maxEvents` the window is full and must be flushed. */
  readonly eventIds: readonly string[];
}

/** The merged events were handed out and are on their way. */
export interface FlushingWindow extends WindowName {
  readonly state: 'flushing';
  /** What was handed out, so that another process can take over. */
  readonly events: readonly StreamEvent[];
}

/** The merged events are in the stream. The next event opens a new window. */
export interface PublishedWindow extends WindowName {
  readonly state: 'published';
}

/** One slot of one room. Absent means idle. */
export type CoalescingWindow = PendingWindow | FlushingWindow | PublishedWindow;
