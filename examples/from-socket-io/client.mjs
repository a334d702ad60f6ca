// Shows the status of a ticket, in a browser or in Node.
import { createClient } from '@millrace/client';

const client = createClient({ url: 'http://localhost:4400' });
const room = client.join('ticket-42');
room.on('status', ({ payload }) => console.log(`status: ${payload.status}`));
await client.connect();
await room.joined;
console.log('joined');
