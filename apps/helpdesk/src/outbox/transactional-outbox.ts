// A transactional outbox: events are stored in the transaction of the change that they report, and published later. A failure
// therefore cannot leave a change without its event, or an event without its change.
import { randomUUID } from 'node:crypto';
import type { EventTypeName, eventCatalog, PayloadOf } from '@millrace/contract';
import type { HelpdeskDatabase } from '../database/helpdesk-database.js';
import { HelpdeskError } from '../errors.js';

type BuiltIn = typeof eventCatalog;

/** An event that waits to be published. */
export interface WaitingEvent {
  /** Position in the outbox. */
  readonly id: number;
  /** The ID for every attempt to publish. Gateways and pages drop repeats by it. */
  readonly eventId: string;
  readonly type: EventTypeName<BuiltIn>;
  readonly roomId: string;
  readonly payload: unknown;
  readonly timestamp: string;
}

/** The table of waiting events. Changes are refused while it contains `maxEvents` events. */
export class TransactionalOutbox {
  readonly #database: HelpdeskDatabase;
  readonly #maxEvents: number;
  #committed: () => void = () => {};

  constructor(database: HelpdeskDatabase, maxEvents: number) {
    this.#database = database;
    this.#maxEvents = maxEvents;
  }

  /** Number of waiting events. */
  get size(): number {
    const row = this.#database.prepare('SELECT COUNT(*) AS size FROM outbox').get();
    return Number((row as { readonly size: unknown }).size);
  }

  /** Sets the function that is called after each transaction. */
  onCommit(committed: () => void): void {
    this.#committed = committed;
  }

  /**
   * Runs `write` in a transaction. The events that it adds are stored together with its other rows, or not at all.
   *
   * @throws HelpdeskError `overloaded` if the outbox is full. An error of `write` is thrown after a rollback
   */
  transact<Result>(write: () => Result): Result {
    if (this.size >= this.#maxEvents) {
      throw new HelpdeskError('overloaded', 'Too many events wait to be published. Try again later.');
    }
    const result = this.#database.transaction(write).immediate();
    this.#committed();
    return result;
  }

  /** Adds an event. Must be called inside {@link transact}. The default of `eventId` is a new ID. */
  add<Name extends EventTypeName<BuiltIn>>(
    type: Name,
    roomId: string,
    payload: PayloadOf<BuiltIn, Name>,
    { timestamp, eventId = randomUUID() }: { readonly timestamp: string; readonly eventId?: string },
  ): void {
    this.#database
      .prepare(
        'INSERT INTO outbox (event_id, event_type, room_id, payload, timestamp) VALUES (?, ?, ?, ?, ?)',
      )
      .run(eventId, type, roomId, JSON.stringify(payload), timestamp);
  }

  /** Returns the oldest events. */
  peek(limit: number): readonly WaitingEvent[] {
    const rows = this.#database.prepare('SELECT * FROM outbox ORDER BY id LIMIT ?').all(limit);
    return rows.map((row) => {
      // The cast is safe: `add` wrote the columns.
      const { id, event_id, event_type, room_id, payload, timestamp } = row as Record<string, string> & {
        id: number;
      };
      return {
        id,
        eventId: String(event_id),
        type: event_type as EventTypeName<BuiltIn>,
        roomId: String(room_id),
        payload: JSON.parse(String(payload)) as unknown,
        timestamp: String(timestamp),
      };
    });
  }

  /** Removes a published event. */
  remove(id: number): void {
    this.#database.prepare('DELETE FROM outbox WHERE id = ?').run(id);
  }
}
