// Sends events to the connections that are in their rooms on this gateway, and positions to connections whose rooms were idle.
import type { ReceivedEvent } from '@millrace/contract';
import { userKey } from '@millrace/internal';
import type { Hub, PreparedCall } from '@millrace/signalr';
import { prepareEvent } from '../dispatch/event-text.js';
import type { EventsClient } from '../hub/events-client.js';
import type { Metrics } from '../telemetry/metrics.js';
import { IdleConnections } from './idle-connections.js';
import { pendingNoticeGroup } from './loss-notices.js';
import type { Rooms } from './rooms.js';

/** Dependencies of {@link RoomSender}. */
export interface RoomSenderDependencies {
  /** The hub whose groups are the rooms. */
  readonly hub: Pick<Hub<EventsClient>, 'clients' | 'groups' | 'connections'>;
  readonly rooms: Pick<Rooms, 'positions' | 'laggingConnections' | 'lossNotices'>;
  readonly metrics: Metrics;
}

/** Sends events and positions to the connections of this gateway. */
export class RoomSender {
  readonly #dependencies: RoomSenderDependencies;
  readonly #idleConnections = new IdleConnections();
  /** The position that was last sent to idle connections. */
  #lastSentPosition = '';

  constructor(dependencies: RoomSenderDependencies) {
    this.#dependencies = dependencies;
  }

  /** True when a connection to this gateway is in the room. Most gateways have no connection in most rooms. */
  hasConnections(roomId: string): boolean {
    return this.#dependencies.hub.groups.count(roomId) + this.#countPendingNotices(roomId) > 0;
  }

  /**
   * Queues an event to the connections in its room.
   *
   * @param call the event in the form that `prepareEvent` returns. May be `undefined` only if the room has no
   * connections and the event is not kept for replay
   * @param exceptUser a user whose connections do not receive the event
   * @returns the number of connections to which the event was queued
   */
  send(received: ReceivedEvent, call: PreparedCall | undefined, exceptUser: string | undefined): number {
    const { room_id: roomId } = received.event;
    if (received.declaration.replay.mode === 'none') this.#countDroppedForLagging(roomId);
    const present = this.#dependencies.hub.groups.count(roomId);
    const pending = this.#countPendingNotices(roomId);
    if (present + pending === 0 || call === undefined) return 0;
    this.#idleConnections.noteSend(roomId);
    const sent = present === 0 ? 0 : this.#sendTo(roomId, received, call, exceptUser);
    if (pending === 0) return sent;
    // The event is sent to the room's own group first, and then to the group of connections with a pending
    // notice. The second send may move a connection to the room's own group. In the other order, such a
    // connection would get the event twice.
    const callBeforeLoss = this.#prepareBeforeLoss(received);
    return sent + this.#sendTo(pendingNoticeGroup(roomId), received, callBeforeLoss, exceptUser);
  }

  /** Sends the current position, if it has changed, to idle connections that neither lag nor have a pending loss notice. */
  sendPositions(): void {
    const { hub, rooms } = this.#dependencies;
    const position = rooms.positions.ofEveryRoom();
    if (position === this.#lastSentPosition) return;
    this.#lastSentPosition = position;
    const upToDate = this.#idleConnections
      .takeIdle(hub.connections)
      .filter((id) => !rooms.laggingConnections.has(id) && !rooms.lossNotices.isPending(id));
    hub.clients.clients(upToDate).send('position', { position });
  }

  #sendTo(
    group: string,
    received: ReceivedEvent,
    call: PreparedCall,
    exceptUser: string | undefined,
  ): number {
    const { clients } = this.#dependencies.hub;
    // The hub identifies a user by `userKey`, see `authenticateByToken`.
    const all =
      exceptUser === undefined ? clients.group(group) : clients.groupExceptUser(group, userKey(exceptUser));
    const key = latestKeyOf(received);
    return (key === undefined ? all : all.latest(key)).relay(call);
  }

  #countPendingNotices(roomId: string): number {
    const { hub, rooms } = this.#dependencies;
    return rooms.lossNotices.isEmpty ? 0 : hub.groups.count(pendingNoticeGroup(roomId));
  }

  /** Prepares the event for connections with a pending loss notice, with a position that does not hide the loss. */
  #prepareBeforeLoss(received: ReceivedEvent): PreparedCall {
    const { lossNotices, positions } = this.#dependencies.rooms;
    const position = positions.ofRoomAt(received.event.room_id, (stream) =>
      lossNotices.positionBefore(stream),
    );
    return prepareEvent(received, position);
  }

  /**
   * Counts an event that is not replayed as dropped, once for each lagging connection. These connections get the current state when
   * they catch up.
   */
  #countDroppedForLagging(roomId: string): void {
    const lagging = this.#dependencies.rooms.laggingConnections.countIn(roomId);
    if (lagging > 0) this.#dependencies.metrics.dropped.inc({ reason: 'lagging_client' }, lagging);
  }
}

/**
 * Returns the key of a coalesced event, or `undefined` for any other event. If several events with the same key wait for a slow
 * client, only the newest of them is sent. A room ID contains no line break, so keys of different rooms differ.
 */
function latestKeyOf({ event, declaration }: ReceivedEvent): string | undefined {
  const { coalescing } = declaration;
  if (coalescing === undefined) return undefined;
  const key = coalescing.key(event.payload);
  if (key === undefined) return undefined;
  return `${event.room_id}\n${coalescing.slot}\n${key}`;
}
