// A Socket.IO server whose clients name their room as they connect, and that publishes what its parent says. Argument: Redis.
import { startIoServer } from '../peers/socket-io/io-server.js';

const io = await startIoServer(process.argv[2] ?? '');
io.on('connection', async (socket) => {
  const { room } = socket.handshake.auth as { readonly room: string };
  await socket.join(room);
  socket.emit('joined');
});
// The publisher is this process itself: nothing stands between it and the adapter.
process.on('message', ({ room, content }: { readonly room: string; readonly content: string }) => {
  io.to(room).emit('chat_message', content);
});
