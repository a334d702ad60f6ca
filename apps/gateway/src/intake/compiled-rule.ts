// Applies the rule of a stream to an entry: layout → declared steps → `map` → the fields of an event.
import { entryIdMs } from '@millrace/broker';
import type { EntryFields } from '@millrace/contract';
import { compileLayout, type Layout, type PartTexts } from './layout.js';
import { madeEventId } from './made-event-id.js';
import { callMap } from './map-step.js';
import {
  type CompiledSteps,
  compileSteps,
  type StepContext,
  stepsOf,
  withoutSurplusZ,
} from './payload-steps.js';
import { IntakeRefusal } from './refusal.js';
import type { DEFAULT_SOURCES, IntakeRule, MappedEntry, MappedEvent } from './rule.js';

/** Latest time that a `Date` can represent, in milliseconds since 1970. */
const MAX_DATE_MS = 8.64e15;

/** An entry after the declared steps. */
interface Declared extends StepContext {
  readonly event_id: string;
  readonly timestamp: string;
  readonly payload: string | undefined;
  readonly metadata: string | undefined;
}

/** An entry in its own stream. For a copied entry, this is the stream from which it was copied. */
export interface RuledEntry extends MappedEntry {
  /** The part of the stream's name for which `*` stands in a pattern. */
  readonly matched?: string | undefined;
}

/** The rule of one stream, or of a pattern. */
export class CompiledRule {
  /** The stream or the pattern. */
  readonly name: string;
  readonly #rule: IntakeRule;
  readonly #layout: Layout;
  readonly #commonSteps: CompiledSteps;
  /** The steps of the types that have some of their own. */
  readonly #stepsByType: ReadonlyMap<string, CompiledSteps>;
  readonly #monotonicMs: () => number;

  constructor(name: string, rule: IntakeRule, monotonicMs: () => number) {
    this.name = name;
    this.#rule = rule;
    this.#monotonicMs = monotonicMs;
    this.#layout = compileLayout(rule);
    this.#commonSteps = compileSteps(stepsOf(rule));
    this.#stepsByType = new Map(
      Object.entries(rule.types ?? {}).map(([type, own]) => [type, compileSteps(stepsOf(rule, own))]),
    );
  }

  /**
   * Returns the fields of the event, which still must be checked by the catalog. Returns null if the entry is not an event.
   * @throws IntakeRefusal
   */
  apply(entry: RuledEntry): EntryFields | null {
    const parts = this.#layout(entry.fields);
    if (parts === null) return null;
    const declared = this.#declared(entry, parts);
    return this.#rule.map === undefined ? toFields(declared) : this.#mapped(this.#rule.map, declared, entry);
  }

  /**
   * Returns the parts of an entry as its producer wrote them. Meant for entries of which the rule makes no event. Empty if the entry has
   * another layout than the rule expects.
   */
  partsOf(fields: EntryFields): Partial<PartTexts> {
    try {
      return this.#layout(fields) ?? {};
    } catch (error) {
      if (error instanceof IntakeRefusal) return {};
      throw error;
    }
  }

  #declared(entry: RuledEntry, parts: PartTexts): Declared {
    const context = {
      event_id: this.#eventId(entry, parts.event_id),
      event_type: parts.event_type,
      timestamp: this.#timestamp(entry, parts.timestamp),
      room_id: parts.room_id,
    };
    const steps = this.#stepsByType.get(parts.event_type ?? '') ?? this.#commonSteps;
    const { payload, roomId } = steps(parts.payload, { ...context, matched: entry.matched });
    return { ...context, room_id: roomId, payload, metadata: parts.metadata };
  }

  #eventId({ stream, id }: RuledEntry, own: string | undefined): string {
    const { eventId = 'own' } = this.#rule;
    if (own === undefined || eventId === 'entry') return madeEventId(stream, id);
    return eventId === 'hashed' ? madeEventId(stream, own) : own;
  }

  #timestamp({ id }: RuledEntry, own: string | undefined): string {
    if (own === undefined) return dateText(entryIdMs(id), 'the entry ID contains no time');
    const source = this.#rule.fields?.timestamp;
    const unit = typeof source === 'object' ? source.unit : undefined;
    if (unit === undefined) return withoutSurplusZ(own);
    return dateText(Number(own) * (unit === 's' ? 1_000 : 1), 'the timestamp must be a number since 1970');
  }

  #mapped(
    map: NonNullable<IntakeRule['map']>,
    declared: Declared,
    { stream, id, fields }: RuledEntry,
  ): EntryFields | null {
    const makeEvent = (): MappedEvent => toMapped(declared);
    const changed = callMap(map, makeEvent, { stream, id, fields }, this.#monotonicMs);
    if (changed === null) return null;
    return toFields({
      event_id: changedText(changed, declared, 'event_id') ?? declared.event_id,
      event_type: changedText(changed, declared, 'event_type'),
      timestamp: withoutSurplusZ(changedText(changed, declared, 'timestamp') ?? declared.timestamp),
      room_id: changedText(changed, declared, 'room_id'),
      // A part that `map` leaves out keeps its text.
      payload: 'payload' in changed ? jsonText(changed.payload, 'payload') : declared.payload,
      metadata: 'metadata' in changed ? jsonText(changed.metadata, 'metadata') : declared.metadata,
    });
  }
}

/** Returns the fields that are present. The catalog reports those that are missing. */
function toFields({ event_id, event_type, timestamp, room_id, payload, metadata }: Declared): EntryFields {
  // Objects with the same members are read faster.
  if (event_type !== undefined && room_id !== undefined && payload !== undefined) {
    if (metadata === undefined) return { event_id, event_type, timestamp, room_id, payload };
    return { event_id, event_type, timestamp, room_id, payload, metadata };
  }
  const parts = Object.entries({ event_id, event_type, timestamp, room_id, payload, metadata });
  return Object.fromEntries(parts.filter((part): part is [string, string] => part[1] !== undefined));
}

function toMapped({ payload, metadata, ...texts }: Declared): MappedEvent {
  const event = { ...texts, payload: payload === undefined ? undefined : valueOf(payload, 'payload') };
  return metadata === undefined ? event : { ...event, metadata: valueOf(metadata, 'metadata') };
}

/** Returns the part that `map` changed, or the declared one. */
function changedText(
  changed: Partial<MappedEvent>,
  declared: Declared,
  part: (typeof DEFAULT_SOURCES)[number],
): string | undefined {
  const value: unknown = changed[part] ?? declared[part];
  if (value === undefined || typeof value === 'string') return value;
  throw new IntakeRefusal('map', `map must return a string as ${part}`);
}

function valueOf(text: string, part: string): unknown {
  try {
    return JSON.parse(text);
  } catch (cause) {
    throw new IntakeRefusal('payload', `the ${part} must be JSON text`, { cause });
  }
}

function jsonText(value: unknown, part: string): string | undefined {
  try {
    return JSON.stringify(value);
  } catch (cause) {
    throw new IntakeRefusal('map', `map returned a ${part} that JSON cannot represent`, { cause });
  }
}

function dateText(ms: number, reason: string): string {
  // The comparison is false for a value that is not a number.
  if (!(Math.abs(ms) <= MAX_DATE_MS)) throw new IntakeRefusal('layout', reason);
  return new Date(ms).toISOString();
}
