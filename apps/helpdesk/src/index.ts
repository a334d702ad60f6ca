// The helpdesk: a program that the gateway serves. It keeps tickets in a database of its own and publishes every change
// through the gateway's publisher.
import { fileURLToPath } from 'node:url';
import type { GatewayExtension } from '@millrace/gateway';
import { openDatabase } from './database/open-database.js';
import { Changes } from './desk/changes.js';
import { Conversations } from './desk/conversations.js';
import { Notifications } from './desk/notifications.js';
import { People } from './desk/people.js';
import { type PersonRecord, ticketRoom } from './desk/records.js';
import { RemoteSessions } from './desk/remote-sessions.js';
import { exampleEvent } from './example-event.js';
import { addApiRoutes } from './http/api-routes.js';
import { addWebPages } from './http/web-pages.js';
import { type HelpdeskOptions, resolveOptions } from './options.js';
import { Outbox } from './outbox.js';
import { OutboxRelay } from './outbox-relay.js';

export type { HelpdeskOptions } from './options.js';

// From `src/` and from `dist/` alike.
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
      const outbox = new Outbox(database, resolved.maxOutboxEvents);
      const relay = new OutboxRelay({
        outbox,
        publisher,
        retryBaseMs: resolved.outboxRetryMs,
        onStateChange: (state, waiting, cause) =>
          logger.warn(
            { state, waiting, ...(cause instanceof Error ? { reason: cause.message } : {}) },
            'events of the desk',
          ),
        onRejected: ({ type, eventId }, cause) =>
          logger.error({ err: cause, type, eventId }, 'an event of the desk was not acceptable'),
      });
      const people = new People(database);
      const conversations = new Conversations(database);
      const ports = { database, outbox, people, conversations, wallMs: Date.now };
      const changes = new Changes(ports);
      addApiRoutes(http, {
        people,
        conversations,
        changes,
        remoteSessions: new RemoteSessions(ports, changes),
        notifications: new Notifications(database),
        typingExpiryMs: resolved.typingExpiryMs,
        wallMs: Date.now,
        issueToken: (person) =>
          issueToken(
            { userId: person.id, name: person.fullName, rooms: [roomsOf(person)] },
            resolved.tokenMinutes,
          ),
        onChange: () => relay.wake(),
        onError: (error) => logger.error({ err: error }, 'the desk could not answer'),
      });
      addWebPages(http, webFolder);
      // What an earlier run could not publish any more.
      relay.wake();
      return async () => {
        await relay.close();
        database.close();
      };
    },
  };
}

/** Agents work on every ticket; a requester's tickets all lie under one prefix, tickets to come included. */
function roomsOf({ role, id }: PersonRecord): string {
  return role === 'agent' ? 'ticket:*' : ticketRoom(id, '*');
}

export default createHelpdesk();
