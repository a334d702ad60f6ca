// Two gateways behind a proxy that sends each request to the next gateway. Any gateway can answer any request of a client.
import { randomUUID } from 'node:crypto';
import { HttpTransportType } from '@microsoft/signalr';
import { freePort, startRedis, startRoundRobinProxy } from '@millrace/testkit';
import { expect, test } from 'vitest';
import { EventLog } from '../../fixtures/clients/event-log.js';
import { notification } from '../../fixtures/events/sample-events.js';
import { postEvents } from '../../fixtures/http/ingest.js';
import { GatewayProcess } from '../../fixtures/processes/gateway-process.js';
import { Resources } from '../../fixtures/systems/resources.js';

test.each([
  ['WebSockets', HttpTransportType.WebSockets],
  ['server-sent events', HttpTransportType.ServerSentEvents],
  ['long polling', HttpTransportType.LongPolling],
] as const)(
  'events arrive in order over %s without sticky sessions, and hub methods work',
  async (_name, transport) => {
    await using resources = new Resources();
    const redis = resources.use(await startRedis());
    const gateways: GatewayProcess[] = [];
    for (let number = 0; number < 2; number += 1) {
      const port = String(await freePort());
      const environment = {
        MILLRACE_PORT: port,
        MILLRACE_REDIS_URL: redis.url,
        MILLRACE_INSTANCE_URL: `http://127.0.0.1:${port}`,
        MILLRACE_CONNECTION_KEYS: 'k'.repeat(32),
      };
      gateways.push(resources.use(await GatewayProcess.start(environment)));
    }
    const proxy = resources.use(await startRoundRobinProxy(() => gateways.map(({ url }) => url)));
    const client = resources.use(await EventLog.connect(proxy.url, { transport }));
    const roomId = `room-${randomUUID()}`;
    await client.join(roomId);
    const events = Array.from({ length: 20 }, (_, n) => notification(roomId, `number ${n}`));
    for (const event of events) await postEvents(proxy.url, event);
    const received = await client.received(events.length);
    expect(received.map(({ event_id }) => event_id)).toEqual(events.map(({ event_id }) => event_id));
  },
);
