// The result of a comparison: figures by stream and event type, and whether it is safe to switch. Pure.
import type { EntryId } from '@millrace/broker';
import { OUTCOMES, type Outcome, type OutcomeCell } from './outcome-counts.js';
import type { StreamWatch } from './stream-watch.js';

/** The entries of one event type. Every entry is counted in exactly one of the numbers after `entries`. */
export interface TypeReport {
  readonly eventType: string;
  readonly entries: number;
  /** Acknowledged by the other service, and delivered by Millrace. */
  readonly same: number;
  /** Would not be delivered by Millrace, whatever the other service did. */
  readonly refused: number;
  /** Repeats and outdated events, which Millrace drops and counts. */
  readonly dropped: number;
  /** Entries of which the intake rule makes no event. Millrace sends them to nobody. */
  readonly skipped: number;
  /** Would be delivered by Millrace, and was removed before the other service read it. */
  readonly lost: number;
  readonly pending: number;
  readonly unread: number;
  /** Would be delivered by Millrace. What the other service did is not known. */
  readonly unclear: number;
}

/** A reason for which entries would not be delivered. */
export interface ReasonReport {
  readonly kind: 'drop' | 'refuse' | 'skip';
  readonly eventType: string;
  readonly reason: string;
  readonly entries: number;
  /** Number of these entries that the other service has acknowledged. */
  readonly acknowledged: number;
  /** ID of the first such entry. */
  readonly example: EntryId;
}

/** The comparison of one stream. */
export interface StreamReport {
  readonly stream: string;
  /** Number of entries that were compared. */
  readonly entries: number;
  /** Number of entries of Millrace itself, which are not compared: control entries, and copies of entries of other streams. */
  readonly own: number;
  /** Number of entries that were removed before the comparison could read them. */
  readonly missed: number;
  /** Number of times that the stream was deleted or began again. */
  readonly restarts: number;
  /** The other service's group. `null` if the stream has none. */
  readonly group: { readonly lastDeliveredId: EntryId; readonly pending: number } | null;
  readonly pendingAtStart: number;
  /** Number of entries that are pending for more than a minute. */
  readonly pendingLong: number;
  readonly types: readonly TypeReport[];
  readonly reasons: readonly ReasonReport[];
}

/** A condition of a safe switch. */
export interface Condition {
  readonly isMet: boolean;
  readonly text: string;
}

/** The whole result. */
export interface ShadowReport {
  readonly group: string;
  readonly seconds: number;
  readonly isSafeToSwitch: boolean;
  readonly conditions: readonly Condition[];
  readonly streams: readonly StreamReport[];
  /** Streams that only Millrace uses. The other service does not read them. */
  readonly notCompared: readonly string[];
}

/** Age from which a pending entry is reported: the service has probably forgotten it. */
const LONG_MS = 60_000;

/** Facts of the whole comparison. */
export interface ShadowFacts {
  readonly group: string;
  readonly seconds: number;
  /** The present time in milliseconds since 1970. */
  readonly nowMs: number;
  /** See {@link ShadowReport.notCompared}. */
  readonly notCompared: readonly string[];
  /** Number of streams that match a pattern but are not compared, because too many match. */
  readonly ignoredSources: number;
}

/** Summarizes what the watches have seen, and whether it is safe to switch. */
export function createReport(
  watches: readonly StreamWatch[],
  { group, seconds, nowMs, notCompared, ignoredSources }: ShadowFacts,
): ShadowReport {
  const streams = watches.map((watch) => streamReport(watch, nowMs));
  const conditions = conditionsOf(streams, { group, ignoredSources });
  return {
    group,
    seconds,
    isSafeToSwitch: conditions.every(({ isMet }) => isMet),
    conditions,
    streams,
    notCompared,
  };
}

function streamReport(watch: StreamWatch, nowMs: number): StreamReport {
  const { cells } = watch.comparison.counts;
  const types = [...new Set(cells.map(({ eventType }) => eventType))];
  return {
    stream: watch.stream,
    entries: watch.seen,
    own: watch.own,
    missed: watch.missed,
    restarts: watch.restarts,
    group:
      watch.group === undefined
        ? null
        : { lastDeliveredId: watch.group.lastDeliveredId, pending: watch.group.pending },
    pendingAtStart: watch.pendingAtStart,
    pendingLong: watch.comparison.pendingBefore(nowMs - LONG_MS),
    types: types.map((eventType) =>
      typeReport(
        eventType,
        cells.filter((cell) => cell.eventType === eventType),
      ),
    ),
    reasons: cells.flatMap(reasonReport),
  };
}

function typeReport(eventType: string, cells: readonly OutcomeCell[]): TypeReport {
  const sum = (kind: OutcomeCell['kind'], outcomes: readonly Outcome[]): number =>
    cells
      .filter((cell) => cell.kind === kind)
      .reduce(
        (total, { counts }) => total + outcomes.reduce((part, outcome) => part + counts[outcome], 0),
        0,
      );
  const refused = sum('refuse', OUTCOMES);
  const dropped = sum('drop', OUTCOMES);
  const skipped = sum('skip', OUTCOMES);
  return {
    eventType,
    entries: sum('deliver', OUTCOMES) + refused + dropped + skipped,
    same: sum('deliver', ['acknowledged']),
    refused,
    dropped,
    skipped,
    lost: sum('deliver', ['lost']),
    pending: sum('deliver', ['pending']),
    unread: sum('deliver', ['unread']),
    unclear: sum('deliver', ['unclear', 'unfollowed']),
  };
}

function reasonReport({ kind, eventType, reason, example, counts }: OutcomeCell): readonly ReasonReport[] {
  if (kind === 'deliver') return [];
  const entries = OUTCOMES.reduce((total, outcome) => total + counts[outcome], 0);
  return [{ kind, eventType, reason, entries, acknowledged: counts.acknowledged, example }];
}

function conditionsOf(
  streams: readonly StreamReport[],
  { group, ignoredSources }: Pick<ShadowFacts, 'group' | 'ignoredSources'>,
): readonly Condition[] {
  const total = (of: (stream: StreamReport) => number): number =>
    streams.reduce((sum, stream) => sum + of(stream), 0);
  const ofTypes = (of: (type: TypeReport) => number) => (stream: StreamReport) =>
    stream.types.reduce((sum, type) => sum + of(type), 0);
  const same = total(ofTypes((type) => type.same));
  const refused = total(ofTypes((type) => type.refused));
  const unclear = total((stream) => stream.missed) + total(ofTypes((type) => type.unclear));
  const restarts = total((stream) => stream.restarts);
  // Skipped entries reach nobody, so they need no consumer group.
  const needsGroup = ofTypes(({ entries, skipped }) => entries - skipped);
  const without = streams.filter((stream) => stream.group === null && needsGroup(stream) > 0);
  return [
    {
      isMet: same > 0,
      text: `events that the other service acknowledged and Millrace would deliver: ${same}`,
    },
    { isMet: refused === 0, text: `entries that Millrace would refuse: ${refused}` },
    {
      isMet: unclear + restarts === 0,
      text: `entries of which it is not known what happened: ${unclear}${restarts === 0 ? '' : `; streams that began again: ${restarts}`}`,
    },
    ...(ignoredSources === 0
      ? []
      : [
          {
            isMet: false,
            text: `streams that match a pattern but are not compared, because too many match: ${ignoredSources}`,
          },
        ]),
    {
      isMet: without.length === 0,
      text: `streams with entries, and without the group ${group}: ${without.map(({ stream }) => stream).join(', ') || 'none'}`,
    },
  ];
}
