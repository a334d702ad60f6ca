// The helpdesk, an application module that runs in the gateway's process. It keeps tickets in its own database and publishes every change
// through the gateway's publisher.
import { fileURLToPath } from 'node:url';
import { type Application, defineApp } from '@millrace/gateway';
import { openDatabase } from './database/open-database.js';
import { Conversations } from './domain/conversations.js';
import { Notifications } from './domain/notifications.js';
import { People } from './domain/people.js';
import { RemoteSessions } from './domain/remote-sessions.js';
import { roomPatternOf } from './domain/rooms.js';
import { TicketChanges } from './domain/ticket-changes.js';
import { exampleEvent } from './example-event.js';
import { addApiRoutes } from './http/api-routes.js';
import { addWebPages } from './http/web-pages.js';
import { type HelpdeskOptions, resolveOptions } from './options.js';
import { OutboxRelay } from './outbox/outbox-relay.js';
import { TransactionalOutbox } from './outbox/transactional-outbox.js';

export type { HelpdeskOptions } from './options.js';

// This relative path leads to the same folder from `src/` and from `dist/`.
const webFolder = fileURLToPath(new URL('../dist/web', import.meta.url));

/** Changes are refused while the outbox contains this many events. */
const maxOutboxEvents = 10_000;
/** Maximum delay before failed events are published again for the first time. */
const outboxRetryMs = 200;
/** Lifetime of a token for the gateway. Pages fetch a new token for every connection. */
const tokenMinutes = 10;

/** Creates a helpdesk to be served by a gateway. */
export function createHelpdesk(options: HelpdeskOptions = {}): Application {
  const resolved = resolveOptions(options);
  const example = exampleEvent();
  return defineApp({
    name: 'helpdesk',
    isForDevelopment: resolved.isForDevelopment,
    ...(example === undefined ? {} : { example }),
    http({ http, publisher, issueToken, logger }) {
      const database = openDatabase(resolved.dataFolder);
      const outbox = new TransactionalOutbox(database, maxOutboxEvents);
      const relay = new OutboxRelay({
        outbox,
        publisher,
        retryBaseMs: outboxRetryMs,
        onStateChange: (state, cause) =>
          logger.warn(
            { state, ...(cause instanceof Error ? { reason: cause.message } : {}) },
            'publishing of helpdesk events: state changed',
          ),
        onRejected: ({ type, eventId }, cause) =>
          logger.error(
            { err: cause, type, eventId },
            'a helpdesk event does not fit the contract and was removed from the outbox',
          ),
      });
      const people = new People(database);
      const conversations = new Conversations(database);
      const dependencies = { database, outbox, people, conversations };
      const changes = new TicketChanges(dependencies);
      addApiRoutes(http, {
        people,
        conversations,
        changes,
        remoteSessions: new RemoteSessions(dependencies, changes),
        notifications: new Notifications(database),
        typingExpiryMs: resolved.typingExpiryMs,
        issueToken: (person) =>
          issueToken(
            { userId: person.id, name: person.fullName, rooms: [roomPatternOf(person)] },
            tokenMinutes,
          ),
        onError: (error) => logger.error({ err: error }, 'the helpdesk could not complete a request'),
      });
      addWebPages(http, webFolder);
      return async () => {
        await relay.close();
        database.close();
      };
    },
  });
}

export default createHelpdesk();
