// Sends the changes of indicators that a client missed while it lagged, because their events are not replayed.
import { changesBetween } from '../indicators/indicator-changes.js';
import { eventsOfChanges } from '../indicators/indicator-events.js';
import type { ShownByName } from '../indicators/room-indicators.js';
import { EVENTS_NOTICES } from './connection-notices.js';
import type { ConnectionRoomsDependencies, RoomConnection } from './room-connection.js';

/** Sends an event for each user whom an indicator no longer shows, or newly shows. */
export function sendIndicatorChanges(
  connection: RoomConnection,
  roomId: string,
  { before, after }: { readonly before: ShownByName; readonly after: ShownByName },
  {
    indicators,
    currentPosition,
    notices = EVENTS_NOTICES,
  }: Pick<ConnectionRoomsDependencies, 'indicators' | 'currentPosition' | 'notices'>,
): void {
  const changes = changesBetween(before, after);
  const room = { roomId, position: currentPosition(roomId) };
  for (const event of eventsOfChanges(changes, indicators, room)) notices.event(connection, roomId, event);
}
