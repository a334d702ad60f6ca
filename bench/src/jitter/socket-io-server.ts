// A Socket.IO server that publishes the messages of its parent process. Clients name their room when they connect. Argument: the
// URL of Redis.
import { startIoServer } from '../peers/socket-io/io-server.js';

const io = await startIoServer(process.argv[2] ?? '');
io.on('connection', async (socket) => {
  const { room } = socket.handshake.auth as { readonly room: string };
  await socket.join(room);
  socket.emit('joined');
});
// This process is also the publisher, so that no other process is between publisher and adapter.
process.on('message', ({ room, content }: { readonly room: string; readonly content: string }) => {
  io.to(room).emit('chat_message', content);
});
