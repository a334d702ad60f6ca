// Adapts the rooms of connections to one view. The rooms of a view's connection are named by keys (group and room), and missed events
// are sent as the messages of the view.
import { userKey } from '@millrace/internal';
import { PreparedCall, SharedCall } from '@millrace/signalr';
import type { MemberConnection } from '../membership/member-connections.js';
import type { LaggingConnections } from '../rooms/lagging-connections.js';
import type { LossListener } from '../rooms/loss-notices.js';
import type {
  ConnectionNotices,
  ConnectionRoomsDependencies,
  ConnectionTarget,
  LaggingTarget,
  RoomConnection,
} from '../rooms/room-connection.js';
import type { StandingRoomsOfHub } from '../rooms/standing-rooms.js';
import type { EventForms, FormedSend } from './event-forms.js';
import type { ResolvedView } from './resolved-view.js';
import { groupOf, keyOf, roomOf } from './view-groups.js';

/** The parts of a view that its connections use. */
export interface ViewRoomsContext {
  readonly view: Pick<ResolvedView, 'groups' | 'standing' | 'notices'>;
  readonly forms: Pick<EventForms, 'ofCall' | 'ofEvent'>;
  readonly laggingConnections: LaggingConnections;
}

/** Returns the dependencies of the `ConnectionRooms` of a view's connections, made from those of the hub `/hubs/events`. */
export function viewRoomsDependencies(
  base: ConnectionRoomsDependencies,
  context: ViewRoomsContext,
): ConnectionRoomsDependencies {
  const { revocations, indicators, lossNotices, tenantConnections } = base;
  return {
    ...base,
    laggingConnections: context.laggingConnections,
    notices: noticesOf(context),
    standing: standingByKey(base, context),
    currentPosition: (key) => base.currentPosition(roomOf(key)),
    deliveryPoint: (key) => base.deliveryPoint(roomOf(key)),
    catchUp: async (target, after) => {
      const { counted, count } = inView(target, context);
      const outcome = await base.catchUp(counted, after);
      return outcome === 'unknown' ? outcome : { ...outcome, replayed: count() };
    },
    catchUpFromMemory: (lagging, connection) =>
      base.catchUpFromMemory(() => lagging().map((room) => laggingInView(room, context)), connection),
    indicators: {
      in: (key, timeMs) => indicators.in(roomOf(key), timeMs),
      find: (name) => indicators.find(name),
    },
    revocations: {
      statusOf: (key, userId) => revocations.statusOf(roomOf(key), userId),
      accessOf: (key, userId) => revocations.accessOf(roomOf(key), userId),
      isSignedOut: (userId, issuedAtMs) => revocations.isSignedOut(userId, issuedAtMs),
    },
    lossNotices: {
      add: (connectionId, listener) => lossNotices.add(connectionId, byRoom(listener)),
      remove: (connectionId) => lossNotices.remove(connectionId),
      notifyNow: (connectionId) => lossNotices.notifyNow(connectionId),
    },
    memberConnections: membersByRoom(base, context),
    presence: presenceByRoom(base),
    tenantConnections: tenantConnections && {
      tryAdd: (connectionId, key) => tenantConnections.tryAdd(connectionId, roomOf(key)),
      remove: (connectionId, key) => tenantConnections.remove(connectionId, roomOf(key)),
      removeAll: (connectionId) => tenantConnections.removeAll(connectionId),
    },
  };
}

type Target = Pick<ConnectionTarget, 'roomId' | 'parts' | 'connectionId' | 'userId' | 'send'>;

/** Returns the target for the room of a key. It is sent the messages of the view for the key's group. `count` counts the events. */
function inView<Given extends Target>(target: Given, { forms }: ViewRoomsContext) {
  const group = groupOf(target.roomId);
  let events = 0;
  const counted: Given = {
    ...target,
    roomId: roomOf(target.roomId),
    parts: target.parts?.map(roomOf),
    send(event: PreparedCall) {
      const sends = forms.ofCall(event).filter(isFor(group, target));
      if (sends.length === 0) return;
      events += 1;
      for (const { call } of sends) target.send(call);
    },
  };
  return { counted, count: () => events };
}

/** As {@link inView}, for a lagging connection. Reads and sets `since` of the given target, because catching up moves it on. */
function laggingInView(target: LaggingTarget, context: ViewRoomsContext): LaggingTarget {
  return {
    ...inView(target, context).counted,
    get since() {
      return target.since;
    },
    set since(since) {
      target.since = since;
    },
  };
}

/** Returns a function that is true for the messages that a connection receives in the group. */
function isFor(
  group: string,
  { connectionId, userId }: Pick<ConnectionTarget, 'connectionId' | 'userId'>,
): (send: FormedSend) => boolean {
  return ({ group: to, exceptConnection, exceptUser }) =>
    to === group &&
    exceptConnection !== connectionId &&
    (exceptUser === undefined || userKey(exceptUser) !== userKey(userId));
}

/** A standing room is standing in every group. So a connection that joins another group there does not count towards a limit, either. */
function standingByKey(
  { standing }: Pick<ConnectionRoomsDependencies, 'standing'>,
  { view }: ViewRoomsContext,
): StandingRoomsOfHub {
  return {
    of: (userId) =>
      standing.of(userId).flatMap((roomId) => view.standing.map((group) => keyOf(group, roomId))),
    has: (userId, key) => standing.has(userId, roomOf(key)),
    partsOf: (userId, key) =>
      standing.partsOf(userId, roomOf(key)).map((roomId) => keyOf(groupOf(key), roomId)),
    wholeOf: (userId, key) => keyOf(groupOf(key), standing.wholeOf(userId, roomOf(key))),
  };
}

function byRoom(listener: LossListener): LossListener {
  return {
    noteLoss: (affects, reason) => listener.noteLoss((key) => affects(roomOf(key)), reason),
    notify: () => listener.notify(),
    tellPosition: (position) => listener.tellPosition(position),
  };
}

/** A removal from a room concerns all groups in this room. */
function membersByRoom(
  { memberConnections }: Pick<ConnectionRoomsDependencies, 'memberConnections'>,
  { view }: ViewRoomsContext,
): ConnectionRoomsDependencies['memberConnections'] {
  const adapted = new WeakMap<MemberConnection, MemberConnection>();
  return {
    add(connection) {
      const byKey: MemberConnection = {
        get userId() {
          return connection.userId;
        },
        expel: (roomId) => {
          for (const group of view.groups) connection.expel(keyOf(group, roomId));
        },
        refuse: (roomId, isConcerned) => {
          for (const group of view.groups) connection.refuse(keyOf(group, roomId), isConcerned);
        },
        endIfSignedOut: () => connection.endIfSignedOut(),
      };
      adapted.set(connection, byKey);
      memberConnections.add(byKey);
    },
    remove(connection) {
      const byKey = adapted.get(connection);
      if (byKey !== undefined) memberConnections.remove(byKey);
    },
  };
}

/** A connection is in a room as long as it is in one of the view's groups there. */
function presenceByRoom({
  presence,
}: Pick<ConnectionRoomsDependencies, 'presence'>): ConnectionRoomsDependencies['presence'] {
  /** Connection ID → keys that it has entered. Bounded by the rooms that the connections have joined. */
  const entered = new Map<string, Set<string>>();
  return {
    opened: (connection) => presence.opened(connection),
    entered(connection, key) {
      const keys = entered.get(connection.connectionId) ?? new Set<string>();
      entered.set(connection.connectionId, keys.add(key));
      presence.entered(connection, roomOf(key));
    },
    left(connection, key) {
      const keys = entered.get(connection.connectionId);
      if (keys?.delete(key) !== true) return;
      const roomId = roomOf(key);
      if ([...keys].every((other) => roomOf(other) !== roomId)) presence.left(connection, roomId);
    },
    ended(connection) {
      entered.delete(connection.connectionId);
      presence.ended(connection);
    },
  };
}

function noticesOf({ view, forms }: ViewRoomsContext): ConnectionNotices {
  const notify = ({ clients }: RoomConnection, target: string | undefined, argument: object): void => {
    if (target !== undefined) clients.caller.relay(new SharedCall(target, [argument]));
  };
  const { notices } = view;
  return {
    resync(connection, reasons) {
      // A client gets one notice per room, even if it is in several groups there.
      const rooms = new Map([...reasons].map(([key, reason]) => [roomOf(key), reason]));
      for (const [room, reason] of rooms) notify(connection, notices.resync, { room, reason });
    },
    removed: (connection, key, reason) => notify(connection, notices.removed, { room: roomOf(key), reason }),
    position: (connection, position) => notify(connection, notices.position, { position }),
    event(connection, key, event) {
      const text = JSON.stringify({ ...event, room_id: roomOf(key) });
      const sends = forms.ofCall(new PreparedCall(event.event_type, text));
      const { connectionId, user } = connection;
      for (const send of sends.filter(isFor(groupOf(key), { connectionId, userId: user.userId })))
        connection.clients.caller.relay(send.call);
    },
  };
}
