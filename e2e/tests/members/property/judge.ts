// Judges the sessions of a user, and the pages that the user read over HTTP, by the content of the streams alone.
import { compareEntryIds, type EntryId, type Partitioning, parsePosition } from '@millrace/broker';
import type { RoomSession } from './member-sessions.js';
import type { PageRead } from './room-reader.js';
import type { StreamTruth } from './stream-truth.js';

/** Everything that one client or reader of a user received. */
export interface Receiver {
  readonly sessions: readonly RoomSession[];
  /** IDs of events that came outside of a session. */
  readonly strays: readonly string[];
  readonly pages?: readonly PageRead[];
}

/** Returns the faults of what a user received. Empty if there are none. */
export function faultsOf(
  userId: string,
  clients: readonly Receiver[],
  truth: StreamTruth,
  partitioning: Partitioning,
): readonly string[] {
  const received = clients.flatMap(({ sessions, strays, pages = [] }) => [
    ...sessions.flatMap(({ ids }) => ids),
    ...strays,
    ...pages.flatMap(({ ids }) => ids),
  ]);
  const forbidden = [...new Set(received)].filter((eventId) => {
    const event = truth.find(eventId);
    return event === undefined || truth.isForbidden(userId, event);
  });
  const sessions = clients.flatMap((client) => client.sessions);
  return [
    ...forbidden.map((eventId) => `received ${eventId} although removed`),
    ...sessions.flatMap((session) => faultsOfSession(userId, session, truth, partitioning)),
    ...clients
      .flatMap(({ pages = [] }) => pages)
      .flatMap((page) => faultsOfPage(userId, page, truth, partitioning)),
  ];
}

/** A page that recovered has every event between its two positions, and hides no absence that has ended. */
function faultsOfPage(
  userId: string,
  { roomId, after, next, recovered, ids }: PageRead,
  truth: StreamTruth,
  partitioning: Partitioning,
): readonly string[] {
  if (!recovered) return ids.length === 0 ? [] : ['a page that is not recovered has events'];
  const [starts, ends] = [parsePosition(after ?? ''), parsePosition(next)];
  return partitioning.scopeOf(roomId).streams.flatMap((stream, index) => {
    const [start, end] = [starts[index]?.cursor ?? '0-0', ends[index]?.cursor ?? '0-0'];
    const isBetween = (id: EntryId): boolean =>
      compareEntryIds(id, start) > 0 && compareEntryIds(id, end) <= 0;
    const events = truth.events.filter((event) => event.roomId === roomId && event.stream === stream);
    const due = events.filter((event) => isBetween(event.id) && !truth.isForbidden(userId, event));
    const dueIds = due.map(({ eventId }) => eventId);
    const got = ids.filter((id) => truth.find(id)?.stream === stream);
    const hidden = truth
      .absences(userId, roomId, stream)
      .filter(({ upTo }) => upTo !== undefined && isBetween(upTo));
    const place = `${stream} from ${start} to ${end}`;
    return [
      ...(JSON.stringify(got) === JSON.stringify(dueIds)
        ? []
        : [`page of ${place}: has ${got.join()} instead of ${dueIds.join()}`]),
      ...hidden.map(({ from }) => `page of ${place}: hides the absence since ${from}`),
    ];
  });
}

function faultsOfSession(
  userId: string,
  session: RoomSession,
  truth: StreamTruth,
  partitioning: Partitioning,
): readonly string[] {
  const { roomId, ids, end, position, resumedFrom } = session;
  const has = new Set(ids);
  const { streams } = partitioning.scopeOf(roomId);
  const starts = parsePosition(resumedFrom ?? position);
  return streams.flatMap((stream, index) => {
    const start = starts[index]?.cursor ?? '0-0';
    const events = truth.events.filter((event) => event.roomId === roomId && event.stream === stream);
    const later = events.filter(({ id }) => compareEntryIds(id, start) > 0);
    const removal = truth
      .absences(userId, roomId, stream)
      .find(({ from }) => compareEntryIds(from, start) > 0)?.from;
    const last = later.findLast(({ eventId }) => has.has(eventId))?.id;
    const limit = limitOf(end, removal, last);
    const due = later.filter(({ id }) => limit === undefined || compareEntryIds(id, limit) <= 0);
    const missing = due.filter(({ eventId }) => !has.has(eventId));
    const order = later.filter(({ eventId }) => has.has(eventId)).map(({ eventId }) => eventId);
    const inOrder = ids.filter((id) => order.includes(id));
    return [
      ...missing.map(({ eventId, id }) => `${end}: misses ${eventId} at ${id} of ${stream} after ${start}`),
      ...(JSON.stringify(order) === JSON.stringify(inOrder) ? [] : [`${stream} arrived out of order`]),
      ...(end === 'open' && removal !== undefined ? [`still in the room after ${removal} of ${stream}`] : []),
    ];
  });
}

/** Returns the entry up to which the session must have every event, or `undefined` for all of them. */
function limitOf(
  end: RoomSession['end'],
  removal: EntryId | undefined,
  last: EntryId | undefined,
): EntryId | undefined {
  if (end === 'cut') return last ?? '0-0';
  return removal;
}
