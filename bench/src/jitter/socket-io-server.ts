// Socket.IO as its documentation sets it up for this: connection state recovery over the Redis Streams adapter.
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { createClient } from '@redis/client';
import { createAdapter } from '@socket.io/redis-streams-adapter';
import { Server } from 'socket.io';

const redis = createClient({ url: process.argv[2] ?? '' });
await redis.connect();
const http = createServer();
const io = new Server(http, {
  adapter: createAdapter(redis),
  transports: ['websocket'],
  connectionStateRecovery: { maxDisconnectionDuration: 120_000, skipMiddlewares: true },
});
io.on('connection', async (socket) => {
  const { room } = socket.handshake.auth as { readonly room: string };
  await socket.join(room);
  socket.emit('joined');
});
// The publisher is this process itself: nothing stands between it and the adapter.
process.on('message', ({ room, content }: { readonly room: string; readonly content: string }) => {
  io.to(room).emit('chat_message', content);
});
http.listen(0, '127.0.0.1', () => {
  process.send?.({ url: `http://127.0.0.1:${(http.address() as AddressInfo).port}` });
});
