/*
 * The backplane together with stateful reconnect, and together with the connection directory. For the directory, the
 * instances are behind a proxy that forwards each request to the next instance in turn.
 */
import type { Socket } from 'node:net';
import { HttpTransportType, type HubConnection } from '@microsoft/signalr';
import { describe, expect, test } from 'vitest';
import { createMemoryBackplane } from '../../src/backplane.js';
import {
  createMemoryDirectory,
  defineHub,
  type Hub,
  isString,
  method,
  parseArguments,
} from '../../src/index.js';
import { BACKPLANES, ROW_OPTIONS, type RowServer, startRow } from '../support/backplane-row.js';
import { startInstances } from '../support/instances.js';
import { connectOfficial } from '../support/official-client.js';

const { WebSockets, ServerSentEvents, LongPolling } = HttpTransportType;

/** Returns a function that breaks every network connection to a server. */
function cutterOf({ host }: RowServer): () => void {
  const sockets = new Set<Socket>();
  host.http.on('connection', (socket: Socket) => {
    sockets.add(socket);
    socket.on('close', () => sockets.delete(socket));
  });
  return () => {
    for (const socket of sockets) socket.resetAndDestroy();
  };
}

describe.each(BACKPLANES)('with a backplane %s', (_name, source) => {
  test.each(['json', 'messagepack'] as const)(
    'a client whose socket breaks repeatedly receives each message of other instances exactly once (%s)',
    async (protocol) => {
      await using row = await startRow(source, {}, { allowStatefulReconnects: true });
      const [first, second] = row.servers;
      const cut = cutterOf(second);
      await using connection = await connectOfficial(second.host.url, {
        transport: WebSockets,
        protocol,
        token: 'ann',
      });
      const notes: unknown[] = [];
      connection.on('note', (value: unknown) => notes.push(value));
      await connection.invoke('join', 'g');
      for (let round = 0; round < 5; round += 1) {
        for (let n = 0; n < 20; n += 1) first.hub.clients.group('g').send('note', round * 40 + n);
        cut();
        for (let n = 20; n < 40; n += 1) first.hub.clients.group('g').send('note', round * 40 + n);
        // A client that receives an answer is connected again.
        await connection.invoke('id');
      }
      await expect.poll(() => notes.length).toBeGreaterThanOrEqual(200);
      expect(notes).toEqual(Array.from({ length: 200 }, (_, index) => index));
      expect(second.host.events.filter(({ type }) => type === 'connection_opened')).toHaveLength(1);
      expect(
        second.host.events.filter(({ type }) => type === 'connection_resumed').length,
      ).toBeGreaterThanOrEqual(5);
    },
  );

  test('clients on different instances and transports receive every send to their common group, and answer calls from each other', async () => {
    interface Client {
      note(text: string): void;
      ask(question: string): string;
    }
    const definition = defineHub<Client>()({
      methods: {
        join: ({ groups }) => groups.add('g'),
        tell: method(parseArguments(isString), (context, text) => {
          context.clients.group('g').send('note', text);
        }),
        ask: method(parseArguments(isString), (context, id) =>
          context.clients.client(id).invoke('ask', 'who are you?'),
        ),
      },
    });
    await using backplanes = await source();
    const created = await Promise.all([1, 2, 3].map(() => backplanes.create()));
    const directory = createMemoryDirectory();
    const hubs: Hub<Client>[] = [];
    await using row = await startInstances(
      3,
      (server) => hubs.push(server.mapHub('/hub', definition)),
      (url, index) => ({
        ...ROW_OPTIONS,
        backplane: created[index] ?? createMemoryBackplane(),
        instances: { url, signingKeys: ['a key that all instances know, 32 bytes'], directory },
      }),
    );
    await expect.poll(() => hubs.map(({ backplaneState }) => backplaneState)).toEqual(['up', 'up', 'up']);
    const connections: HubConnection[] = [];
    const notes: string[][] = [];
    for (const [transport, protocol] of [
      [WebSockets, 'json'],
      [ServerSentEvents, 'json'],
      [LongPolling, 'messagepack'],
      [WebSockets, 'messagepack'],
      [LongPolling, 'json'],
      [ServerSentEvents, 'json'],
    ] as const) {
      const connection = await connectOfficial(row.url, { transport, protocol });
      const received: string[] = [];
      connection.on('note', (text: string) => received.push(text));
      connection.on('ask', () => connection.connectionId);
      await connection.invoke('join');
      connections.push(connection);
      notes.push(received);
    }
    expect(hubs.filter(({ connections: { count } }) => count > 0).length).toBeGreaterThan(1);
    for (const [index, connection] of connections.entries()) await connection.invoke('tell', `from ${index}`);
    const all = connections.map((_, index) => `from ${index}`);
    // The clients are connected to different instances, so the order of their messages is not defined.
    for (const received of notes) await expect.poll(() => received.toSorted()).toEqual(all);
    for (const [index, connection] of connections.entries()) {
      const { connectionId } = connections[(index + 1) % connections.length] ?? connection;
      expect(await connection.invoke('ask', connectionId)).toBe(connectionId);
    }
    await Promise.all(connections.map((connection) => connection.stop()));
  });
});
