// An Express backend of a support desk. It signs the tokens of its users, and publishes what they write. Run it with
// REDIS_URL=redis://localhost:6379 MILLRACE_JWT_SECRET=… node app.mjs
import { connectPublisher, PublisherError } from '@millrace/publisher';
import express from 'express';
import { SignJWT } from 'jose';

const { REDIS_URL, MILLRACE_JWT_SECRET, PORT = '3000' } = process.env;
const publisher = await connectPublisher({ redisUrl: REDIS_URL });
const secret = new TextEncoder().encode(MILLRACE_JWT_SECRET);
const messages = []; // your database

const app = express();
app.use(express.json());

/** The user of a request. Replace it by your sessions. */
const userOf = (request) => ({ id: request.get('x-user'), name: request.get('x-user-name') });

app.get('/token', async (request, response) => {
  const user = userOf(request);
  const token = await new SignJWT({ sub: user.id, name: user.name, rooms: ['ticket-*'] })
    .setProtectedHeader({ alg: 'HS256' })
    .setIssuedAt()
    .setExpirationTime('1h')
    .sign(secret);
  response.type('text/plain').send(token);
});

app.post('/tickets/:id/messages', async (request, response) => {
  const user = userOf(request);
  const message = {
    id: crypto.randomUUID(),
    request_id: request.params.id,
    sender: { id: user.id, username: user.name },
    sender_id: user.id,
    content: request.body.content,
    sequence_number: messages.length + 1,
    is_screenshot: false,
    created_at: new Date().toISOString(),
  };
  messages.push(message); // commit first, then publish
  await publisher.publish('chat_message', `ticket-${message.request_id}`, message, { eventId: message.id });
  response.status(201).json(message);
});

/** An event that Redis does not take now may be sent again with the same ID: the answer says when. */
app.use((error, _request, response, next) => {
  if (!(error instanceof PublisherError)) return next(error);
  response.set('Retry-After', '1').status(503).json({ code: error.code });
});

const server = app.listen(Number(PORT), '127.0.0.1', () => console.log(`ready at ${server.address().port}`));
process.once('SIGTERM', async () => {
  server.close();
  await publisher.close(); // stores what waits
});
