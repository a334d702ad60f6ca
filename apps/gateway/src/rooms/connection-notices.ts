// The messages to one connection that are not delivered to a room: losses, removals, positions, and the indicators that it missed.
import type { ConnectionNotices } from './room-connection.js';

/** The messages of the hub `/hubs/events`. */
export const EVENTS_NOTICES: ConnectionNotices = Object.freeze<ConnectionNotices>({
  resync({ clients }, reasons) {
    for (const [room_id, reason] of reasons) clients.caller.send('resync', { room_id, reason });
  },
  removed({ clients }, room_id, reason) {
    clients.caller.send('removed', { room_id, reason });
  },
  position({ clients }, position) {
    clients.caller.send('position', { position });
  },
  event({ clients }, _roomId, event) {
    clients.caller.send(event.event_type, event);
  },
});
