// Sends the messages of one view for events to its connections on this gateway. No other file of this folder sends to groups.
import type { ReceivedEvent } from '@millrace/contract';
import { type Hub, PreparedCall } from '@millrace/signalr';
import { prepareEvent } from '../dispatch/event-text.js';
import type { EventsClient } from '../hub/events-client.js';
import { IdleConnections } from '../rooms/idle-connections.js';
import type { LaggingConnections } from '../rooms/lagging-connections.js';
import { pendingNoticeGroup } from '../rooms/loss-notices.js';
import {
  coalescingKeyOf,
  exceptUsersOf,
  membersExcept,
  type Receivers,
  receiversIn,
  type SentEntry,
} from '../rooms/receivers.js';
import type { Rooms } from '../rooms/rooms.js';
import type { Metrics } from '../telemetry/metrics.js';
import type { EventForms, FormedSend } from './event-forms.js';
import type { ResolvedView } from './resolved-view.js';
import { keyOf } from './view-groups.js';

/** Dependencies of {@link ViewSender}. */
export interface ViewSenderDependencies {
  readonly view: Pick<ResolvedView, 'groups' | 'notices'>;
  readonly forms: Pick<EventForms, 'has' | 'ofEvent' | 'ofCall'>;
  readonly hub: Pick<Hub<EventsClient>, 'clients' | 'groups' | 'connections'>;
  readonly rooms: Pick<Rooms, 'positions' | 'lossNotices' | 'revocations'>;
  /** The connections of this view that lag, by their keys. */
  readonly laggingConnections: LaggingConnections;
  readonly metrics: Pick<Metrics, 'dropped'>;
}

/** A message of an event and those who receive it. */
interface Queued {
  readonly send: FormedSend;
  readonly receivers: Receivers;
}

/** The entry of calls that are not events. */
export type RelayedAt = Omit<SentEntry, 'exceptUser'> & { readonly roomId: string };

const ownGroup = (key: string): string => key;

/** The messages of one view. */
export class ViewSender {
  readonly #dependencies: ViewSenderDependencies;
  /** `undefined` if the view has no message for positions, because nothing would then remove the noted rooms. */
  readonly #idleConnections: IdleConnections | undefined;
  #lastSentPosition = '';

  constructor(dependencies: ViewSenderDependencies) {
    this.#dependencies = dependencies;
    if (dependencies.view.notices.position !== undefined) this.#idleConnections = new IdleConnections();
  }

  /**
   * Queues the messages for an event, in their declared order. Makes them only if a connection of this gateway is in the room.
   *
   * @returns the number of connections and messages that were queued
   */
  send(received: ReceivedEvent, at: SentEntry): number {
    const { forms, rooms } = this.#dependencies;
    const { room_id: roomId, event_type: eventType } = received.event;
    if (!forms.has(eventType)) return 0;
    if (received.declaration.replay.mode === 'none') this.#countDroppedForLagging(roomId);
    const present = this.#countIn(roomId, ownGroup);
    const pending = rooms.lossNotices.isEmpty ? 0 : this.#countIn(roomId, pendingNoticeGroup);
    if (present + pending === 0) return 0;
    const queued: Queued[] = [];
    const exceptUsers = exceptUsersOf(rooms.revocations, roomId, at);
    const audience = { roomId, exceptUsers };
    if (present > 0) {
      const sends = forms.ofEvent(sourceOf(received, () => rooms.positions.ofRoom(roomId)));
      // Usually, an event has one message for one group. The group itself is then addressed.
      const isOnlyOne = sends.length === 1 && pending === 0 && sends[0]?.exceptConnection === undefined;
      for (const send of sends) queued.push({ send, receivers: this.#receivers(send, audience, isOnlyOne) });
    }
    if (pending > 0) {
      const position = (): string =>
        rooms.positions.ofRoomAt(roomId, (stream) => rooms.lossNotices.positionBefore(stream));
      for (const send of forms.ofEvent(sourceOf(received, position)))
        queued.push({ send, receivers: this.#members(send, audience, pendingNoticeGroup) });
    }
    return this.#queue(received, queued);
  }

  /** Queues the messages for calls that are not events, such as erasures, to the connections in a room. */
  relay({ roomId, ...at }: RelayedAt, calls: readonly PreparedCall[]): void {
    const { forms, rooms } = this.#dependencies;
    const sends = calls.flatMap((call) => forms.ofCall(call));
    if (sends.length === 0) return;
    const exceptUsers = exceptUsersOf(rooms.revocations, roomId, { ...at, exceptUser: undefined });
    const audience = { roomId, exceptUsers };
    const queued = sends.flatMap((send) =>
      [ownGroup, pendingNoticeGroup].map((nameOf) => ({
        send,
        receivers: this.#members(send, audience, nameOf),
      })),
    );
    for (const { send, receivers } of queued) receivers.relay(send.call);
  }

  /** Sends the present position to idle connections, if it has changed and the view has a message for it. */
  sendPositions(): void {
    const { hub, laggingConnections, rooms, view } = this.#dependencies;
    const { position: target } = view.notices;
    if (target === undefined || this.#idleConnections === undefined) return;
    const position = rooms.positions.ofEveryRoom();
    if (position === this.#lastSentPosition) return;
    this.#lastSentPosition = position;
    const upToDate = this.#idleConnections
      .takeIdle(hub.connections)
      .filter((id) => !laggingConnections.has(id) && !rooms.lossNotices.isPending(id));
    hub.clients.clients(upToDate).relay(new PreparedCall(target, JSON.stringify({ position })));
  }

  #countIn(roomId: string, nameOf: (key: string) => string): number {
    const { groups } = this.#dependencies.hub;
    return this.#dependencies.view.groups.reduce(
      (sum, group) => sum + groups.count(nameOf(keyOf(group, roomId))),
      0,
    );
  }

  #receivers(send: FormedSend, audience: Audience, isOnlyOne: boolean): Receivers {
    if (!isOnlyOne) return this.#members(send, audience, ownGroup);
    return receiversIn(
      this.#dependencies.hub,
      keyOf(send.group, audience.roomId),
      exceptedBy(send, audience),
    );
  }

  /**
   * Lists the receivers before the first message of the event is sent. A message may fill the queue of a client, which then leaves its
   * groups and continues after this event. It must be sent the other messages of the event, too.
   */
  #members(send: FormedSend, audience: Audience, nameOf: (key: string) => string): Receivers {
    const { clients, groups } = this.#dependencies.hub;
    const members = groups.members(nameOf(keyOf(send.group, audience.roomId)));
    const ids = membersExcept(members, exceptedBy(send, audience));
    return clients.clients(
      send.exceptConnection === undefined ? ids : ids.filter((id) => id !== send.exceptConnection),
    );
  }

  #queue(received: ReceivedEvent, queued: readonly Queued[]): number {
    if (queued.length === 0) return 0;
    const latest = coalescingKeyOf(received);
    let count = 0;
    for (const [index, { send, receivers }] of queued.entries()) {
      this.#idleConnections?.noteSend(keyOf(send.group, received.event.room_id));
      const all = latest === undefined ? receivers : receivers.latest(`${latest}\n${send.group}\n${index}`);
      count += all.relay(send.call);
    }
    return count;
  }

  #countDroppedForLagging(roomId: string): void {
    const { laggingConnections, metrics, view } = this.#dependencies;
    for (const group of view.groups) {
      const lagging = laggingConnections.countIn(keyOf(group, roomId));
      if (lagging > 0) metrics.dropped.inc({ reason: 'lagging_client' }, lagging);
    }
  }
}

/** The room of an event, and the users who do not receive it. */
interface Audience {
  readonly roomId: string;
  readonly exceptUsers: readonly string[];
}

function exceptedBy({ exceptUser }: FormedSend, { exceptUsers }: Audience): readonly string[] {
  return exceptUser === undefined ? exceptUsers : [...exceptUsers, exceptUser];
}

function sourceOf(received: ReceivedEvent, position: () => string) {
  return { received, position, eventText: () => prepareEvent(received, position()).text };
}
