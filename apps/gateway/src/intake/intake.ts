// The intake: the one place where entries of other programs become events. Everything that reads entries reads them through it: the
// tail, the warm-up, reads of older entries and erasures.
import type { Entry } from '@millrace/broker';
import { isControlRoom, PUBLISHED_FIELD } from '@millrace/contract';
import { originOf, type Pattern, prefixOf } from './collector/pattern.js';
import { CompiledRule } from './compiled-rule.js';
import type { RefusingStep } from './refusal.js';
import type { IntakeRule, PatternRule } from './rule.js';
import { type ShownEnvelope, TakenEntry } from './taken-entry.js';

/** An entry for which a rule produces no event. */
export type NoEvent =
  | { readonly kind: 'skipped' }
  | { readonly kind: 'refused'; readonly step: RefusingStep; readonly reason: string };

/** Options of {@link Intake}. */
export interface IntakeOptions {
  /** The clock that measures `map`. @defaultValue the clock of the process */
  readonly monotonicMs?: () => number;
}

/** The patterns whose entries are copied into one stream. */
interface CopiedPattern {
  readonly prefix: string;
  readonly rule: CompiledRule;
}

/** The rules of all streams that have one. */
export class Intake {
  readonly #rules: ReadonlyMap<string, CompiledRule>;
  /** The patterns, by the stream into which their entries are copied. */
  readonly #patterns: ReadonlyMap<string, readonly CopiedPattern[]>;

  constructor(
    rules: Readonly<Record<string, IntakeRule | PatternRule | undefined>>,
    { monotonicMs = () => performance.now() }: IntakeOptions = {},
  ) {
    const compiled = new Map<string, CompiledRule>();
    const patterns = new Map<string, CopiedPattern[]>();
    for (const [name, rule] of Object.entries(rules)) {
      if (rule === undefined) continue;
      const own = new CompiledRule(name, rule, monotonicMs);
      if (!('into' in rule)) compiled.set(name, own);
      else
        patterns.set(rule.into, [...(patterns.get(rule.into) ?? []), { prefix: prefixOf(name), rule: own }]);
    }
    this.#rules = compiled;
    this.#patterns = patterns;
  }

  /** The patterns whose entries are copied into a stream. */
  get patterns(): readonly Pattern[] {
    return [...this.#patterns].flatMap(([into, patterns]) =>
      patterns.map(({ prefix }) => ({ prefix, into })),
    );
  }

  /** The streams that may have entries of another form. */
  get streams(): readonly string[] {
    return [...new Set([...this.#rules.keys(), ...this.#patterns.keys()])];
  }

  /** True if the stream may have entries of another form. */
  has(stream: string): boolean {
    return this.#rules.has(stream) || this.#patterns.has(stream);
  }

  /**
   * Returns the entry as one with the fields of an event. The fields are empty if the rule produces no event for it; see
   * {@link noEvent}. Returns the entry itself if its stream has no rule, if a publisher of Millrace wrote it, and if it is a
   * control entry. Never throws.
   */
  take(stream: string, entry: Entry): Entry {
    if (!this.has(stream)) return entry;
    const { fields } = entry;
    if (fields[PUBLISHED_FIELD] !== undefined || isControlRoom(fields['room_id'] ?? '')) return entry;
    const patterns = this.#patterns.get(stream);
    const copied = patterns === undefined ? undefined : takeCopied(entry, patterns);
    if (copied !== undefined) return copied;
    const rule = this.#rules.get(stream);
    return rule === undefined
      ? entry
      : new TakenEntry(entry, rule, { stream, id: entry.id, isDamaged: false });
  }

  /**
   * Does the same as {@link take}, but returns the entry itself if the rule produces no event for it. An erasure searches the
   * entries that nobody was sent, too.
   */
  takeIfPossible(stream: string, entry: Entry): Entry {
    const taken = this.take(stream, entry);
    return noEvent(taken) === undefined ? taken : entry;
  }
}

/** Returns why there is no event, for an entry that {@link Intake.take} returned. `undefined` if there is one. */
export function noEvent(entry: Entry): NoEvent | undefined {
  if (!(entry instanceof TakenEntry)) return undefined;
  const { outcome } = entry;
  return outcome.kind === 'event' ? undefined : outcome;
}

/** Returns the event type and room of an entry that {@link Intake.take} returned, as far as they can be read. For display only. */
export function shownEnvelopeOf(entry: Entry): ShownEnvelope {
  return entry instanceof TakenEntry ? entry.shown : entry.fields;
}

/** Returns the entry as its writer wrote it, for a dead letter. */
export function originalOf(entry: Entry): Entry {
  return entry instanceof TakenEntry ? entry.original : entry;
}

/** Returns the name of the rule that has read the entry, or `undefined` if none has. */
export function ruleOf(entry: Entry): string | undefined {
  return entry instanceof TakenEntry ? entry.rule : undefined;
}

/** Reads a copied entry by the rule of the first pattern that matches the stream from which it was copied. */
function takeCopied(entry: Entry, patterns: readonly CopiedPattern[]): TakenEntry | undefined {
  const origin = originOf(entry.fields);
  if (origin === undefined) return undefined;
  const pattern = patterns.find(({ prefix }) => origin.stream.startsWith(prefix));
  if (pattern === undefined) return undefined;
  return new TakenEntry(entry, pattern.rule, {
    ...origin,
    matched: origin.stream.slice(pattern.prefix.length),
  });
}
