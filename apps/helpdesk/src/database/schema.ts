// The tables of the database. Times are ISO 8601 in UTC. IDs are UUIDs.

/** Creates the tables and indexes that do not exist. */
export const schemaSql = `
CREATE TABLE IF NOT EXISTS people (
  id TEXT PRIMARY KEY,
  role TEXT NOT NULL CHECK (role IN ('agent', 'requester')),
  full_name TEXT NOT NULL,
  username TEXT NOT NULL UNIQUE,
  title TEXT NOT NULL
);

CREATE TABLE IF NOT EXISTS sessions (
  token_hash TEXT PRIMARY KEY,
  person_id TEXT NOT NULL REFERENCES people (id),
  created_at TEXT NOT NULL
);

CREATE TABLE IF NOT EXISTS tickets (
  id TEXT PRIMARY KEY,
  number INTEGER NOT NULL UNIQUE,
  subject TEXT NOT NULL,
  status TEXT NOT NULL,
  requester_id TEXT NOT NULL REFERENCES people (id),
  assignee_id TEXT REFERENCES people (id),
  created_at TEXT NOT NULL
);
CREATE INDEX IF NOT EXISTS tickets_of_requester ON tickets (requester_id);

CREATE TABLE IF NOT EXISTS messages (
  id TEXT PRIMARY KEY,
  ticket_id TEXT NOT NULL REFERENCES tickets (id),
  sequence_number INTEGER NOT NULL,
  sender_id TEXT REFERENCES people (id),
  content TEXT NOT NULL,
  is_screenshot INTEGER NOT NULL DEFAULT 0,
  client_temp_id TEXT,
  created_at TEXT NOT NULL,
  UNIQUE (ticket_id, sequence_number),
  UNIQUE (ticket_id, sender_id, client_temp_id)
);

CREATE TABLE IF NOT EXISTS reads (
  ticket_id TEXT NOT NULL REFERENCES tickets (id),
  person_id TEXT NOT NULL REFERENCES people (id),
  sequence_number INTEGER NOT NULL,
  PRIMARY KEY (ticket_id, person_id)
);

CREATE TABLE IF NOT EXISTS remote_sessions (
  id TEXT PRIMARY KEY,
  ticket_id TEXT NOT NULL REFERENCES tickets (id),
  agent_id TEXT NOT NULL REFERENCES people (id),
  requester_id TEXT NOT NULL REFERENCES people (id),
  mode TEXT NOT NULL,
  state TEXT NOT NULL,
  created_at TEXT NOT NULL
);
CREATE INDEX IF NOT EXISTS remote_sessions_of_ticket ON remote_sessions (ticket_id, state);

CREATE TABLE IF NOT EXISTS notifications (
  id TEXT PRIMARY KEY,
  person_id TEXT NOT NULL REFERENCES people (id),
  title TEXT NOT NULL,
  body TEXT NOT NULL,
  ticket_id TEXT REFERENCES tickets (id),
  created_at TEXT NOT NULL,
  is_read INTEGER NOT NULL DEFAULT 0
);
CREATE INDEX IF NOT EXISTS notifications_of_person ON notifications (person_id, created_at);

CREATE TABLE IF NOT EXISTS outbox (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  event_id TEXT NOT NULL,
  event_type TEXT NOT NULL,
  room_id TEXT NOT NULL,
  payload TEXT NOT NULL,
  timestamp TEXT NOT NULL
);
`;
