// The hub of the gateway over every transport and protocol, with the same events and the same promises.
import { randomUUID } from 'node:crypto';
import { HttpTransportType } from '@microsoft/signalr';
import { describe, expect, test } from 'vitest';
import { EventLog, type EventLogOptions } from '../../fixtures/clients/event-log.js';
import { notification } from '../../fixtures/events/sample-events.js';
import { postEvents } from '../../fixtures/http/ingest.js';
import { apiKey, normalMode, signToken } from '../../fixtures/http/tokens.js';
import { GatewayProcess } from '../../fixtures/processes/gateway-process.js';
import { sharedSystem } from '../../fixtures/systems/shared-system.js';

const { WebSockets, ServerSentEvents, LongPolling } = HttpTransportType;

const ways: readonly (readonly [string, EventLogOptions])[] = [
  ['WebSockets with MessagePack', { transport: WebSockets, isBinary: true }],
  ['server-sent events', { transport: ServerSentEvents }],
  ['long polling', { transport: LongPolling }],
  ['long polling with MessagePack', { transport: LongPolling, isBinary: true }],
];

describe('with tokens', () => {
  const gateway = sharedSystem(() => GatewayProcess.start(normalMode));

  async function publish(roomId: string, title: string): Promise<string> {
    const event = notification(roomId, title);
    expect(await postEvents(gateway().url, event, { key: apiKey })).toMatchObject({ status: 201 });
    return event.event_id;
  }

  test.each(ways)(
    'events arrive in order over %s, and a client that reconnects gets the events that it missed',
    async (_title, way) => {
      const roomId = `way-${randomUUID()}`;
      const token = await signToken({ sub: randomUUID(), name: 'Ana', rooms: [roomId] });
      const client = await EventLog.connect(gateway().url, { token, ...way });
      await client.join(roomId);
      const seen = [await publish(roomId, 'a'), await publish(roomId, 'b')];
      const events = await client.received(2);
      expect(events.map(({ event_id }) => event_id)).toEqual(seen);
      expect(events[1]?.payload['title']).toBe('b');
      await client[Symbol.asyncDispose]();
      const missed = await publish(roomId, 'c');
      await using again = await EventLog.connect(gateway().url, { token, ...way });
      expect(await again.join(roomId, events[1]?.position)).toMatchObject({ recovered: true, replayed: 1 });
      expect((await again.received(1))[0]?.event_id).toBe(missed);
    },
  );

  test.each(ways)('a bad token is refused over %s', async (_title, way) => {
    await expect(EventLog.connect(gateway().url, { token: 'bad', ...way })).rejects.toThrow('401');
  });
});

describe('in development mode', () => {
  const gateway = sharedSystem(() => GatewayProcess.start());

  test.each(ways)(
    'a client without a user joins a room in development mode and receives its events over %s',
    async (_title, way) => {
      await using client = await EventLog.connect(gateway().url, way);
      const roomId = `open-${randomUUID()}`;
      await client.join(roomId);
      const event = notification(roomId, 'hello');
      expect(await postEvents(gateway().url, event)).toMatchObject({ status: 201 });
      expect((await client.received(1))[0]?.event_id).toBe(event.event_id);
    },
  );
});
