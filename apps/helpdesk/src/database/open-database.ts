// Opens the helpdesk's database: one file, which the first run creates and fills.
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import Database from 'libsql';
import type { HelpdeskDatabase } from './helpdesk-database.js';
import { schemaSql } from './schema.js';
import { seed } from './seed.js';

/** The number counts the forms of the schema. A database of another form is left alone. */
const fileName = 'helpdesk.2.db';

/** Opens the database in a folder. A new database is filled with people and tickets. */
export function openDatabase(dataFolder: string): HelpdeskDatabase {
  mkdirSync(dataFolder, { recursive: true });
  const database = new Database(join(dataFolder, fileName));
  // A power cut may lose the last transactions with WAL and NORMAL. A crash of the process loses nothing.
  database.exec(
    'PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL; PRAGMA foreign_keys = ON; PRAGMA busy_timeout = 2000;',
  );
  database.exec(schemaSql);
  if (database.prepare('SELECT 1 FROM people LIMIT 1').get() === undefined) seed(database, Date.now());
  return database;
}
