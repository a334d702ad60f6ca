// Judges clients that cannot resume: in each of its connections, such a client must be sent exactly what was delivered meanwhile, in
// order and none twice. All functions are pure.
import { compareIds, type PublishRecord } from './oracle.js';

/** One connection of a client, from the answer of its join to its end. */
export interface ViewSession {
  readonly joinedAtMs: number;
  /** The events in the order of arrival. */
  readonly eventIds: readonly string[];
  /** The time at which the client was last told that events are missing. */
  reloadedAtMs: number;
  /** True if the connection was open when the log was read. */
  isOpen: boolean;
}

/** The connections of one client. */
export interface SessionLog {
  readonly name: string;
  readonly roomId: string;
  readonly sessions: readonly ViewSession[];
}

/** The findings. `missing` and all numbers after it must be 0 in every run. */
export interface SessionJudgement {
  readonly sessions: number;
  readonly received: number;
  /** Events that the client was told to reload. */
  readonly excused: number;
  readonly missing: number;
  readonly receivedTwice: number;
  readonly outOfOrder: number;
  readonly unknown: number;
  readonly examples: readonly string[];
}

const maxExamples = 10;

/**
 * Compares the connections with the confirmed publishes. A connection must have received the events of each stream that were published
 * after its join, up to the last one that it received; or all later ones, too, if it is still open. It must also have received every event
 * between two received ones.
 *
 * @param tried the IDs of unconfirmed events, which may or may not arrive
 */
export function judgeSessions(
  published: readonly PublishRecord[],
  clients: readonly SessionLog[],
  tried: ReadonlySet<string> = new Set(),
): SessionJudgement {
  const byId = new Map(published.map((record) => [record.eventId, record]));
  const sum = {
    sessions: 0,
    received: 0,
    excused: 0,
    missing: 0,
    receivedTwice: 0,
    outOfOrder: 0,
    unknown: 0,
  };
  const examples: string[] = [];
  const note = (text: string): void => {
    if (examples.length < maxExamples) examples.push(text);
  };
  for (const { name, roomId, sessions } of clients) {
    const ofRoom = published.filter((record) => record.roomId === roomId);
    for (const session of sessions) {
      sum.sessions += 1;
      const received = new Set<string>();
      /** Stream → the IDs of the first and the newest entry that arrived. */
      const spans = new Map<string, { readonly first: string; newest: string }>();
      for (const eventId of session.eventIds) {
        const event = byId.get(eventId);
        if (event === undefined || event.roomId !== roomId) {
          if (event !== undefined || !tried.has(eventId)) {
            sum.unknown += 1;
            note(`${name} received ${eventId}, which nobody published into ${roomId}`);
          }
          continue;
        }
        if (received.has(eventId)) {
          sum.receivedTwice += 1;
          note(`${name} received ${eventId} twice in one connection`);
          continue;
        }
        received.add(eventId);
        const { stream, entryId } = event;
        const span = spans.get(stream);
        if (span === undefined) spans.set(stream, { first: entryId, newest: entryId });
        else if (compareIds(entryId, span.newest) < 0) {
          sum.outOfOrder += 1;
          note(`${name} received ${entryId} of ${stream} after ${span.newest}`);
        } else span.newest = entryId;
      }
      sum.received += received.size;
      for (const event of ofRoom) {
        if (received.has(event.eventId) || !isDue(event, session, spans.get(event.stream))) continue;
        if (event.startedAtMs <= session.reloadedAtMs) {
          sum.excused += 1;
          continue;
        }
        sum.missing += 1;
        note(`${name} was not sent ${event.eventId} (${event.stream} ${event.entryId})`);
      }
    }
  }
  return { ...sum, examples };
}

function isDue(
  { entryId, startedAtMs }: PublishRecord,
  { joinedAtMs, isOpen }: ViewSession,
  span: { readonly first: string; readonly newest: string } | undefined,
): boolean {
  const isBeforeNewest = span !== undefined && compareIds(entryId, span.newest) < 0;
  if (span !== undefined && isBeforeNewest && compareIds(entryId, span.first) > 0) return true;
  return startedAtMs > joinedAtMs && (isOpen || isBeforeNewest);
}
