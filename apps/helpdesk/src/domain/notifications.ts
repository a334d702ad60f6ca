// What lies under a person's bell.
import type { Notification } from '../api-types.js';
import type { DeskDatabase } from '../database/helpdesk-database.js';
import { notificationOf, type Row } from '../database/rows.js';

/** Notifications by person. */
export class Notifications {
  readonly #database: DeskDatabase;

  constructor(database: DeskDatabase) {
    this.#database = database;
  }

  /** The newest 50, newest first. */
  list(personId: string): readonly Notification[] {
    return this.#database
      .prepare('SELECT * FROM notifications WHERE person_id = ? ORDER BY rowid DESC LIMIT 50')
      .all(personId)
      .map((row) => notificationOf(row as Row));
  }

  /** All of a person's are read now. */
  markAllRead(personId: string): void {
    this.#database.prepare('UPDATE notifications SET is_read = 1 WHERE person_id = ?').run(personId);
  }
}
