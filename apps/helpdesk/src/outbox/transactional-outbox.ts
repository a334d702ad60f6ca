// Events that wait to be published. They are written in the same transaction as the change they tell of, so a change
// without its event, or an event without its change, cannot happen, whatever breaks in between.
import { randomUUID } from 'node:crypto';
import type { EventTypeName, eventCatalog, PayloadOf } from '@millrace/contract';
import type { DeskDatabase } from '../database/helpdesk-database.js';
import { HelpdeskError } from '../errors.js';

type BuiltIn = typeof eventCatalog;

/** An event that waits. */
export interface WaitingEvent {
  /** Order in the outbox. */
  readonly id: number;
  /** Stays the same however often it is published: gateways and pages drop the repeats. */
  readonly eventId: string;
  readonly type: EventTypeName<BuiltIn>;
  readonly roomId: string;
  readonly payload: unknown;
  readonly timestamp: string;
}

/** The table of waiting events. Bounded: beyond `maxEvents` changes are refused. */
export class Outbox {
  readonly #database: DeskDatabase;
  readonly #maxEvents: number;
  #size: number;

  constructor(database: DeskDatabase, maxEvents: number) {
    this.#database = database;
    this.#maxEvents = maxEvents;
    const { count } = database.prepare('SELECT COUNT(*) AS count FROM outbox').get() as {
      readonly count: number;
    };
    this.#size = count;
  }

  /** How many wait. */
  get size(): number {
    return this.#size;
  }

  /**
   * Runs a change in a transaction; events it adds are kept with it or not at all.
   *
   * @throws HelpdeskError `overloaded` when too many events wait already; whatever `change` throws, after undoing it.
   */
  change<Result>(change: () => Result): Result {
    if (this.#size >= this.#maxEvents) {
      throw new HelpdeskError(
        'overloaded',
        'Live delivery is away and too much waits for it. Try again later.',
      );
    }
    const sizeBefore = this.#size;
    try {
      return this.#database.transaction(change).immediate();
    } catch (error) {
      this.#size = sizeBefore;
      throw error;
    }
  }

  /** Adds an event; call it inside {@link change}. */
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

  /** The oldest that wait. */
  peek(limit: number): readonly WaitingEvent[] {
    const rows = this.#database.prepare('SELECT * FROM outbox ORDER BY id LIMIT ?').all(limit);
    return rows.map((row) => {
      // What `add` wrote.
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

  /** Takes a published one out. */
  remove(id: number): void {
    this.#size -= this.#database.prepare('DELETE FROM outbox WHERE id = ?').run(id).changes;
  }
}
