// A helpdesk without a browser: its API over a gateway in this process, on the broker in memory and a database of its own.
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createMemoryBroker } from '@millrace/broker';
import { eventCatalog } from '@millrace/contract';
import { createPublisher, type Publisher } from '@millrace/publisher';
import { openDatabase } from '../src/database/open-database.js';
import { Changes } from '../src/desk/changes.js';
import { Conversations } from '../src/desk/conversations.js';
import { Notifications } from '../src/desk/notifications.js';
import { People } from '../src/desk/people.js';
import { RemoteSessions } from '../src/desk/remote-sessions.js';
import { Outbox } from '../src/outbox.js';

/** Seeded people and tickets. */
export const seeded = {
  maria: '3f0d7b52-8a0e-4f57-9d53-1f6a2c1e0a01',
  aiko: '3f0d7b52-8a0e-4f57-9d53-1f6a2c1e0a03',
  noa: '7c9e1a34-5b26-4d8e-8f10-6e2b9d4c0b01',
  daniel: '7c9e1a34-5b26-4d8e-8f10-6e2b9d4c0b02',
  vpnTicket: 'b1d4c6f0-2e7a-4c39-a5d8-000000001048',
  danielsTicket: 'b1d4c6f0-2e7a-4c39-a5d8-000000001051',
} as const;

/** A folder that goes with the test. */
async function temporaryFolder(): Promise<AsyncDisposable & { readonly path: string }> {
  const path = await mkdtemp(join(tmpdir(), 'millrace-desk-'));
  return { path, [Symbol.asyncDispose]: () => rm(path, { recursive: true, force: true }) };
}

/** The desk's parts on a new database. */
export async function openDesk(maxOutboxEvents = 1_000) {
  const folder = await temporaryFolder();
  const database = openDatabase(folder.path);
  const outbox = new Outbox(database, maxOutboxEvents);
  const people = new People(database);
  const conversations = new Conversations(database);
  const ports = { database, outbox, people, conversations, wallMs: Date.now };
  const changes = new Changes(ports);
  return {
    folder: folder.path,
    database,
    outbox,
    people,
    conversations,
    changes,
    remoteSessions: new RemoteSessions(ports, changes),
    notifications: new Notifications(database),
    maria: people.get(seeded.maria),
    noa: people.get(seeded.noa),
    daniel: people.get(seeded.daniel),
    /** Types and rooms of what waits, in order. */
    waiting: () => outbox.peek(100).map(({ type, roomId }) => `${type} ${roomId}`),
    async [Symbol.asyncDispose]() {
      database.close();
      await folder[Symbol.asyncDispose]();
    },
  };
}

/** A real publisher on a real broker in memory, and what it has stored. */
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
