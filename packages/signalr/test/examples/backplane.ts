import { createServer } from 'node:http';
import { createSignalRServer, defineHub, isString, method, parseArguments } from '@millrace/signalr';
import { createRedisBackplane } from '@millrace/signalr/redis';
import { createClient } from '@redis/client';

const url = process.env['REDIS_URL'] ?? 'redis://127.0.0.1:6379';
const socket = { socketTimeout: 15_000 }; // together with the pings it detects a dead connection
const redis = { url, disableOfflineQueue: true, pingInterval: 5_000, socket };
const client = await createClient(redis).on('error', console.error).connect();
const subscriber = await createClient(redis).on('error', console.error).connect();

const chat = defineHub<{ message(from: string, text: string): void }>()({
  methods: {
    send: method(parseArguments(isString), (context, text) => {
      context.clients.all.send('message', context.connectionId, text); // on every instance
    }),
  },
});
const signalr = createSignalRServer({ backplane: createRedisBackplane({ client, subscriber }) });
const hub = signalr.mapHub('/hubs/chat', chat);
const http = createServer((_request, response) => response.end(hub.backplaneState));
signalr.attach(http);
http.listen(Number(process.env['PORT'] ?? 4400), '127.0.0.1');
const stop = async (): Promise<void> => {
  await signalr.close(); // closes connections and leaves the other instances, for which it needs Redis
  http.close();
  for (const connection of [client, subscriber]) connection.destroy();
};
process.once('SIGTERM', () => void stop());
