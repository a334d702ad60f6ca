// The state of rooms without a race, over resume.js: events that arrive while the backend loads are held, and handed over after
// the state. A room is loaded again after a loss, and polled while the gateway is unavailable. There is one load at a time for each room.
import { nameOf, resume } from './resume.js';

const maxHeld = 1_000; // events that wait for one load

export function loadRooms({ types, load, show, apply, isIn = () => false, ...options }) {
  const { awayMs = 10_000, pollMs = 15_000, jitterMs = 2_000 } = options; // time without the gateway before polling, waits before loads
  const rooms = new Map(); // room ID → { state, isStale: it lacks events, held: events after it, isLoading, isAway, wake }
  let away; // the timer that ends when the gateway has been away for too long

  function onEvent(event) {
    const id = nameOf(event.room_id, rooms);
    const room = rooms.get(id);
    if (room.isStale) return; // the next load has it
    if (room.held === null) return handOver(id, room, event);
    room.held.push(event);
    if (room.held.length > maxHeld) room.isStale = true;
  }

  async function keepLoaded(id, room) {
    for (let failures = 0; rooms.get(id) === room && room.isStale; ) {
      room.isStale = room.isAway; // a loss during the load makes it stale again
      room.held = [];
      try {
        const state = await load(id);
        if (rooms.get(id) === room) update(id, room, state);
        failures = 0;
      } catch (error) {
        console.warn(`${id} was not loaded:`, error);
        room.isStale = true;
        failures += 1;
      }
      const waitMs = (room.isAway ? pollMs : jitterMs) * 2 ** Math.min(failures, 4);
      if (room.isStale)
        await new Promise((resolve) => {
          room.wake = resolve;
          setTimeout(resolve, waitMs * (0.5 + Math.random()));
        });
    }
    room.isLoading = false;
  }

  function update(id, room, state) {
    const { held, isStale, isAway } = room;
    room.state = state;
    if (!isStale) room.held = null;
    show(id, state, { isLive: !isStale, isAway });
    if (!isStale) for (const event of held) handOver(id, room, event);
  }

  function handOver(id, room, event) {
    if (!isIn(room.state, event)) apply(id, event); // the state may be ahead of the gateway
  }

  function reload(id) {
    const room = rooms.get(id);
    const isFirst = room.held === undefined;
    room.isStale = true;
    if (!room.isLoading) setTimeout(keepLoaded, isFirst ? 0 : Math.random() * jitterMs, id, room);
    room.isLoading = true;
  }

  const connection = resume({
    ...options,
    handlers: {
      event_erased: (event) => reload(nameOf(event.room_id, rooms)), // the state and the held events may have it
      ...options.handlers,
      ...Object.fromEntries(types.map((type) => [type, onEvent])),
    },
    reload,
    joined(id) {
      clearTimeout(away);
      away = undefined;
      const room = rooms.get(id);
      if (!room.isAway) return;
      room.isAway = false; // its state lacks the events since the last poll
      room.wake?.();
    },
    lost() {
      if (rooms.size === 0) return;
      away ??= setTimeout(() => {
        away = undefined; // a room that is joined later has a time of its own
        for (const [id, room] of rooms) {
          if (room.isAway) continue;
          room.isAway = true;
          reload(id);
        }
      }, awayMs);
    },
  });
  return {
    join(id) {
      if (!rooms.has(id)) rooms.set(id, { isStale: true, isLoading: false, isAway: false });
      return connection.join(id);
    },
    leave(id) {
      rooms.delete(id);
      connection.leave(id);
    },
    stop() {
      rooms.clear();
      clearTimeout(away);
      connection.stop();
    },
  };
}
