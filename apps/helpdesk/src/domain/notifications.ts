// Reads the notifications of a person and marks them as read.
import { maxNotifications, type Notification } from '../api-types.js';
import type { HelpdeskDatabase } from '../database/helpdesk-database.js';
import { notificationOf, type Row } from '../database/rows.js';

/** The stored notifications. */
export class Notifications {
  readonly #database: HelpdeskDatabase;

  constructor(database: HelpdeskDatabase) {
    this.#database = database;
  }

  /** Returns the notifications of a person, newest first. */
  list(personId: string): readonly Notification[] {
    return this.#database
      .prepare('SELECT * FROM notifications WHERE person_id = ? ORDER BY rowid DESC LIMIT ?')
      .all(personId, maxNotifications)
      .map((row) => notificationOf(row as Row));
  }

  /** Marks all notifications of a person as read. */
  markAllRead(personId: string): void {
    this.#database.prepare('UPDATE notifications SET is_read = 1 WHERE person_id = ?').run(personId);
  }
}
