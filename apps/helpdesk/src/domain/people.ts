// People and their sessions. A session is a random token. The database stores only the hash of the token.
import { createHash, randomBytes } from 'node:crypto';
import type { Person } from '../api-types.js';
import type { HelpdeskDatabase } from '../database/helpdesk-database.js';
import { personOf, type Row } from '../database/rows.js';
import { HelpdeskError } from '../errors.js';

/** Maximum number of sessions. Above it, the oldest sessions are deleted, and their users must sign in again. */
const maxSessions = 1_000;

/** People and their sessions. */
export class People {
  readonly #database: HelpdeskDatabase;

  constructor(database: HelpdeskDatabase) {
    this.#database = database;
  }

  /** Returns all people, agents first. */
  list(): readonly Person[] {
    return this.#database
      .prepare('SELECT * FROM people ORDER BY role, rowid')
      .all()
      .map((row) => personOf(row as Row));
  }

  /** Returns a person. @throws HelpdeskError `not_found` */
  get(personId: string): Person {
    const row = this.#database.prepare('SELECT * FROM people WHERE id = ?').get(personId);
    if (row === undefined) throw new HelpdeskError('not_found', 'There is no such person.');
    return personOf(row as Row);
  }

  agents(): readonly Person[] {
    return this.list().filter(({ role }) => role === 'agent');
  }

  /** Starts a session of a person. The helpdesk is a demo, so there are no passwords. */
  signIn(personId: string): { readonly person: Person; readonly sessionToken: string } {
    const person = this.get(personId);
    const sessionToken = randomBytes(24).toString('base64url');
    this.#database
      .prepare('INSERT INTO sessions (token_hash, person_id, created_at) VALUES (?, ?, ?)')
      .run(hashOf(sessionToken), personId, new Date().toISOString());
    this.#database
      .prepare(
        'DELETE FROM sessions WHERE rowid NOT IN (SELECT rowid FROM sessions ORDER BY rowid DESC LIMIT ?)',
      )
      .run(maxSessions);
    return { person, sessionToken };
  }

  /** Returns the person of a session. @throws HelpdeskError `unauthenticated` */
  bySession(sessionToken: string | undefined): Person {
    const row =
      sessionToken === undefined
        ? undefined
        : this.#database
            .prepare(
              'SELECT people.* FROM sessions JOIN people ON people.id = sessions.person_id WHERE sessions.token_hash = ?',
            )
            .get(hashOf(sessionToken));
    if (row === undefined)
      throw new HelpdeskError('unauthenticated', 'The session token is missing or unknown. Sign in first.');
    return personOf(row as Row);
  }
}

function hashOf(sessionToken: string): string {
  return createHash('sha256').update(sessionToken).digest('hex');
}
