// Sends events to the members of their rooms that are connected here, and positions to those whose rooms were quiet.
import { type ReceivedEvent, userKey } from '@millrace/contract';
import type { Hub, PreparedCall } from '@millrace/signalr';
import { prepareEvent } from '../dispatch/event-text.js';
import type { EventsClient } from '../hub/events-client.js';
import type { Metrics } from '../telemetry/metrics.js';
import { QuietConnections } from './idle-connections.js';
import { untoldGroup } from './loss-notices.js';
import type { Rooms } from './rooms.js';

/** Dependencies of {@link RoomSender}. */
export interface RoomSenderParts {
  /** The hub whose groups are the rooms. */
  readonly hub: Pick<Hub<EventsClient>, 'clients' | 'groups' | 'connections'>;
  readonly rooms: Pick<Rooms, 'positions' | 'laggards' | 'losses'>;
  readonly metrics: Metrics;
}

/** See the file's comment. */
export class RoomSender {
  readonly #parts: RoomSenderParts;
  readonly #quietConnections = new QuietConnections();
  /** The position that quiet connections were told last. */
  #toldPosition = '';

  constructor(parts: RoomSenderParts) {
    this.#parts = parts;
  }

  /** True when this gateway hosts a member of the room. Most gateways host none of most rooms. */
  hasMembers(roomId: string): boolean {
    return this.#parts.hub.groups.count(roomId) + this.#untoldIn(roomId) > 0;
  }

  /**
   * Queues an event to the members of its room.
   *
   * @param call the event as `prepareEvent` makes it; `undefined` only where nobody is here and it is not kept
   * @param exceptUser none of this user's connections is sent it
   * @returns the number of connections it was queued to
   */
  send(received: ReceivedEvent, call: PreparedCall | undefined, exceptUser: string | undefined): number {
    const { room_id: roomId } = received.event;
    if (received.declaration.replay.mode === 'none') this.#countShed(roomId);
    const present = this.#parts.hub.groups.count(roomId);
    const untold = this.#untoldIn(roomId);
    if (present + untold === 0 || call === undefined) return 0;
    this.#quietConnections.noteSend(roomId);
    const sent = present === 0 ? 0 : this.#sendTo(roomId, received, call, exceptUser);
    if (untold === 0) return sent;
    // Last: whoever is told in the middle of it is in the room's own group from there on.
    return sent + this.#sendTo(untoldGroup(roomId), received, this.#untoldCall(received), exceptUser);
  }

  /** Tells connections whose rooms were sent nothing for a while how far they are. */
  tellPositions(): void {
    const { hub, rooms } = this.#parts;
    const position = rooms.positions.ofEveryRoom();
    if (position === this.#toldPosition) return;
    this.#toldPosition = position;
    const upToDate = this.#quietConnections
      .take(hub.connections)
      .filter((id) => !rooms.laggards.has(id) && !rooms.losses.isUntold(id));
    hub.clients.clients(upToDate).send('position', { position });
  }

  #sendTo(
    group: string,
    received: ReceivedEvent,
    call: PreparedCall,
    exceptUser: string | undefined,
  ): number {
    const { clients } = this.#parts.hub;
    // The hub knows users by their keys; see `authenticateByToken`.
    const all =
      exceptUser === undefined ? clients.group(group) : clients.groupExceptUser(group, userKey(exceptUser));
    const key = latestKeyOf(received);
    return (key === undefined ? all : all.latest(key)).relay(call);
  }

  #untoldIn(roomId: string): number {
    const { hub, rooms } = this.#parts;
    return rooms.losses.isEmpty ? 0 : hub.groups.count(untoldGroup(roomId));
  }

  /** The event for those who were not told of a loss yet: its position does not hide it. */
  #untoldCall(received: ReceivedEvent): PreparedCall {
    const { losses, positions } = this.#parts.rooms;
    const position = positions.ofRoomAt(received.event.room_id, (stream) => losses.placeBefore(stream));
    return prepareEvent(received, position);
  }

  /** Counts the members that are behind: they miss an event that is not replayed, and are told the present state when they have caught up. */
  #countShed(roomId: string): void {
    const behind = this.#parts.rooms.laggards.countIn(roomId);
    if (behind > 0) this.#parts.metrics.dropped.inc({ reason: 'shed' }, behind);
  }
}

/** The key under which a slow client is sent the newest event only; an event that is coalesced on its way has one. A room ID holds no line break. */
function latestKeyOf({ event, declaration }: ReceivedEvent): string | undefined {
  const { coalescing } = declaration;
  if (coalescing === undefined) return undefined;
  const key = coalescing.key(event.payload);
  if (key === undefined) return undefined;
  return `${event.room_id}\n${coalescing.slot}\n${key}`;
}
