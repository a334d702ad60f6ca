// Counts entries by event type, by what a gateway would do with them and by what the other service did. Pure.
import type { EntryId } from '@millrace/broker';
import type { EntryPlan } from './entry-plan.js';

/** Every {@link Outcome}. */
export const OUTCOMES = ['acknowledged', 'lost', 'unclear', 'unfollowed', 'unread', 'pending'] as const;

/**
 * The fate of an entry at the other service:
 * - `acknowledged`: read and acknowledged
 * - `lost`: removed from the stream before the service read it
 * - `unclear`: removed between two looks at the stream, so that it may have been read or lost
 * - `unfollowed`: too many entries were unread or pending to follow all of them
 * - `unread`, `pending`: not read, or read and not acknowledged, so far
 */
export type Outcome = (typeof OUTCOMES)[number];

/** The entries of one event type and one plan. */
export interface OutcomeCell {
  readonly eventType: string;
  readonly kind: EntryPlan['kind'];
  /** The reason of a drop or a refusal. Empty for a delivery. */
  readonly reason: string;
  /** ID of the first such entry. */
  readonly example: EntryId;
  readonly counts: Record<Outcome, number>;
}

/** Maximum number of cells of one stream. Entries of further types and reasons are counted together. */
const MAX_CELLS = 200;

/** Maximum length of an event type in the counts. Event types are texts of other programs. */
const MAX_TYPE_CHARS = 128;

/** The cells of one stream. */
export class OutcomeCounts {
  readonly #cells = new Map<string, OutcomeCell>();

  /** All cells, in the order of their first entries. */
  get cells(): readonly OutcomeCell[] {
    return [...this.#cells.values()];
  }

  /** Returns the cell of an entry. */
  cellFor(id: EntryId, plan: EntryPlan): OutcomeCell {
    const reason = 'reason' in plan ? plan.reason : '';
    const eventType = plan.eventType.slice(0, MAX_TYPE_CHARS);
    const key = `${plan.kind} ${eventType}\n${reason}`;
    const known = this.#cells.get(key);
    if (known !== undefined) return known;
    if (this.#cells.size < MAX_CELLS)
      return this.#add(key, { eventType, kind: plan.kind, reason, example: id });
    const other = {
      eventType: '(other types)',
      kind: plan.kind,
      reason: reason === '' ? '' : '(other reasons)',
    };
    const otherKey = `${plan.kind} other`;
    return this.#cells.get(otherKey) ?? this.#add(otherKey, { ...other, example: id });
  }

  #add(key: string, cell: Omit<OutcomeCell, 'counts'>): OutcomeCell {
    const counts = { acknowledged: 0, lost: 0, unclear: 0, unfollowed: 0, unread: 0, pending: 0 };
    const added = { ...cell, counts };
    this.#cells.set(key, added);
    return added;
  }
}
