// The oracle judges a run by two facts only: the publisher's confirmations, and the events that each client handled. All
// functions are pure.

/** A confirmed publish. All times are milliseconds of one clock. */
export interface PublishRecord {
  readonly eventId: string;
  readonly roomId: string;
  readonly stream: string;
  readonly entryId: string;
  /** The time of the first attempt. */
  readonly startedAtMs: number;
  readonly confirmedAtMs: number;
}

/** An event in a client's log. */
export type ClientRecord =
  /** The client handled an event for the first time. */
  | { readonly kind: 'handled'; readonly eventId: string; readonly atMs: number }
  /** An event arrived again, and the client dropped it, as the documented recipe requires. */
  | { readonly kind: 'repeated'; readonly eventId: string; readonly atMs: number }
  /** The client was told that events are missing, so the application reloads the room. */
  | { readonly kind: 'reload'; readonly reason: string; readonly atMs: number }
  /** The client was told that nothing is missing. */
  | { readonly kind: 'recovered'; readonly atMs: number };

/** The log of one client. The client joined its room before the first publish. */
export interface ClientLog {
  readonly name: string;
  readonly roomId: string;
  readonly records: readonly ClientRecord[];
}

/** Known effects of a fault on the stored data. */
export interface OracleOptions {
  /** False after a loss of data, because entry IDs then do not show the order. @defaultValue true */
  readonly isOrderJudged?: boolean;
}

/** The findings. `lost` and all numbers after it must be 0 in every run. */
export interface Judgement {
  readonly published: number;
  /** Number of due deliveries: each event to each client in its room. */
  readonly due: number;
  readonly handled: number;
  /** Number of missing deliveries whose client was told to reload after the publish. */
  readonly excused: number;
  /** Events that arrived again and that the client dropped. */
  readonly repeated: number;
  readonly lost: number;
  /** Lost events whose client was wrongly told, after the publication, that nothing is missing. */
  readonly wronglyRecovered: number;
  readonly handledTwice: number;
  readonly outOfOrder: number;
  /** Handled events that nobody published into the room. */
  readonly unknown: number;
  /** Descriptions of the first faults. */
  readonly examples: readonly string[];
}

const maxExamples = 10;

/**
 * Compares the clients' logs with the confirmed publishes. `tried` contains the IDs of unconfirmed events, which may or may not
 * arrive.
 */
export function judge(
  published: readonly PublishRecord[],
  clients: readonly ClientLog[],
  tried: ReadonlySet<string> = new Set(),
  options: OracleOptions = {},
): Judgement {
  const { isOrderJudged = true } = options;
  const byId = new Map(published.map((record) => [record.eventId, record]));
  const byRoom = groupByRoom(published);
  const examples: string[] = [];
  const note = (text: string): void => {
    if (examples.length < maxExamples) examples.push(text);
  };
  const sum = {
    due: 0,
    handled: 0,
    excused: 0,
    repeated: 0,
    lost: 0,
    wronglyRecovered: 0,
    handledTwice: 0,
    outOfOrder: 0,
    unknown: 0,
  };
  for (const client of clients) {
    const handled = new Set<string>();
    const newestByStream = new Map<string, string>();
    for (const record of client.records) {
      if (record.kind === 'repeated') sum.repeated += 1;
      if (record.kind !== 'handled') continue;
      const { eventId } = record;
      if (handled.has(eventId)) {
        sum.handledTwice += 1;
        note(`${client.name} handled ${eventId} twice`);
      }
      handled.add(eventId);
      const event = byId.get(eventId);
      if (event === undefined || event.roomId !== client.roomId) {
        if (event !== undefined || !tried.has(eventId)) {
          sum.unknown += 1;
          note(`${client.name} handled ${eventId}, which nobody published into ${client.roomId}`);
        }
        continue;
      }
      sum.handled += 1;
      const newest = newestByStream.get(event.stream);
      if (isOrderJudged && newest !== undefined && compareIds(event.entryId, newest) < 0) {
        sum.outOfOrder += 1;
        note(`${client.name} handled ${event.entryId} of ${event.stream} after ${newest}`);
      } else newestByStream.set(event.stream, event.entryId);
    }
    const lastReloadMs = lastOf(client, 'reload');
    const lastRecoveredMs = lastOf(client, 'recovered');
    for (const event of byRoom.get(client.roomId) ?? []) {
      sum.due += 1;
      if (handled.has(event.eventId)) continue;
      // A client that reloads has every event that was published before, because an application stores an event before it publishes
      // it.
      if (event.startedAtMs <= lastReloadMs) {
        sum.excused += 1;
        continue;
      }
      sum.lost += 1;
      if (event.confirmedAtMs <= lastRecoveredMs) sum.wronglyRecovered += 1;
      note(`${client.name} lost ${event.eventId} (${event.stream} ${event.entryId})`);
    }
  }
  return { published: published.length, ...sum, examples };
}

function groupByRoom(published: readonly PublishRecord[]): ReadonlyMap<string, readonly PublishRecord[]> {
  const byRoom = new Map<string, PublishRecord[]>();
  for (const record of published) {
    const room = byRoom.get(record.roomId) ?? [];
    room.push(record);
    byRoom.set(record.roomId, room);
  }
  return byRoom;
}

function lastOf(client: ClientLog, kind: ClientRecord['kind']): number {
  return client.records.findLast((record) => record.kind === kind)?.atMs ?? Number.NEGATIVE_INFINITY;
}

/** Compares two entry IDs, for sorting. */
export function compareIds(a: string, b: string): number {
  const [aMs = '', aSequence = ''] = a.split('-');
  const [bMs = '', bSequence = ''] = b.split('-');
  return Number(aMs) - Number(bMs) || Number(aSequence) - Number(bSequence);
}
