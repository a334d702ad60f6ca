// Leaving Millrace: the same hubs from the same streams without a gateway, in one process and without replay, as the old service did.
// JWT_SECRET_KEY=… REDIS_URL=… PORT=… node bridge.mjs
import { createServer } from 'node:http';
import { setTimeout } from 'node:timers/promises';
import { createSignalRServer } from '@millrace/signalr';
import { createClient } from '@redis/client';
import { jwtVerify } from 'jose';
import { callsOf, hubsOf } from './old-service.mjs';

const { JWT_SECRET_KEY, REDIS_URL: url, PORT: port = '5000', ALLOWED_ORIGINS = '' } = process.env;
const group = 'signalr-consumers';
const streams = ['events:chat', 'events:ticket', 'events:notification', 'events:remote'];

const secret = new TextEncoder().encode(JWT_SECRET_KEY);
async function authenticate({ token = '' }) {
  const verified = await jwtVerify(token, secret, { clockTolerance: 300 }).catch(() => undefined);
  return verified?.payload.sub && { userId: verified.payload.sub, user: undefined };
}
const allowedOrigins = ALLOWED_ORIGINS.split(',').filter(Boolean);
const options = { authenticate, allowedOrigins, limits: { maximumReceiveMessageBytes: 1_048_576 } };
const signalR = createSignalRServer();
const hubs = hubsOf((name, hub) => signalR.mapHub(`/hubs/${name}`, hub, options));
const http = createServer();
signalR.attach(http);
http.listen(Number(port), '127.0.0.1', () => console.log(`listening on ${http.address().port}`));

/** An existing group continues. A new one begins at the oldest entry that the gateways have not acknowledged. */
async function ensureGroup(stream) {
  const groups = (await redis.exists(stream)) ? await redis.xInfoGroups(stream) : [];
  if (groups.some(({ name }) => name === group)) return;
  const { pending = 0, 'last-delivered-id': last } = groups.find(({ name }) => name === 'millrace') ?? {};
  const oldest = pending > 0 ? `(${(await redis.xPending(stream, 'millrace')).firstId}` : undefined;
  const [before] = oldest ? await redis.xRevRange(stream, oldest, '-', { COUNT: 1 }) : [{ id: last }];
  await redis.xGroupCreate(stream, group, before?.id ?? '0', { MKSTREAM: true });
}

/** Calls the clients for each entry and acknowledges it. */
async function deliver(stream, entries) {
  for (const { id, message } of entries) {
    try {
      for (const [hub, room, method, argument] of callsOf(message))
        hubs[hub].clients.group(room).send(method, argument);
    } catch (error) {
      console.error(`${stream} ${id} is skipped: ${error.message}`);
    }
    await redis.xAck(stream, group, id);
  }
}

/** Delivers what was read and not acknowledged, except what was trimmed meanwhile, and then what is new. */
async function run() {
  for (const stream of streams) {
    await ensureGroup(stream);
    for (let from = '0-0', isLast = false; !isLast; isLast = from === '0-0') {
      const claimed = await redis.xAutoClaim(stream, group, 'bridge', 0, from, { COUNT: 100 });
      await deliver(stream, claimed.messages);
      from = claimed.nextId;
    }
  }
  const from = streams.map((key) => ({ key, id: '>' }));
  for (;;) {
    const replies = await redis.xReadGroup(group, 'bridge', from, { COUNT: 100, BLOCK: 5_000 });
    for (const { name, messages } of replies ?? []) await deliver(name, messages);
  }
}

const redis = createClient({ url });
redis.on('error', ({ message }) => console.error(`no connection to Redis: ${message}`));
await redis.connect();
for (;;) {
  await run().catch(({ message }) => console.error(`trying again in a second: ${message}`));
  await setTimeout(1_000);
}
