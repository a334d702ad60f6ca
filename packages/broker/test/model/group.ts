// The consumer group as it must stand: what it has consumed, and of that what it has acknowledged. Pure.
import { compareEntryIds, type EntryId } from '@millrace/broker';

/** Follows one group from its beginning, until it is destroyed. */
export class Group {
  /** Consumed and not acknowledged, oldest first; what was cut meanwhile too. */
  readonly #pending: EntryId[] = [];
  #delivered: EntryId = '0-0';
  #isKnown = true;
  readonly #maxPending: number;

  /** @param maxPending beyond it the oldest pending entries are forgotten: they were cut, and counted as expired */
  constructor(maxPending: number) {
    this.#maxPending = maxPending;
  }

  /** True while the position of the group is known. */
  get isKnown(): boolean {
    return this.#isKnown;
  }

  /** It is gone: a pass makes it again wherever the cursors are. */
  lose(): void {
    this.#isKnown = false;
  }

  /** One pass. `retained`: the stream, oldest first. */
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
