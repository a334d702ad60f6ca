// A model of the consumer group. It knows the group's consumed and acknowledged entries. Pure.
import { compareEntryIds, type EntryId } from '@millrace/broker';

/** Models one consumer group, from its creation until its destruction. */
export class Group {
  /**
   * The pending entries (consumed, but not acknowledged), the oldest first. Includes entries that the hard cap has removed since.
   */
  readonly #pending: EntryId[] = [];
  #delivered: EntryId = '0-0';
  #isKnown = true;
  readonly #maxPending: number;

  /**
   * @param maxPending maximum number of pending entries. Above it, the oldest are forgotten, because the hard cap has removed
   *   them from the stream and counted them.
   */
  constructor(maxPending: number) {
    this.#maxPending = maxPending;
  }

  /** True until `lose` is called. The model does not know afterwards which entries the group has consumed. */
  get isKnown(): boolean {
    return this.#isKnown;
  }

  /** Marks the group as destroyed. A later pass recreates it at a position that depends on the cursors. */
  lose(): void {
    this.#isKnown = false;
  }

  /** Applies one acknowledgement pass. `retained` lists the entries in the stream, the oldest first. */
  runPass(retained: readonly EntryId[], consumed: number, acknowledged: number): void {
    const fresh = retained.filter((id) => compareEntryIds(id, this.#delivered) > 0).slice(0, consumed);
    this.#pending.push(...fresh);
    this.#delivered = fresh.at(-1) ?? this.#delivered;
    this.#pending.splice(0, Math.max(0, this.#pending.length - this.#maxPending));
    this.#pending.splice(0, acknowledged);
  }

  hasAcknowledged(id: EntryId): boolean {
    const oldest = this.#pending[0];
    if (oldest !== undefined) return compareEntryIds(id, oldest) < 0;
    return compareEntryIds(id, this.#delivered) <= 0;
  }
}
