import { loadRooms } from './load.js';

const messages = new Map(); // room ID → the messages on the screen

const live = loadRooms({
  url: 'http://localhost:4400/hubs/events?resume=1',
  types: ['chat_message'],
  async load(room) {
    const response = await fetch(`http://localhost:8000/rooms/${room}/messages`);
    if (!response.ok) throw new Error(`status ${response.status}`);
    return response.json();
  },
  isIn: ({ upTo }, { payload }) => payload.sequence_number <= upTo.sequence,
  show(room, { state }, { isAway }) {
    messages.set(room, state);
    console.log(`${room}: ${state.length} messages${isAway ? ', polled' : ''}`);
  },
  apply(room, { payload }) {
    messages.get(room).push(payload);
    console.log(`${room}: ${payload.content}`);
  },
});
await live.join('ticket-42');
