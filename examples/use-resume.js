import { resume } from './resume.js';

const live = resume({
  url: 'http://localhost:4400/hubs/events?resume=1',
  handlers: {
    chat_message: (event) => console.log(event.payload.content),
    notification: (event) => console.log(event.payload.title),
    event_erased: ({ event_id }) => console.log(`remove ${event_id}`),
  },
  reload: (room) => console.log(`load ${room} from your backend`),
  refused: (room, reason) => console.log(`not in ${room}: ${reason}`),
  http: { accessTokenFactory: () => process.env.TOKEN ?? '' }, // called for every connection
});
live.join('user:me'); // the events for this user
live.join('*'); // the events for everybody
await live.join('ticket-42');
