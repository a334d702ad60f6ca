// A Socket.IO server whose clients join a room and are told so. Argument: Redis.
import { startIoServer } from './io-server.js';

const io = await startIoServer(process.argv[2] ?? '');
io.on('connection', (socket) => {
  socket.on('join', (room: string, answer: () => void) => {
    void socket.join(room);
    answer();
  });
});
