// Sends events to the connections that are in their rooms on this gateway, and positions to connections whose rooms were idle.
import type { EntryId } from '@millrace/broker';
import type { ReceivedEvent } from '@millrace/contract';
import type { Hub, PreparedCall } from '@millrace/signalr';
import { prepareEvent } from '../dispatch/event-text.js';
import type { EventsClient } from '../hub/events-client.js';
import type { Metrics } from '../telemetry/metrics.js';
import { IdleConnections } from './idle-connections.js';
import { pendingNoticeGroup } from './loss-notices.js';
import {
  coalescingKeyOf,
  exceptUsersOf,
  membersExcept,
  type Receivers,
  receiversIn,
  type SentEntry,
} from './receivers.js';
import type { Rooms } from './rooms.js';

/** Dependencies of {@link RoomSender}. */
export interface RoomSenderDependencies {
  /** The hub whose groups are the rooms. */
  readonly hub: Pick<Hub<EventsClient>, 'clients' | 'groups' | 'connections'>;
  readonly rooms: Pick<Rooms, 'positions' | 'laggingConnections' | 'lossNotices' | 'revocations'>;
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

  /** True if a connection to this gateway is in the room. Most gateways have no connection in most rooms. */
  hasConnections(roomId: string): boolean {
    return this.#dependencies.hub.groups.count(roomId) + this.#countPendingNotices(roomId) > 0;
  }

  /**
   * Queues an event to the connections in its room.
   *
   * @param call the event in the form that `prepareEvent` returns. May be `undefined` only if the room has no
   * connections and the event is not kept for replay
   * @returns the number of connections to which the event was queued
   */
  send(received: ReceivedEvent, call: PreparedCall | undefined, at: SentEntry): number {
    const { room_id: roomId } = received.event;
    if (received.declaration.replay.mode === 'none') this.#countDroppedForLagging(roomId);
    const present = this.#dependencies.hub.groups.count(roomId);
    const pending = this.#countPendingNotices(roomId);
    if (present + pending === 0 || call === undefined) return 0;
    this.#idleConnections.noteSend(roomId);
    const exceptUsers = this.#exceptUsers(roomId, at);
    const sent = present === 0 ? 0 : this.#sendTo(roomId, received, call, exceptUsers);
    if (pending === 0) return sent;
    // The event is sent to the room's own group first, then to the group of connections with a pending notice. The second
    // send may move a connection to the room's own group. In the other order, it would get the event twice.
    const callBeforeLoss = this.#prepareBeforeLoss(received);
    return sent + this.#sendTo(pendingNoticeGroup(roomId), received, callBeforeLoss, exceptUsers);
  }

  /**
   * Queues calls that are not events to the connections in a room.
   *
   * @param prepareBeforeLoss prepares the same calls for connections with a pending loss notice, with positions that do not hide
   * the loss
   */
  relay(
    { roomId, ...place }: { readonly roomId: string; readonly stream: string; readonly id: EntryId },
    calls: readonly PreparedCall[],
    prepareBeforeLoss: () => readonly PreparedCall[],
  ): void {
    const { groups } = this.#dependencies.hub;
    const pending = this.#countPendingNotices(roomId);
    if (groups.count(roomId) + pending === 0) return;
    this.#idleConnections.noteSend(roomId);
    const exceptUsers = this.#exceptUsers(roomId, { ...place, exceptUser: undefined });
    const inRoom = this.#membersOf(roomId, exceptUsers);
    const notNotified = this.#membersOf(pendingNoticeGroup(roomId), exceptUsers);
    for (const call of calls) inRoom.relay(call);
    if (pending === 0) return;
    for (const call of prepareBeforeLoss()) notNotified.relay(call);
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
    exceptUsers: readonly string[],
  ): number {
    const all = this.#clientsOf(group, exceptUsers);
    const key = coalescingKeyOf(received);
    return (key === undefined ? all : all.latest(key)).relay(call);
  }

  #exceptUsers(roomId: string, at: SentEntry): readonly string[] {
    return exceptUsersOf(this.#dependencies.rooms.revocations, roomId, at);
  }

  #clientsOf(group: string, exceptUsers: readonly string[]): Receivers {
    return receiversIn(this.#dependencies.hub, group, exceptUsers);
  }

  /**
   * Lists the members before the first of several calls is queued. That call may fill the queue of a client, which then leaves the room's
   * group and continues after the entry. It must get the other calls of the entry, too.
   */
  #membersOf(group: string, exceptUsers: readonly string[]): Receivers {
    const { clients, groups } = this.#dependencies.hub;
    return clients.clients(membersExcept(groups.members(group), exceptUsers));
  }

  #countPendingNotices(roomId: string): number {
    const { hub, rooms } = this.#dependencies;
    return rooms.lossNotices.isEmpty ? 0 : hub.groups.count(pendingNoticeGroup(roomId));
  }

  /** Prepares the event for connections with a pending loss notice. Its position does not hide the loss. */
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
