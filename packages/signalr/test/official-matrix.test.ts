/*
 * The official client over every transport and every protocol that can go over it.
 */
import { HttpTransportType, type HubConnection, HubConnectionBuilder, LogLevel } from '@microsoft/signalr';
import { MessagePackHubProtocol } from '@microsoft/signalr-protocol-msgpack';
import { describe, expect, test } from 'vitest';
import { defineHub } from '../src/index.js';
import { type Host, startHost } from './support/host.js';

const { WebSockets, ServerSentEvents, LongPolling } = HttpTransportType;

const hub = defineHub<{ note(value: unknown): void }>()({
  methods: {
    echo: (_context, value) => value,
    nothing() {},
    tell: (context, value) => context.clients.caller.send('note', value),
    leave: (context) => context.abort(),
  },
});

interface Cell {
  readonly transport: HttpTransportType;
  readonly protocol: 'json' | 'messagepack';
}

const cells: readonly (readonly [string, Cell])[] = [
  ['WebSockets with JSON', { transport: WebSockets, protocol: 'json' }],
  ['WebSockets with MessagePack', { transport: WebSockets, protocol: 'messagepack' }],
  ['server-sent events with JSON', { transport: ServerSentEvents, protocol: 'json' }],
  ['long polling with JSON', { transport: LongPolling, protocol: 'json' }],
  ['long polling with MessagePack', { transport: LongPolling, protocol: 'messagepack' }],
];

async function connect(host: Host, { transport, protocol }: Cell): Promise<HubConnection & AsyncDisposable> {
  const builder = new HubConnectionBuilder()
    .withUrl(`${host.url}/hub`, { transport })
    .configureLogging(LogLevel.None);
  if (protocol === 'messagepack') builder.withHubProtocol(new MessagePackHubProtocol());
  const connection = builder.build();
  await connection.start();
  return Object.assign(connection, { [Symbol.asyncDispose]: () => connection.stop() });
}

const startEcho = (): Promise<Host> => startHost((server) => server.mapHub('/hub', hub));

describe.each(cells)('%s', (_title, cell) => {
  test('invokes and is answered', async () => {
    await using host = await startEcho();
    await using connection = await connect(host, cell);
    const value = { text: 'ü\u001e\n', list: [1, -1.5, null, true], deep: { er: [] } };
    expect(await connection.invoke('echo', value)).toEqual(value);
    expect(await connection.invoke('NOTHING')).toBeNull();
    await expect(connection.invoke('nope')).rejects.toThrow('HubException: Method does not exist.');
  });

  test('is called, in order, also while it invokes', async () => {
    await using host = await startEcho();
    await using connection = await connect(host, cell);
    const notes: unknown[] = [];
    connection.on('note', (note) => notes.push(note));
    const count = 50;
    await Promise.all(Array.from({ length: count }, (_, index) => connection.invoke('tell', index)));
    expect(notes).toEqual(Array.from({ length: count }, (_, index) => index));
  });

  test('carries bytes and dates as .NET does', async () => {
    await using host = await startEcho();
    await using connection = await connect(host, cell);
    const received = new Promise((resolve) => {
      connection.on('note', resolve);
    });
    if (cell.protocol === 'messagepack') {
      const value = { bytes: new Uint8Array([1, 2, 255]), date: new Date('2026-01-16T10:20:30.123Z') };
      await connection.invoke('tell', value);
      const note = (await received) as { bytes: Uint8Array; date: Date };
      expect(new Uint8Array(note.bytes)).toEqual(value.bytes);
      expect(note.date).toEqual(value.date);
    } else {
      await connection.invoke('tell', 'AQL/');
      expect(await received).toBe('AQL/');
    }
  });

  test('carries a message as large as the limit allows', async () => {
    await using host = await startEcho();
    await using connection = await connect(host, cell);
    const text = 'y'.repeat(30_000);
    expect(await connection.invoke('echo', text)).toBe(text);
  });

  test('stops in an orderly way', async () => {
    await using host = await startEcho();
    const connection = await connect(host, cell);
    const closed = new Promise((resolve) => {
      connection.onclose(resolve);
    });
    await connection.stop();
    expect(await closed).toBeUndefined();
    expect(await host.event('connection_closed')).toMatchObject({
      reason: 'client_closed',
      error: undefined,
    });
  });

  test('is closed by the server without an error', async () => {
    await using host = await startEcho();
    const connection = await connect(host, cell);
    const closed = new Promise((resolve) => {
      connection.onclose(resolve);
    });
    await connection.send('leave');
    expect(await closed).toBeUndefined();
    expect(await host.event('connection_closed')).toMatchObject({ reason: 'aborted' });
  });
});

test('server-sent events refuse MessagePack, and the client says why', async () => {
  await using host = await startEcho();
  await expect(connect(host, { transport: ServerSentEvents, protocol: 'messagepack' })).rejects.toThrow(
    "'ServerSentEvents' does not support Binary",
  );
});
