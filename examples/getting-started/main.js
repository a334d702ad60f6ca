import { createClient } from '@millrace/client';

const client = createClient({ url: 'http://localhost:4400' });
const room = client.join('ticket-42');

room.on('notification', ({ payload }) => show(payload.title));
room.onResync(() => show('Some events are missing: load the room from your backend.'));
client.onStateChange(({ state }) => {
  document.querySelector('#state').textContent = state;
});
await client.connect();

function show(text) {
  const line = document.createElement('li');
  line.textContent = text;
  document.querySelector('#events').append(line);
}
