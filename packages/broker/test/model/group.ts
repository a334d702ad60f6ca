// A model of the consumer group: which entries it has consumed, and which of these it has acknowledged. Pure.
import { compareEntryIds, type EntryId } from '@millrace/broker';

/** Follows one group from its beginning, until it is destroyed. */
export class Group {
  /** Entries that were consumed and not acknowledged, the oldest first. Entries that the hard cap has cut since are included. */
  readonly #pending: EntryId[] = [];
  #delivered: EntryId = '0-0';
  #isKnown = true;
  readonly #maxPending: number;

  /**
   * @param maxPending maximum number of pending entries; beyond it the oldest are forgotten, because the hard cap has cut and
   * counted them
   */
  constructor(maxPending: number) {
    this.#maxPending = maxPending;
  }

  /** True while the position of the group is known. */
  get isKnown(): boolean {
    return this.#isKnown;
  }

  /** Marks the group as destroyed. A later pass creates it again at a position that depends on the cursors. */
  lose(): void {
    this.#isKnown = false;
  }

  /** Applies one pass. `retained` holds the entries of the stream, the oldest first. */
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
