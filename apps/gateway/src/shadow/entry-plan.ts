// Decides what a gateway would do with an entry. The decision is the dispatcher's own.
import { type Entry, entryIdMs } from '@millrace/broker';
import { type AnyCatalog, readControlEntry } from '@millrace/contract';
import { decide } from '../dispatch/decide.js';
import { SeenEvents } from '../dispatch/seen-events.js';
import { originOf, toCollected } from '../intake/collector/pattern.js';
import type { Intake } from '../intake/intake.js';
import type { ResolvedGatewayOptions } from '../settings/options.js';

/**
 * The action of a gateway for an entry. `skip`: the intake rule produces no event for the entry. `reason` is a text for people. It contains
 * no value of the entry.
 */
export type EntryPlan =
  | { readonly kind: 'deliver'; readonly eventType: string }
  | { readonly kind: 'drop' | 'refuse' | 'skip'; readonly eventType: string; readonly reason: string };

/** Options of {@link EntryPlanner}. */
export interface EntryPlannerOptions
  extends Pick<ResolvedGatewayOptions, 'freshness' | 'dedupeWindowMs' | 'maxDedupeIds'> {
  readonly catalog: AnyCatalog;
  /** Turns entries of other programs into events. `undefined` if no stream has a rule. */
  readonly intake?: Intake | undefined;
}

/** Decides for each entry of all streams. The entries of a stream must come in their order. */
export class EntryPlanner {
  readonly #rules;
  readonly #seen: SeenEvents;
  readonly #intake: Intake | undefined;

  constructor({ catalog, freshness, dedupeWindowMs, maxDedupeIds, intake }: EntryPlannerOptions) {
    this.#intake = intake;
    this.#seen = new SeenEvents({ keepMs: dedupeWindowMs, maxIds: maxDedupeIds });
    // Another system's stream has no partitions, so that every room belongs to it.
    this.#rules = { catalog, freshness, positions: { belongs: () => true }, seen: this.#seen };
  }

  /**
   * Returns the plan for an entry. Returns `undefined` for an entry that Millrace wrote: a control entry, or a copy of an entry of
   * another stream. The original entry has its own plan.
   */
  planFor(stream: string, entry: Entry): EntryPlan | undefined {
    if (readControlEntry(entry.fields) !== undefined || originOf(entry.fields) !== undefined)
      return undefined;
    return this.#planFor(stream, entry);
  }

  /** Returns the plan for an entry of a stream whose entries are copied into the stream `into`. */
  planCopied(into: string, source: string, entry: Entry): EntryPlan {
    return this.#planFor(into, { id: entry.id, fields: toCollected(source, entry).fields });
  }

  #planFor(stream: string, entry: Entry): EntryPlan {
    // A gateway reads an entry within milliseconds, so that its time is that of the entry.
    const taken = this.#intake?.take(stream, entry) ?? entry;
    const decision = decide(stream, taken, entryIdMs(entry.id), this.#rules);
    if (decision.action === 'skip')
      return { kind: 'skip', eventType: '', reason: 'the intake rule produces no event for it' };
    if (decision.action === 'reject')
      return { kind: 'refuse', eventType: taken.fields['event_type'] ?? '', reason: decision.reason };
    const eventType = decision.received.event.event_type;
    if (decision.action === 'drop') return { kind: 'drop', eventType, reason: decision.reason };
    this.#seen.add(decision.received, decision.appendedMs);
    return { kind: 'deliver', eventType };
  }
}
