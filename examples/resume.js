// A plain SignalR client that misses nothing: after every disconnect it joins its rooms again and resumes each of
// them. It handles each event once and in order, and reports when a room has to be loaded again.
import { HubConnectionBuilder } from '@microsoft/signalr';

const maxSeen = 2_000; // event IDs remembered per room; a replay has at most 1,000 events

export function resume({
  url,
  handlers,
  reload,
  refused = console.warn,
  http = {},
  retryMs = 1_000,
  ...more
}) {
  const { joined = () => {}, lost = () => {} } = more; // called after each join, and after each failed or lost connection
  const rooms = new Map(); // room ID → { position of the last event, seen event IDs, isJoined }
  const roomOf = (id) => rooms.get(nameOf(id, rooms));
  let connection; // the open connection
  let giveUp = () => {}; // ends the connection; run() opens the next one
  let isStopped = false;

  function onEvent(type, event, handle) {
    const room = roomOf(event.room_id);
    if (room === undefined) return; // the room has been left
    if (room.position !== null) room.position = event.position; // a new room gets its first position from JoinRoom
    if (type === 'event_erased') return handle(event); // it has the ID of the event that was erased
    if (room.seen.has(event.event_id)) return; // a repeat after a reconnect
    room.seen.add(event.event_id);
    if (room.seen.size > maxSeen) room.seen.delete(room.seen.values().next().value);
    handle(event);
  }

  async function joinRoom(id, room) {
    const current = connection;
    const isOver = () => connection !== current || rooms.get(id) !== room; // the next connection joins the room
    let answer;
    try {
      answer = await within(60_000, current.invoke('JoinRoom', id, room.position));
    } catch (error) {
      if (!isOver()) await onFailure(id, room, error);
      return;
    }
    if (isOver()) return;
    room.position = answer.position;
    room.isJoined = true;
    room.onJoined();
    if (!answer.recovered) reload(id); // also at the first join, because no event was seen before it
    joined(id);
  }

  async function onFailure(id, room, { message }) {
    const current = connection;
    if (!message.includes('HubException')) return giveUp(); // the request failed: reconnect
    if (message.includes('Try again')) {
      await pause(retryMs);
    } else if (message.includes('position') && room.position !== null) {
      room.position = null; // this gateway cannot read the position
    } else return refused(id, message); // only this room is refused; the next connection tries again
    if (connection === current && rooms.get(id) === room) await joinRoom(id, room);
  }

  async function connectOnce() {
    const next = new HubConnectionBuilder().withUrl(url, { timeout: 15_000, ...http }).build();
    const closed = new Promise((resolve) => {
      giveUp = resolve;
      next.onclose(resolve);
    });
    const on = (target, handle) => next.on(target, (message) => next === connection && handle(message));
    for (const [type, handle] of Object.entries(handlers)) on(type, (event) => onEvent(type, event, handle));
    on('resync', ({ room_id: id }) => roomOf(id) && reload(nameOf(id, rooms)));
    on('removed', ({ room_id: id, reason }) => {
      const room = roomOf(id);
      if (room === undefined) return;
      Object.assign(room, { position: null, isJoined: false }); // the next connection asks again
      refused(nameOf(id, rooms), reason);
    });
    on('position', ({ position }) => {
      // the server sends it from time to time; it is valid for all joined rooms
      for (const room of rooms.values()) if (room.isJoined) room.position = position;
    });
    try {
      await within(30_000, next.start());
      connection = next;
      for (const [id, room] of rooms) joinRoom(id, room);
      if (!isStopped) await closed;
      return true;
    } catch {
      return false; // no server, an overloaded server, or an expired token
    } finally {
      connection = undefined;
      for (const room of rooms.values()) room.isJoined = false;
      lost();
      next.stop().catch(() => {});
    }
  }

  async function run(failures) {
    if (isStopped) return;
    const next = (await connectOnce()) ? 0 : failures + 1;
    await pause(Math.min(30_000, retryMs * 2 ** next));
    setTimeout(run, 0, next);
  }
  run(0);

  return {
    join(id) {
      if (rooms.has(id)) return; // a new room gets a promise, which resolves at the first join
      return new Promise((onJoined) => {
        rooms.set(id, { position: null, seen: new Set(), isJoined: false, onJoined });
        if (connection) joinRoom(id, rooms.get(id));
      });
    },
    leave(id) {
      if (rooms.delete(id)) connection?.invoke('LeaveRoom', id).catch(() => {});
    },
    stop() {
      isStopped = true;
      giveUp();
    },
  };
}

// The ID that was given to join(): events for the user have the user's ID, and *:<tenant> is a part of the room *.
export function nameOf(id, rooms) {
  if (rooms.has(id)) return id;
  return id.startsWith('user:') ? 'user:me' : id.startsWith('*:') ? '*' : id;
}

const pause = (maxMs) => new Promise((resolve) => setTimeout(resolve, Math.random() * maxMs));

function within(ms, promise) {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => reject(new Error(`no answer within ${ms} ms`)), ms);
    promise.then(resolve, reject).finally(() => clearTimeout(timer));
  });
}
