// The content of the streams after a trial: the events of each room in stream order, and who was removed where. Read from Redis, not from a
// gateway.
import { type Broker, compareEntryIds, type EntryId } from '@millrace/broker';

/** An event in its stream. */
export interface TrueEvent {
  readonly stream: string;
  readonly id: EntryId;
  readonly eventId: string;
  readonly roomId: string;
}

/** A removal from a room or a return to it, in one stream. */
interface TrueChange {
  readonly stream: string;
  readonly id: EntryId;
  readonly roomId: string;
  readonly userId: string;
  readonly change: 'remove' | 'add';
}

/** A removal of a user in one stream, up to the return. */
export interface Absence {
  readonly from: EntryId;
  /** `undefined` if the user did not return. */
  readonly upTo: EntryId | undefined;
}

/** The content of all streams. */
export class StreamTruth {
  readonly events: readonly TrueEvent[];
  readonly #byEventId: ReadonlyMap<string, TrueEvent>;
  readonly #changes: readonly TrueChange[];

  private constructor(events: readonly TrueEvent[], changes: readonly TrueChange[]) {
    this.events = events;
    this.#byEventId = new Map(events.map((event) => [event.eventId, event]));
    this.#changes = changes;
  }

  /** Reads all entries of all streams. */
  static async read(broker: Pick<Broker, 'partitioning' | 'readRange'>): Promise<StreamTruth> {
    const events: TrueEvent[] = [];
    const changes: TrueChange[] = [];
    for (const { name: stream } of broker.partitioning.streams) {
      let after: EntryId = '0-0';
      for (;;) {
        const page = await broker.readRange(stream, { after, count: 1_000 });
        for (const { id, fields } of page) {
          const control = fields['control'];
          if (control === undefined) {
            const { event_id: eventId = '', room_id: roomId = '' } = fields;
            events.push({ stream, id, eventId, roomId });
          } else {
            const { kind, room_id, user_id, change } = JSON.parse(control) as Readonly<
              Record<string, string>
            >;
            if (kind === 'members')
              changes.push({ stream, id, roomId: room_id, userId: user_id, change } as TrueChange);
          }
        }
        const last = page.at(-1);
        if (last === undefined) break;
        after = last.id;
      }
    }
    return new StreamTruth(events, changes);
  }

  find(eventId: string): TrueEvent | undefined {
    return this.#byEventId.get(eventId);
  }

  /** The absences of a user from a room in one stream, in their order. */
  absences(userId: string, roomId: string, stream: string): readonly Absence[] {
    const found: Absence[] = [];
    for (const change of this.#changes) {
      if (change.userId !== userId || change.roomId !== roomId || change.stream !== stream) continue;
      const last = found.at(-1);
      if (change.change === 'remove') found.push({ from: change.id, upTo: undefined });
      else if (last !== undefined && last.upTo === undefined)
        found.splice(-1, 1, { from: last.from, upTo: change.id });
    }
    return found;
  }

  /** True if the entry came while the user was removed, in the order of its own stream. */
  isForbidden(userId: string, { roomId, stream, id }: TrueEvent): boolean {
    return this.absences(userId, roomId, stream).some(
      ({ from, upTo }) =>
        compareEntryIds(id, from) > 0 && (upTo === undefined || compareEntryIds(id, upTo) <= 0),
    );
  }
}
