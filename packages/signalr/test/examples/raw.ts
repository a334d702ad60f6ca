import { createServer } from 'node:http';
import { createSignalRServer } from '@millrace/signalr';

const signalr = createSignalRServer();
signalr.mapConnection('/echo', async (connection) => {
  for await (const message of connection) await connection.send(message); // text is a string, binary a Uint8Array
});
const http = createServer();
signalr.attach(http);
http.listen(Number(process.env['PORT'] ?? 4400), '127.0.0.1');
