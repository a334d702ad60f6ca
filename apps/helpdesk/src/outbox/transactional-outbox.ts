// A transactional outbox: events are stored in the same transaction as the change that they report, and
// published later. Therefore a failure cannot leave a change without its event, or an event without its
// change.
import { randomUUID } from 'node:crypto';
import type { EventTypeName, eventCatalog, PayloadOf } from '@millrace/contract';
import type { HelpdeskDatabase } from '../database/helpdesk-database.js';
import { HelpdeskError } from '../errors.js';

type BuiltIn = typeof eventCatalog;

/** An event that waits to be published. */
export interface WaitingEvent {
  /** Position in the outbox. */
  readonly id: number;
  /** The same ID for every attempt to publish, so that gateways and pages can drop repeated events. */
  readonly eventId: string;
  readonly type: EventTypeName<BuiltIn>;
  readonly roomId: string;
  readonly payload: unknown;
  readonly timestamp: string;
}

/** The table of waiting events. While it contains `maxEvents` events, changes are refused. */
export class TransactionalOutbox {
  readonly #database: HelpdeskDatabase;
  readonly #maxEvents: number;
  #size: number;

  constructor(database: HelpdeskDatabase, maxEvents: number) {
    this.#database = database;
    this.#maxEvents = maxEvents;
    const { count } = database.prepare('SELECT COUNT(*) AS count FROM outbox').get() as {
      readonly count: number;
    };
    this.#size = count;
  }

  /** Number of waiting events. */
  get size(): number {
    return this.#size;
  }

  /**
   * Runs a change in a transaction. The events that the change adds are stored together with the change, or not at all.
   *
   * @throws HelpdeskError `overloaded` when the outbox is full. An error of `change` is thrown after a rollback.
   */
  change<Result>(change: () => Result): Result {
    if (this.#size >= this.#maxEvents) {
      throw new HelpdeskError('overloaded', 'Too many events wait to be published. Try again later.');
    }
    const sizeBefore = this.#size;
    try {
      return this.#database.transaction(change).immediate();
    } catch (error) {
      this.#size = sizeBefore;
      throw error;
    }
  }

  /** Adds an event. Must be called inside {@link change}. */
  add<Name extends EventTypeName<BuiltIn>>(
    type: Name,
    roomId: string,
    payload: PayloadOf<BuiltIn, Name>,
    timestamp: string,
  ): void {
    this.#database
      .prepare(
        'INSERT INTO outbox (event_id, event_type, room_id, payload, timestamp) VALUES (?, ?, ?, ?, ?)',
      )
      .run(randomUUID(), type, roomId, JSON.stringify(payload), timestamp);
    this.#size += 1;
  }

  /** Returns the oldest events. */
  peek(limit: number): readonly WaitingEvent[] {
    const rows = this.#database.prepare('SELECT * FROM outbox ORDER BY id LIMIT ?').all(limit);
    return rows.map((row) => {
      // The columns have these types, because `add` wrote them.
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
    this.#size -= this.#database.prepare('DELETE FROM outbox WHERE id = ?').run(id).changes;
  }
}
