// State that the hubs of the desk share on one gateway: its connections, their rooms, and the desktop sessions.

/** `sessions` is set before the gateway listens. `connections`: connection ID → its user and rooms. */
export const desk = { sessions: undefined, connections: new Map() };

/** The old service reads messages of up to 1 MB. */
export const maxReceiveBytes = 1_048_576;

/** The group that shows who uses a desktop session. It receives no messages. */
export const desktopGroup = 'desktop';

/** Notes a new connection, and the desktop session that its URL names. */
export async function connected(caller) {
  desk.connections.set(caller.connectionId, { userId: caller.user.userId, rooms: new Set() });
  const sessionId = sessionOf(caller);
  if (!/^[\w-]{1,64}$/.test(sessionId)) return;
  await caller.join(desktopGroup, roomOfDesktop(sessionId));
  // Nobody waits for Redis, so that clients can connect while it is unavailable.
  desk.sessions.opened(sessionId, caller.user.userId);
}

export function disconnected(caller) {
  desk.connections.delete(caller.connectionId);
  const sessionId = sessionOf(caller);
  if (caller.isIn(desktopGroup, roomOfDesktop(sessionId)))
    desk.sessions.closed(sessionId, caller.user.userId);
}

/** Returns the value of `?sessionId=`. The names of parameters are in lower case, because ASP.NET ignores their case. */
function sessionOf({ query }) {
  return query.get('sessionid') ?? '';
}

/** Returns the room whose members are the connections of a desktop session. */
export function roomOfDesktop(sessionId) {
  return `desktop:${sessionId}`;
}

/** Joins a group in a room and replies with the room. */
export async function enter(caller, group, room, reply) {
  await caller.join(group, room);
  desk.connections.get(caller.connectionId)?.rooms.add(room);
  caller.reply(reply, room);
}

/** Leaves a group in a room and replies with the room. */
export function exit(caller, group, room, reply) {
  caller.leave(group, room);
  desk.connections.get(caller.connectionId)?.rooms.delete(room);
  caller.reply(reply, room);
}
