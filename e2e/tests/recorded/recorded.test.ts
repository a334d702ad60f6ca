// This build reads what every earlier version wrote and sent (`compat/<version>/`), and serves the clients of those versions.
// `npm run compat:record` records the vectors of this build.
import { once } from 'node:events';
import { HttpTransportType } from '@microsoft/signalr';
import { createRedisBroker, parsePosition } from '@millrace/broker';
import { createClient } from '@millrace/client';
import { eventCatalog, readControlEntry } from '@millrace/contract';
import { describe, expect, test } from 'vitest';
import { WebSocketServer } from 'ws';
import { EventLog } from '../../fixtures/clients/event-log.js';
import { callsIn, isCompletionOf, messagesOf, RawClient } from '../../fixtures/recorded/raw-session.js';
import { eventsIn, recordVectors, request } from '../../fixtures/recorded/record.js';
import { runCommands } from '../../fixtures/recorded/redis-commands.js';
import { missingIn, readVectors, recordedVersions } from '../../fixtures/recorded/vectors.js';
import { startOnRedis } from '../../fixtures/systems/redis-system.js';
import { sharedSystem } from '../../fixtures/systems/shared-system.js';

const recording = process.env['RECORD_COMPAT'];
if (recording !== undefined) await recordVectors(recording);

const versions = await recordedVersions();

test('the first version has recorded vectors', () => {
  expect(versions).toContain('0.1.0');
});

describe.for(versions)('version %s', async (version) => {
  const vectors = await readVectors(version);
  const system = sharedSystem(() =>
    startOnRedis({ prepare: (redis) => runCommands(redis, vectors.redis.commands) }),
  );

  test('recorded entries are read as the same events and control entries', () => {
    for (const { fields, event, control } of vectors.entries) {
      if (control !== undefined) expect(readControlEntry(fields)).toMatchObject({ ...control });
      else expect(eventCatalog.parseEntry(fields)).toMatchObject({ ok: true, value: { event } });
    }
  });

  test('recorded positions are read with the same streams and cursors', () => {
    for (const { text, position } of vectors.positions) expect(parsePosition(text)).toEqual(position);
  });

  test('a gateway on a recorded Redis sends a client what it missed since its recorded position', async () => {
    const { room, position, missed } = vectors.redis;
    await using client = await EventLog.connect(system().url, { query: '?resume=1' });
    expect(await client.join(room, position)).toMatchObject({ recovered: true, replayed: missed.length });
    // The order of events in different streams is not part of any promise.
    const ids = (await client.received(missed.length)).map(({ event_id }) => event_id);
    expect(ids.toSorted()).toEqual(missed.toSorted());
  });

  test('a recorded dead letter is found', async () => {
    const streams = eventCatalog.streams;
    const broker = createRedisBroker({ url: system().redis.url, streams });
    await broker.open();
    const deadLetters = await broker.listDeadLetters('events:chat', { count: 10 });
    await broker.close();
    expect(deadLetters.map(({ originId }) => originId)).toContain(vectors.redis.deadLetter);
  });

  test.for(['json', 'messagepack'] as const)(
    'the recorded calls of a client over %s get answers with every recorded field',
    async (protocol) => {
      const { sent, received } = vectors.hub[protocol];
      await using client = await RawClient.connect(system().url, protocol);
      for (const frame of sent) {
        client.send(frame);
        for (const { id, target } of callsIn(protocol, [frame])) {
          const answer = await client.arrived(isCompletionOf(id), `the answer of ${target}`);
          const recorded = messagesOf(protocol, received).find(isCompletionOf(id));
          expect(missingIn(recorded, answer), target).toEqual([]);
        }
      }
    },
  );

  test('the client delivers the recorded frames of a gateway', async () => {
    const { sent, received } = vectors.hub.json;
    await using gateway = await gatewayOf(sent, received);
    const client = createClient({
      url: gateway.url,
      signalr: { http: { skipNegotiation: true, transport: HttpTransportType.WebSockets } },
    });
    const ids: string[] = [];
    client.onAny((event) => ids.push(event.event_id));
    client.join(vectors.redis.room);
    await client.connect();
    const expected = eventsIn(vectors.hub.json).map(({ event_id }) => event_id);
    await expect.poll(() => ids.toSorted()).toEqual(expected.toSorted());
    await client.close();
  });

  test('the recorded requests get answers with the same status and every recorded field', async () => {
    for (const recorded of vectors.http) {
      const present = await request(system().url, recorded);
      expect(present.status, recorded.path).toBe(recorded.status);
      expect(missingIn(recorded.answer, present.answer), recorded.path).toEqual([]);
    }
  });
});

/** A gateway that answers each call as it was recorded, and then sends the recorded events. */
async function gatewayOf(
  sent: readonly string[],
  received: readonly string[],
): Promise<AsyncDisposable & { readonly url: string }> {
  const frames = received.filter((frame) => !frame.startsWith('{"type":3'));
  const server = new WebSocketServer({ host: '127.0.0.1', port: 0 });
  server.on('connection', (socket) => {
    // The client joins the room of everybody, its own room, and the recorded room.
    let joinsLeft = 3;
    socket.on('message', (data: Buffer) => {
      if (data.toString().startsWith('{"protocol"')) return socket.send('{}\u001e');
      for (const { id, target, args } of callsIn('json', [data.toString()])) {
        const like = callsIn('json', sent).find((call) => call.target === target && call.args[0] === args[0]);
        const answer = messagesOf('json', received).find(isCompletionOf(like?.id ?? ''));
        if (id !== '') socket.send(`${JSON.stringify({ ...answer, invocationId: id })}\u001e`);
        if (target === 'JoinRoom') joinsLeft -= 1;
        if (joinsLeft === 0) for (const frame of frames) socket.send(frame);
      }
    });
  });
  await once(server, 'listening');
  const address = server.address();
  if (typeof address !== 'object' || address === null) throw new Error('the server has no port');
  return {
    url: `http://127.0.0.1:${address.port}`,
    async [Symbol.asyncDispose]() {
      for (const socket of server.clients) socket.terminate();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}
