// One user opens as many connections, rooms and negotiations as possible. The gateway refuses the excess, and nobody else
// notices.
import { randomUUID } from 'node:crypto';
import { HttpTransportType } from '@microsoft/signalr';
import { expect, test } from 'vitest';
import { Bystander } from '../../fixtures/clients/bystander.js';
import { EventLog } from '../../fixtures/clients/event-log.js';
import { readMetric } from '../../fixtures/http/metrics.js';
import { normalMode, signToken } from '../../fixtures/http/tokens.js';
import { GatewayProcess } from '../../fixtures/processes/gateway-process.js';
import { sharedSystem } from '../../fixtures/systems/shared-system.js';
import { eventually } from '../../fixtures/waiting/eventually.js';

const gateway = sharedSystem(() =>
  GatewayProcess.start({
    ...normalMode,
    MILLRACE_MAX_CONNECTIONS_PER_USER: '5',
    MILLRACE_MAX_ROOMS_PER_USER: '30',
    MILLRACE_MAX_PENDING_CONNECTIONS_PER_USER: '20',
  }),
);

/** The gateway's default limit, and for how long a connection that is never opened counts. */
const defaultPendingConnections = 50;
const pendingMs = 15_000;

function tokenFor(sub: string): Promise<string> {
  return signToken({ sub, name: 'Ana', rooms: ['room-*'] });
}

function negotiate(url: string, token: string): Promise<Response> {
  return fetch(`${url}/hubs/events/negotiate?negotiateVersion=1`, {
    method: 'POST',
    headers: { authorization: `Bearer ${token}` },
  });
}

test('11,000 negotiations of one user are refused beyond the user’s share, and others connect meanwhile', async () => {
  await using normal = await GatewayProcess.start(normalMode);
  await using other = await Bystander.join(normal.url);
  const token = await tokenFor(randomUUID());
  const statuses = new Map<number, number>();
  let left = 11_000;
  const startedAtMs = performance.now();
  const negotiateOn = async (): Promise<void> => {
    while (left > 0) {
      left -= 1;
      const response = await negotiate(normal.url, token);
      statuses.set(response.status, (statuses.get(response.status) ?? 0) + 1);
      if (response.status === 429) expect(Number(response.headers.get('retry-after'))).toBeGreaterThan(0);
      await response.text();
    }
  };
  const flood = Promise.all(Array.from({ length: 100 }, negotiateOn));
  for (let time = 0; time < 5; time += 1) {
    await using another = await Bystander.join(normal.url);
    expect(await another.publish(1)).toHaveLength(1);
    await another.client.received(1);
  }
  await flood;
  // The share is free again each time the negotiated connections have expired.
  const shares = 1 + Math.ceil((performance.now() - startedAtMs) / pendingMs);
  await using _late = await Bystander.join(normal.url);
  expect(new Set(statuses.keys())).toEqual(new Set([200, 429]));
  expect(statuses.get(200)).toBeLessThanOrEqual(shares * defaultPendingConnections);
  expect(await other.publish(1)).toEqual([(await other.client.received(1))[0]?.event_id]);
  expect(other.troubles).toEqual([]);
  const refused = { at: 'hub', code: 'too_many_pending_connections_of_client' };
  expect(await readMetric(normal.url, 'http_refusals_total', refused)).toBeGreaterThan(0);
});

test('a user has at most the configured number of connections over all transports', async () => {
  const token = await tokenFor(randomUUID());
  const { WebSockets, ServerSentEvents, LongPolling } = HttpTransportType;
  const transports = [WebSockets, ServerSentEvents, LongPolling, WebSockets, LongPolling];
  const open = await Promise.all(
    transports.map((transport) => EventLog.connect(gateway().url, { token, transport })),
  );
  for (const transport of [WebSockets, ServerSentEvents, LongPolling])
    await expect(EventLog.connect(gateway().url, { token, transport })).rejects.toThrow(/429/);
  await using other = await Bystander.join(gateway().url);
  expect(await other.publish(1)).toEqual([(await other.client.received(1))[0]?.event_id]);
  const refused = { at: 'hub', code: 'too_many_connections_of_client' };
  expect(await readMetric(gateway().url, 'http_refusals_total', refused)).toBeGreaterThanOrEqual(3);
  await open[1]?.connection.stop();
  await using again = await eventually(() => EventLog.connect(gateway().url, { token }));
  await again.join('room-1');
  for (const log of open) await log.connection.stop();
});

test('a user has at most the configured number of rooms over all connections', async () => {
  const sub = randomUUID();
  const token = await tokenFor(sub);
  await using first = await EventLog.connect(gateway().url, { token });
  const second = await EventLog.connect(gateway().url, { token });
  for (let number = 0; number < 15; number += 1) {
    await first.join(`room-${number}`);
    await second.join(`room-${number}`);
  }
  // A repeated join and the personal room do not count.
  await first.join('room-1');
  await first.join('user:me');
  await expect(first.join('room-99')).rejects.toThrow('You have joined the maximum number of rooms');
  await using other = await EventLog.connect(gateway().url, { token: await tokenFor(randomUUID()) });
  await other.join('room-99');
  await first.connection.invoke('LeaveRoom', 'room-1');
  await first.connection.invoke('LeaveRoom', 'room-1');
  await first.join('room-99');
  await expect(first.join('room-98')).rejects.toThrow('You have joined the maximum number of rooms');
  await second.connection.stop();
  await eventually(() => first.join('room-98'));
  expect(
    await readMetric(gateway().url, 'hub_calls_refused_total', { reason: 'too_many_rooms' }),
  ).toBeGreaterThan(1);
});

test('two user IDs that are UUIDs and differ only in case are the same user', async () => {
  const sub = randomUUID();
  const tokens = [await tokenFor(sub), await tokenFor(sub.toUpperCase())];
  const open = await Promise.all(
    [0, 1, 0, 1, 0].map((which) => EventLog.connect(gateway().url, { token: tokens[which] ?? '' })),
  );
  await expect(EventLog.connect(gateway().url, { token: tokens[1] ?? '' })).rejects.toThrow(/429/);
  for (const log of open) await log.connection.stop();
});
