// A Socket.IO server over its Redis Streams adapter, set up as their documentation does, with recovery of the connection's state.
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { createClient } from '@redis/client';
import { createAdapter } from '@socket.io/redis-streams-adapter';
import { Server } from 'socket.io';

/** Listens on a free port of this machine and sends its URL to the parent process. */
export async function startIoServer(redisUrl: string): Promise<Server> {
  const redis = createClient({ url: redisUrl });
  await redis.connect();
  const http = createServer();
  const io = new Server(http, {
    adapter: createAdapter(redis),
    transports: ['websocket'],
    connectionStateRecovery: { maxDisconnectionDuration: 120_000, skipMiddlewares: true },
  });
  http.listen(0, '127.0.0.1', () => {
    process.send?.({ url: `http://127.0.0.1:${(http.address() as AddressInfo).port}` });
  });
  return io;
}
