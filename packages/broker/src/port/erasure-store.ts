// The part of the port `Broker` that erases entries before they are trimmed. An erasure has two steps. First, a control entry
// tells every reader of the stream that the entries are erased. Later, when every live subscriber has read the control entry,
// the store removes the entries.
import type { EntryId } from '../entries/entry-id.js';

/** An erasure in one stream. @beta */
export interface Erasure {
  /** Fields of the control entry. Left out if the stream has none of the entries. Then only dedupe IDs are recorded. */
  readonly control?: Readonly<Record<string, string>>;
  /** IDs of the entries, in any order: at most 1,000. */
  readonly ids: readonly EntryId[];
  /**
   * Dedupe IDs that are remembered for `dedupeWindowMs` from now on: at most 1,000. A repeat of an erased entry is then a
   * duplicate. The store keeps no content with the IDs.
   */
  readonly dedupeIds: readonly string[];
}

/** The result of removing erased entries. @beta */
export interface ErasedRemoval {
  /** Number of entries that this call removed from the stream. */
  readonly removed: number;
  /** Number of erased entries that remain until all live subscribers have read their control entry. */
  readonly waiting: number;
  /**
   * True if another system owns the stream. Erased entries then stay in it until that system removes them, and are sent to no client.
   * @defaultValue false
   */
  readonly isKept?: true;
}

/**
 * Erases entries of streams.
 *
 * Guarantees:
 * - An erased entry is never counted as expired or lost, and never causes a reset. `StreamInspection.completeAfter` and
 *   `HeartbeatReply` treat the stream as if the entry were still in it.
 * - An erasure may be repeated. Entries that are gone are ignored.
 * @beta
 */
export interface ErasureStore {
  /**
   * Appends the control entry and records that the entries are erased, in one step. Works even if the store is full.
   * @returns the ID of the control entry, or `undefined` without one
   */
  erase(stream: string, erasure: Erasure): Promise<EntryId | undefined>;

  /**
   * Removes at most `trimBatchSize` erased entries whose control entry every live subscriber of every group has read. After a
   * pause of the broker, waits `livenessMs` for the subscribers. Declares subscribers dead by the rules of an acknowledgement
   * pass.
   *
   * A group of another program may never read the control entry. Therefore an entry waits for other groups at most
   * `OTHER_GROUPS_WAIT_MS`. Removes nothing from a stream that another system owns.
   */
  remove(stream: string): Promise<ErasedRemoval>;
}

/** Maximum milliseconds for which an erased entry waits for another consumer group to acknowledge its control entry. @beta */
export const OTHER_GROUPS_WAIT_MS = 60_000;
