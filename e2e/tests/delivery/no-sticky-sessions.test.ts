// Two gateways behind a proxy that sends each request to the next gateway. Either gateway can answer any request of a client.
import { randomUUID } from 'node:crypto';
import { HttpTransportType } from '@microsoft/signalr';
import { startRoundRobinProxy } from '@millrace/testkit';
import { expect, test } from 'vitest';
import { EventLog } from '../../fixtures/clients/event-log.js';
import { notification } from '../../fixtures/events/sample-events.js';
import { postEvents } from '../../fixtures/http/ingest.js';
import { GatewayPair } from '../../fixtures/systems/gateway-pair.js';
import { sharedSystem } from '../../fixtures/systems/shared-system.js';

const pair = sharedSystem(() => GatewayPair.start());

test.each([
  ['WebSockets', HttpTransportType.WebSockets],
  ['server-sent events', HttpTransportType.ServerSentEvents],
  ['long polling', HttpTransportType.LongPolling],
] as const)(
  'events arrive in order over %s without sticky sessions, and hub methods work',
  async (_name, transport) => {
    await using proxy = await startRoundRobinProxy(() => pair().urls);
    await using client = await EventLog.connect(proxy.url, { transport });
    const roomId = `room-${randomUUID()}`;
    await client.join(roomId);
    const events = Array.from({ length: 20 }, (_, n) => notification(roomId, `number ${n}`));
    for (const event of events) await postEvents(proxy.url, event);
    const received = await client.received(events.length);
    expect(received.map(({ event_id }) => event_id)).toEqual(events.map(({ event_id }) => event_id));
  },
);
