import { createServer } from 'node:http';
import { createSignalRServer, defineHub, isString, method, parseArguments } from '@millrace/signalr';

const chat = defineHub<{ message(from: string, text: string): void }>()({
  methods: {
    send: method(parseArguments(isString), (context, text) => {
      context.clients.all.send('message', context.connectionId, text);
    }),
  },
});
const signalr = createSignalRServer();
signalr.mapHub('/hubs/chat', chat);
const http = createServer((_request, response) => response.end('Hello'));
signalr.attach(http);
http.listen(Number(process.env['PORT'] ?? 4400), '127.0.0.1');
