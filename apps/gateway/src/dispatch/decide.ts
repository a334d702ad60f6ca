// Decides whether an entry is delivered, dropped (and counted by reason) or rejected. Pure. `rejections.ts` stores a rejected
// entry as a dead letter, unless another gateway knows the entry's event type (`known-types.ts`).
import type { Entry } from '@millrace/broker';
import { type AnyCatalog, describeIssues, type ReceivedEvent } from '@millrace/contract';
import { noEvent, ruleOf } from '../intake/intake.js';
import type { RefusingStep } from '../intake/refusal.js';
import type { RoomPositions } from '../rooms/room-positions.js';
import { appendedAtMs, isStale } from './freshness.js';
import type { SeenEvents } from './seen-events.js';

/** An event that is delivered to its room. */
export interface Accepted {
  readonly action: 'deliver';
  readonly stream: string;
  readonly entry: Entry;
  readonly received: ReceivedEvent;
  /** Time at which the entry was appended, in broker time: milliseconds since 1970. */
  readonly appendedMs: number;
}

/** An event that is dropped, because it is too old or a repeat of an earlier event. */
export interface Dropped {
  readonly action: 'drop';
  readonly received: ReceivedEvent;
  readonly reason: 'stale' | 'duplicate';
}

/** An entry that is not an event, as the intake rule of its stream says. */
export interface Skipped {
  readonly action: 'skip';
}

/** An entry that can never be delivered. */
export interface Rejected {
  readonly action: 'reject';
  /** The reason, as text for people. This text contains no value of the event. */
  readonly reason: string;
  /** The step of the stream's intake rule that refused the entry. */
  readonly step?: RefusingStep;
  /** The event type, if it is not in the catalog of this gateway. */
  readonly unknownType?: string;
}

export type Decision = Accepted | Dropped | Skipped | Rejected;

/** The rules that `decide` follows, and the state it reads. */
export interface DecisionRules {
  readonly catalog: AnyCatalog;
  /**
   * The time from which an event's age is measured: the time of its entry (`entry`) or its own timestamp (`timestamp`). With
   * `none`, the age is not checked, because the event was delivered before.
   */
  readonly freshness: 'entry' | 'timestamp' | 'none';
  readonly positions: Pick<RoomPositions, 'belongs'>;
  readonly seen: Pick<SeenEvents, 'has'>;
}

/**
 * Decides what happens to an entry of a stream at `brokerTimeMs`. The caller must add an event that is to be delivered to the
 * seen events.
 */
export function decide(stream: string, entry: Entry, brokerTimeMs: number, rules: DecisionRules): Decision {
  if (entry.isUtf8 === false) return rejected('a field holds bytes that are not UTF-8 text');
  const parsed = rules.catalog.parseEntry(entry.fields);
  if (!parsed.ok) {
    // An entry that the intake refused or skipped has no fields.
    const none = noEvent(entry);
    if (none?.kind === 'skipped') return { action: 'skip' };
    if (none !== undefined)
      return { action: 'reject', reason: `intake of ${ruleOf(entry)}: ${none.reason}`, step: none.step };
    const reason = describeIssues(parsed.issues, parsed.eventType);
    const unknownType = unknownTypeOf(entry, rules.catalog);
    return unknownType === undefined ? rejected(reason) : { action: 'reject', reason, unknownType };
  }
  const received = parsed.value;
  if (!rules.positions.belongs(received.event.room_id, stream))
    return rejected('the room belongs to another partition');
  const { freshness } = rules;
  if (freshness !== 'none' && isStale(received, entry, { freshness, brokerTimeMs }))
    return { action: 'drop', received, reason: 'stale' };
  const appendedMs = appendedAtMs(entry, brokerTimeMs);
  if (rules.seen.has(received, appendedMs)) return { action: 'drop', received, reason: 'duplicate' };
  return { action: 'deliver', stream, entry, received, appendedMs };
}

function rejected(reason: string): Rejected {
  return { action: 'reject', reason };
}

function unknownTypeOf({ fields }: Entry, catalog: AnyCatalog): string | undefined {
  const type = fields['event_type'];
  if (type === undefined || type === '') return undefined;
  return catalog.find(type) === undefined ? type : undefined;
}
