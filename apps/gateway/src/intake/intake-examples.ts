// Turns the example entries of rules into events, to check the rules at start and to show entries before and after.
import type { Entry } from '@millrace/broker';
import { type AnyCatalog, describeIssues, type EntryFields } from '@millrace/contract';
import { prefixOf, toCollected } from './collector/pattern.js';
import { Intake } from './intake.js';
import type { IntakeRule, PatternRule } from './rule.js';
import { TakenEntry } from './taken-entry.js';

/** An example entry, and the event that its rule produces for it. */
export interface IntakeExample {
  readonly stream: string;
  /** Index among the examples of the rule. */
  readonly index: number;
  readonly before: EntryFields;
  /** The fields of the event. Left out if there is none. */
  readonly after?: EntryFields;
  /** Why there is no event. Left out for an event, and for an entry that the rule skips. */
  readonly fault?: string;
}

/** ID of all example entries: 16 January 2026, 10:00 UTC. */
const EXAMPLE_ID = '1768557600000-0';

/** Applies the rules to their examples. */
export function runExamples(
  rules: Readonly<Record<string, IntakeRule | PatternRule | undefined>>,
  catalog: AnyCatalog,
): readonly IntakeExample[] {
  const intake = new Intake(rules);
  return Object.entries(rules).flatMap(([stream, rule]) =>
    (rule?.examples ?? []).map((before, index) => ({
      stream,
      index,
      before,
      ...resultOf(exampleOf(intake, { stream, rule, before }), catalog),
    })),
  );
}

/** Takes in one example. That of a pattern is in the stream that ends with `example`. */
function exampleOf(
  intake: Intake,
  {
    stream,
    rule,
    before,
  }: {
    readonly stream: string;
    readonly rule: IntakeRule | PatternRule | undefined;
    readonly before: EntryFields;
  },
): Entry {
  if (rule === undefined || !('into' in rule)) return intake.take(stream, { id: EXAMPLE_ID, fields: before });
  const { fields } = toCollected(`${prefixOf(stream)}example`, { id: EXAMPLE_ID, fields: before });
  return intake.take(rule.into, { id: EXAMPLE_ID, fields });
}

function resultOf(entry: Entry, catalog: AnyCatalog): Pick<IntakeExample, 'after' | 'fault'> {
  if (entry instanceof TakenEntry) {
    const { outcome } = entry;
    if (outcome.kind === 'skipped') return {};
    if (outcome.kind === 'refused') return { fault: `${outcome.reason}${detailOf(outcome.cause)}` };
  }
  const { fields } = entry;
  const parsed = catalog.parseEntry(fields);
  return parsed.ok
    ? { after: fields }
    : { after: fields, fault: describeIssues(parsed.issues, parsed.eventType) };
}

/** The example is not an event of a user, so its values may be shown. */
function detailOf(cause: unknown): string {
  return cause instanceof Error ? `: ${cause.message}` : '';
}

/** Describes the examples as lines of text: each entry before and after. */
export function describeExamples(examples: readonly IntakeExample[]): readonly string[] {
  return examples.flatMap(({ stream, before, after, fault }) => [
    '',
    `${stream}, before:`,
    ...linesOf(before),
    after === undefined ? 'after: no event' : 'after:',
    ...linesOf(after ?? {}),
    ...(fault === undefined ? [] : [`refused: ${fault}`]),
  ]);
}

function linesOf(fields: EntryFields): readonly string[] {
  return Object.entries(fields).map(([name, value]) => `  ${name}: ${value}`);
}
