// The server holds no sockets any more: it publishes. Run it with
// node server.mjs
import { connectPublisher } from '@millrace/publisher';
import express from 'express';
import { catalog } from './catalog.mjs';

const publisher = await connectPublisher({ redisUrl: 'redis://localhost:6379', catalog });
const app = express();

app.post('/tickets/:id/solve', async (request, response) => {
  await publisher.publish('status', `ticket-${request.params.id}`, { status: 'solved' });
  response.sendStatus(204);
});
const server = app.listen(Number(process.env.PORT ?? 3000), () =>
  console.log(`ready at ${server.address().port}`),
);
