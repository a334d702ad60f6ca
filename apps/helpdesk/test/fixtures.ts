// The parts of a helpdesk for tests: a new database, and a publisher on a broker in memory.
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createMemoryBroker } from '@millrace/broker';
import { eventCatalog } from '@millrace/contract';
import { createPublisher, type Publisher } from '@millrace/publisher';
import { openDatabase } from '../src/database/open-database.js';
import { Conversations } from '../src/domain/conversations.js';
import { Notifications } from '../src/domain/notifications.js';
import { People } from '../src/domain/people.js';
import { RemoteSessions } from '../src/domain/remote-sessions.js';
import { TicketChanges } from '../src/domain/ticket-changes.js';
import { TransactionalOutbox } from '../src/outbox/transactional-outbox.js';

/** IDs of people and tickets from the seed data. */
export const seeded = {
  maria: '3f0d7b52-8a0e-4f57-9d53-1f6a2c1e0a01',
  aiko: '3f0d7b52-8a0e-4f57-9d53-1f6a2c1e0a03',
  noa: '7c9e1a34-5b26-4d8e-8f10-6e2b9d4c0b01',
  daniel: '7c9e1a34-5b26-4d8e-8f10-6e2b9d4c0b02',
  vpnTicket: 'b1d4c6f0-2e7a-4c39-a5d8-000000001048',
  danielsTicket: 'b1d4c6f0-2e7a-4c39-a5d8-000000001051',
} as const;

/** Creates a folder that is deleted at the end of the test. */
async function temporaryFolder(): Promise<AsyncDisposable & { readonly path: string }> {
  const path = await mkdtemp(join(tmpdir(), 'millrace-helpdesk-'));
  return { path, [Symbol.asyncDispose]: () => rm(path, { recursive: true, force: true }) };
}

/** Creates the helpdesk's parts on a new database. */
export async function openHelpdesk(maxOutboxEvents = 1_000) {
  const folder = await temporaryFolder();
  const database = openDatabase(folder.path);
  const outbox = new TransactionalOutbox(database, maxOutboxEvents);
  const people = new People(database);
  const conversations = new Conversations(database);
  const dependencies = { database, outbox, people, conversations };
  const changes = new TicketChanges(dependencies);
  return {
    folder: folder.path,
    database,
    outbox,
    people,
    conversations,
    changes,
    remoteSessions: new RemoteSessions(dependencies, changes),
    notifications: new Notifications(database),
    maria: people.get(seeded.maria),
    noa: people.get(seeded.noa),
    daniel: people.get(seeded.daniel),
    /** Types and rooms of the waiting events, in order. */
    waiting: () => outbox.peek(100).map(({ type, roomId }) => `${type} ${roomId}`),
    async [Symbol.asyncDispose]() {
      database.close();
      await folder[Symbol.asyncDispose]();
    },
  };
}

/** Creates a real publisher on a broker in memory. */
export async function openPublisher() {
  const broker = createMemoryBroker({ streams: eventCatalog.streams });
  await broker.open();
  const publisher: Publisher<typeof eventCatalog> = createPublisher({
    broker,
    catalog: eventCatalog,
    sourceInstance: 'test',
  });
  return {
    publisher,
    broker,
    async [Symbol.asyncDispose]() {
      await publisher.close();
      await broker.close();
    },
  };
}
