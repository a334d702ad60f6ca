// An entry of a stream with a rule. Its fields are those of the event, so that every reader uses it like an entry that a publisher of
// Millrace wrote.
import type { Entry, EntryId } from '@millrace/broker';
import { type EntryFields, isControlRoom } from '@millrace/contract';
import type { Origin } from './collector/pattern.js';
import type { CompiledRule } from './compiled-rule.js';
import { IntakeRefusal, type RefusingStep } from './refusal.js';

/** The result of a rule for an entry. */
export type IntakeOutcome =
  | { readonly kind: 'event'; readonly fields: EntryFields }
  /** The rule says that the entry is not an event. */
  | { readonly kind: 'skipped' }
  /** `reason` contains no value of the entry. */
  | {
      readonly kind: 'refused';
      readonly step: RefusingStep;
      readonly reason: string;
      readonly cause: unknown;
    };

/** The parts of an entry that are shown to people. */
export interface ShownEnvelope {
  readonly event_type?: string | undefined;
  readonly room_id?: string | undefined;
}

/** No event has these fields. Therefore no reader delivers an entry that the rule refused or skipped. */
const NO_FIELDS: EntryFields = Object.freeze({});

/** The place where another program wrote an entry. */
export interface EntryOrigin extends Origin {
  /** The part of the stream's name for which `*` stands in a pattern. */
  readonly matched?: string;
}

/** An entry that a rule reads. The rule runs once, when the fields are first used. */
export class TakenEntry implements Entry {
  readonly original: Entry;
  /** The name of the rule: the stream or the pattern. */
  readonly rule: string;
  readonly #rule: CompiledRule;
  readonly #origin: EntryOrigin;
  #outcome: IntakeOutcome | undefined;

  constructor(original: Entry, rule: CompiledRule, origin: EntryOrigin) {
    this.original = original;
    this.rule = rule.name;
    this.#rule = rule;
    this.#origin = origin;
  }

  get id(): EntryId {
    return this.original.id;
  }

  get isUtf8(): false | undefined {
    return this.original.isUtf8;
  }

  get fields(): EntryFields {
    const { outcome } = this;
    return outcome.kind === 'event' ? outcome.fields : NO_FIELDS;
  }

  /** The event type and room, as far as they can be read. For display only: the rule may produce no event for the entry. */
  get shown(): ShownEnvelope {
    if (this.outcome.kind === 'event') return this.fields;
    return this.isUtf8 === false ? {} : this.#rule.partsOf(this.original.fields);
  }

  get outcome(): IntakeOutcome {
    this.#outcome ??= this.#apply();
    return this.#outcome;
  }

  #apply(): IntakeOutcome {
    const { stream, id, isDamaged, matched } = this.#origin;
    if (isDamaged)
      return {
        kind: 'refused',
        step: 'layout',
        reason: `the entry ${id} of ${stream} has bytes that are not UTF-8 text, too many fields, or fields that only Millrace may write`,
        cause: undefined,
      };
    // The text of such an entry is not what was written.
    if (this.isUtf8 === false)
      return {
        kind: 'refused',
        step: 'layout',
        reason: 'a field holds bytes that are not UTF-8 text',
        cause: undefined,
      };
    try {
      const fields = this.#rule.apply({ stream, id, matched, fields: this.original.fields });
      if (fields === null) return { kind: 'skipped' };
      // Another system may have a room with this name. Its entry must not become a control entry.
      if (isControlRoom(fields['room_id'] ?? ''))
        throw new IntakeRefusal('layout', 'the room is reserved for the control entries of Millrace');
      return { kind: 'event', fields };
    } catch (cause) {
      if (cause instanceof IntakeRefusal)
        return { kind: 'refused', step: cause.step, reason: cause.message, cause: cause.cause };
      // The steps meet any garbage. An error that no step expects must not stop the stream.
      return { kind: 'refused', step: 'layout', reason: 'the rule failed', cause };
    }
  }
}
