// An example event to publish by hand, so that a command in a terminal has an effect on the page.
import type { ExampleEvent } from '@millrace/gateway';
import { firstNameOf } from './api-types.js';
import { seedPeople, seedTickets } from './database/seed-data.js';
import { personRoom } from './domain/rooms.js';
import { texts } from './texts.js';

/** A notification for the first requester. The helpdesk does not store it, so it changes nothing else. */
export function exampleEvent(): ExampleEvent | undefined {
  const requester = seedPeople.find(({ role }) => role === 'requester');
  const ticket = seedTickets.find((each) => each.requester === requester?.username);
  if (requester === undefined || ticket === undefined) return undefined;
  return {
    says: texts.example.says(firstNameOf(requester)),
    event: {
      event_type: 'notification',
      room_id: personRoom(requester.id),
      payload: {
        type: 'info',
        title: texts.example.title,
        body: ticket.subject,
        action_url: `/requester/${ticket.id}`,
      },
    },
  };
}
