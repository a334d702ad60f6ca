// Fills a new database with people and tickets, as if the helpdesk had been in use for a week.
import { randomUUID } from 'node:crypto';
import type { HelpdeskDatabase } from './helpdesk-database.js';
import { type SeedTicket, seedPeople, seedTickets } from './seed-data.js';

const idOf = (username: string): string => {
  const found = seedPeople.find((person) => person.username === username);
  if (found === undefined) throw new TypeError(`the seed data has no person with the username "${username}"`);
  return found.id;
};

/** Writes the seed data in one transaction. Its times are counted back from `endMs`. */
export function seed(database: HelpdeskDatabase, endMs: number): void {
  database.transaction(() => {
    const insert = database.prepare(
      'INSERT INTO people (id, role, full_name, username, title) VALUES (?, ?, ?, ?, ?)',
    );
    for (const { id, role, fullName, username, title } of seedPeople)
      insert.run(id, role, fullName, username, title);
    for (const ticket of seedTickets) seedTicket(database, ticket, endMs);
  })();
}

function seedTicket(database: HelpdeskDatabase, ticket: SeedTicket, endMs: number): void {
  const timeOf = (minutesAgo: number): string => new Date(endMs - minutesAgo * 60_000).toISOString();
  const { id, number, subject, status, requester, assignee, messages } = ticket;
  database
    .prepare(
      'INSERT INTO tickets (id, number, subject, status, requester_id, assignee_id, created_at) VALUES (?, ?, ?, ?, ?, ?, ?)',
    )
    .run(
      id,
      number,
      subject,
      status,
      idOf(requester),
      assignee === null ? null : idOf(assignee),
      timeOf(messages[0]?.minutesAgo ?? 0),
    );
  const insert = database.prepare(
    'INSERT INTO messages (id, ticket_id, sequence_number, sender_id, content, is_screenshot, created_at) VALUES (?, ?, ?, ?, ?, ?, ?)',
  );
  messages.forEach(({ from, text, minutesAgo, isScreenshot }, index) => {
    const senderId = from === null ? null : idOf(from);
    insert.run(
      randomUUID(),
      id,
      index + 1,
      senderId,
      text,
      isScreenshot === true ? 1 : 0,
      timeOf(minutesAgo),
    );
  });
  seedReads(database, ticket);
}

function seedReads(database: HelpdeskDatabase, ticket: SeedTicket): void {
  const { id, requester, messages, unreadByRequester = 0, unreadByAgents = 0 } = ticket;
  const insert = database.prepare(
    'INSERT INTO reads (ticket_id, person_id, sequence_number) VALUES (?, ?, ?)',
  );
  for (const { id: personId, role, username } of seedPeople) {
    if (role === 'requester' && username !== requester) continue;
    insert.run(id, personId, messages.length - (role === 'agent' ? unreadByAgents : unreadByRequester));
  }
}
