// The notifications of a person: how an event changes the list. Pure functions.
import type { DeliveredEvent } from '@millrace/client';
import { idPattern, maxNotifications, type Notification } from '../../src/api-types.js';
import { texts } from '../../src/texts.js';

/** The gateway's name for the room of one's own user, in which the notifications arrive. Every connection is in it. */
export const ownRoomId = 'user:me';

/** An address that ends with the ID of a ticket. */
const ticketAddress = new RegExp(`/(${idPattern})$`);

/** Returns the list, newest first, after an event in the person's own room. */
export function reduceNotifications(
  notifications: readonly Notification[],
  event: DeliveredEvent,
): readonly Notification[] {
  if (event.event_type !== 'notification' || notifications.some(({ id }) => id === event.event_id))
    return notifications;
  return [notificationIn(event), ...notifications].slice(0, maxNotifications);
}

/** Reads a notification. Its fields may have other types, because the contract only recommends the fields of this type. */
export function notificationIn({ event_id: id, timestamp, payload }: DeliveredEvent): Notification {
  const { title, body, action_url: url } = payload as Readonly<Record<string, unknown>>;
  return {
    id,
    title: typeof title === 'string' ? title : texts.notifications.untitled,
    body: typeof body === 'string' ? body : '',
    ticketId: ticketInUrl(url),
    createdAt: timestamp,
    isRead: false,
  };
}

/**
 * Returns the ticket to which a notification leads: the last part of the notification's address, if that part
 * is an ID. The rest of the address is ignored. Therefore a notification can lead only to a ticket.
 */
function ticketInUrl(url: unknown): string | null {
  return typeof url === 'string' ? (ticketAddress.exec(url)?.[1] ?? null) : null;
}
