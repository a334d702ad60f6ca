// A plain SignalR client that misses nothing: it joins its rooms again after every break, goes on where each
// of them was, handles each event once and in order, and says when a room has to be loaded anew.
import { HubConnectionBuilder } from '@microsoft/signalr';

const maxSeen = 2_000; // event IDs remembered per room; a replay has 1,000 at most

export function resume({ url, handlers, reload, refused = console.warn, http = {}, retryMs = 1_000 }) {
  const rooms = new Map(); // room ID → { position: how far it was seen, seen: event IDs, isJoined }
  const roomOf = (id) => rooms.get(id) ?? (id.startsWith('user:') ? rooms.get('user:me') : undefined);
  let connection; // the open one
  let giveUp = () => {}; // ends it, and the next one begins
  let isStopped = false;

  function onEvent(event, handle) {
    const room = roomOf(event.room_id);
    if (room === undefined) return; // left meanwhile
    if (room.position !== null) room.position = event.position; // a new room gets its first one from JoinRoom
    if (room.seen.has(event.event_id)) return; // sent again after a break
    room.seen.add(event.event_id);
    if (room.seen.size > maxSeen) room.seen.delete(room.seen.values().next().value);
    handle(event);
  }

  async function enter(id, room) {
    const current = connection;
    const isOver = () => connection !== current || rooms.get(id) !== room; // the next connection enters it
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
    room.entered();
    if (!answer.recovered) reload(id); // at the first join, too: nothing was seen before
  }

  async function onFailure(id, room, { message }) {
    const current = connection;
    if (!message.includes('HubException')) return giveUp(); // a request failed: begin anew
    if (message.includes('Try again')) {
      await pause(retryMs);
    } else if (message.includes('position') && room.position !== null) {
      room.position = null; // not one that this gateway can read
    } else return refused(id, message); // this room only; asked for again on the next connection
    if (connection === current && rooms.get(id) === room) await enter(id, room);
  }

  async function connectOnce() {
    const next = new HubConnectionBuilder().withUrl(url, { timeout: 15_000, ...http }).build();
    const over = new Promise((resolve) => {
      giveUp = resolve;
      next.onclose(resolve);
    });
    const on = (target, act) => next.on(target, (message) => next === connection && act(message));
    for (const [type, handle] of Object.entries(handlers)) on(type, (event) => onEvent(event, handle));
    on('resync', ({ room_id: id }) => roomOf(id) && reload(id));
    on('position', ({ position }) => {
      // now and then, good for all rooms
      for (const room of rooms.values()) if (room.isJoined) room.position = position;
    });
    try {
      await within(30_000, next.start());
      connection = next;
      for (const [id, room] of rooms) enter(id, room);
      if (!isStopped) await over;
      return true;
    } catch {
      return false; // nobody there, too busy, or a token that is not good any more
    } finally {
      connection = undefined;
      for (const room of rooms.values()) room.isJoined = false;
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
      if (rooms.has(id)) return; // else a promise: it resolves when the room is entered for the first time
      return new Promise((entered) => {
        rooms.set(id, { position: null, seen: new Set(), isJoined: false, entered });
        if (connection) enter(id, rooms.get(id));
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

const pause = (maxMs) => new Promise((resolve) => setTimeout(resolve, Math.random() * maxMs));

function within(ms, promise) {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => reject(new Error(`no answer within ${ms} ms`)), ms);
    promise.then(resolve, reject).finally(() => clearTimeout(timer));
  });
}
