// The helpdesk, an extension that runs in the gateway's process. It keeps tickets in its own database and publishes every change
// through the gateway's publisher.
import { fileURLToPath } from 'node:url';
import type { GatewayExtension } from '@millrace/gateway';
import { openDatabase } from './database/open-database.js';
import type { PersonRecord } from './database/rows.js';
import { Conversations } from './domain/conversations.js';
import { Notifications } from './domain/notifications.js';
import { People } from './domain/people.js';
import { RemoteSessions } from './domain/remote-sessions.js';
import { ticketRoom } from './domain/rooms.js';
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

/** Creates a helpdesk to be served by a gateway. */
export function createHelpdesk(options: HelpdeskOptions = {}): GatewayExtension {
  const resolved = resolveOptions(options);
  const example = exampleEvent();
  return {
    name: 'helpdesk',
    isForDevelopment: resolved.isForDevelopment,
    ...(example === undefined ? {} : { example }),
    async start({ http, publisher, issueToken, logger }) {
      const database = openDatabase(resolved.dataFolder);
      const outbox = new TransactionalOutbox(database, resolved.maxOutboxEvents);
      const relay = new OutboxRelay({
        outbox,
        publisher,
        retryBaseMs: resolved.outboxRetryMs,
        onStateChange: (state, waiting, cause) =>
          logger.warn(
            { state, waiting, ...(cause instanceof Error ? { reason: cause.message } : {}) },
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
      const dependencies = { database, outbox, people, conversations, wallMs: Date.now };
      const changes = new TicketChanges(dependencies);
      addApiRoutes(http, {
        people,
        conversations,
        changes,
        remoteSessions: new RemoteSessions(dependencies, changes),
        notifications: new Notifications(database),
        typingExpiryMs: resolved.typingExpiryMs,
        wallMs: Date.now,
        issueToken: (person) =>
          issueToken(
            { userId: person.id, name: person.fullName, rooms: [roomsOf(person)] },
            resolved.tokenMinutes,
          ),
        onChange: () => relay.wake(),
        onError: (error) => logger.error({ err: error }, 'the helpdesk could not complete a request'),
      });
      addWebPages(http, webFolder);
      // An earlier run may have left events in the outbox.
      relay.wake();
      return async () => {
        await relay.close();
        database.close();
      };
    },
  };
}

/**
 * Returns the pattern of the ticket rooms that a person may join. Agents may join all ticket rooms. The rooms of a requester's
 * tickets, including future tickets, share a prefix.
 */
function roomsOf({ role, id }: PersonRecord): string {
  return role === 'agent' ? 'ticket:*' : ticketRoom(id, '*');
}

export default createHelpdesk();
