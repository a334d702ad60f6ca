// One user calls the hub as fast as possible. The gateway refuses the calls and then disconnects the user. Nobody else
// notices.
import { randomUUID } from 'node:crypto';
import { HttpTransportType } from '@microsoft/signalr';
import { createClient } from '@millrace/client';
import { describe, expect, test } from 'vitest';
import WebSocket from 'ws';
import { Bystander } from '../../fixtures/clients/bystander.js';
import { EventLog } from '../../fixtures/clients/event-log.js';
import { readMetric } from '../../fixtures/http/metrics.js';
import { normalMode, signToken } from '../../fixtures/http/tokens.js';
import { GatewayProcess } from '../../fixtures/processes/gateway-process.js';
import { sharedSystem } from '../../fixtures/systems/shared-system.js';
import { eventually } from '../../fixtures/waiting/eventually.js';

/** Small limits, so that a flood ends soon. */
const limits = {
  MILLRACE_MAX_ROOMS_PER_CONNECTION: '50',
  MILLRACE_MAX_CLIENT_CALLS_BURST: '200',
  MILLRACE_MAX_CLIENT_CALLS_PER_SECOND: '20',
};
const tooMuch =
  /HubException: You have sent too much\. The next call is accepted in \d+ ms\. Try again later\.$/;
const notConnected = "Cannot send data if the connection is not in the 'Connected' State.";
const closedForIt = 'continued to send more than its budget allows';

const gateway = sharedSystem(() => GatewayProcess.start({ ...normalMode, ...limits }));

function tokenFor(sub: string, rooms: readonly string[] = ['room-*']): Promise<string> {
  return signToken({ sub, name: 'Ana', rooms });
}

/**
 * Calls until the connection ends. Returns the errors of the calls, and the error that ended the connection. The gateway's
 * pauses slow the calls down, but not below the rate that ends the connection.
 */
async function flood(
  { connection }: EventLog,
  call: (number: number) => Promise<unknown>,
): Promise<{ readonly errors: readonly string[]; readonly end: string }> {
  const errors: string[] = [];
  const ended = new Promise<string>((resolve) => {
    connection.onclose((error) => resolve(error?.message ?? ''));
  });
  const isOver = new AbortController();
  void ended.then(() => isOver.abort());
  for (let number = 0; number < 5_000 && !isOver.signal.aborted; number += 1) {
    try {
      await call(number);
    } catch (error) {
      errors.push((error as Error).message);
    }
  }
  return { errors, end: await ended };
}

describe('a flood of calls', () => {
  test('five connections that flood JoinRoom and LeaveRoom are closed, and other users get every event', async () => {
    await using other = await Bystander.join(gateway().url);
    const token = await tokenFor(randomUUID());
    const flooders = await Promise.all([1, 2, 3, 4, 5].map(() => EventLog.connect(gateway().url, { token })));
    const floods = flooders.map((flooder) =>
      flood(flooder, (number) =>
        flooder.connection.invoke(number % 2 === 0 ? 'JoinRoom' : 'LeaveRoom', `room-${number % 10}`),
      ),
    );
    const sent = await other.publish(30);
    await other.changePage();
    for (const { errors, end } of await Promise.all(floods)) {
      expect(errors.length).toBeGreaterThan(0);
      expect(
        errors.find(
          (error) => !tooMuch.test(error) && !error.includes(closedForIt) && error !== notConnected,
        ),
      ).toBeUndefined();
      expect(end).toContain(closedForIt);
    }
    await other.publish(5);
    expect((await other.client.received(35)).map(({ event_id }) => event_id)).toEqual(sent);
    expect(other.troubles).toEqual([]);
    expect(
      await readMetric(gateway().url, 'hub_calls_refused_total', { reason: 'rate_limited' }),
    ).toBeGreaterThan(0);
    expect(
      await readMetric(gateway().url, 'signalr_server_disconnects_total', { reason: 'rate_limited' }),
    ).toBe(5);
    await expect(EventLog.connect(gateway().url, { token })).rejects.toThrow(/429/);
    await using _again = await Bystander.join(gateway().url);
  });

  const calls: readonly (readonly [string, readonly unknown[]])[] = [
    ['JoinRoom', ['room-1']],
    ['JoinRoom', ['room-1', 'no position']],
    ['JoinRoom', ['forbidden']],
    ['LeaveRoom', ['room-1']],
    ['SendTyping', ['room-1', true]],
    ['MarkRead', ['room-1', ['no uuid']]],
    ['NoSuchMethod', []],
    ['JoinRoom', [{ not: 'a room' }]],
  ];

  test.each(calls)('a flood of %s with the arguments %j closes its connection', async (target, args) => {
    await using other = await Bystander.join(gateway().url);
    await using flooder = await EventLog.connect(gateway().url, { token: await tokenFor(randomUUID()) });
    const { errors, end } = await flood(flooder, () => flooder.connection.invoke(target, ...args));
    expect(errors.some((error) => tooMuch.test(error))).toBe(true);
    expect(end).toContain(closedForIt);
    expect(await other.publish(1)).toEqual([(await other.client.received(1))[0]?.event_id]);
    expect(other.troubles).toEqual([]);
  });

  test.each([HttpTransportType.ServerSentEvents, HttpTransportType.LongPolling])(
    'a flood over the HTTP transport %i is refused, and others are served',
    async (transport) => {
      await using other = await Bystander.join(gateway().url);
      const token = await tokenFor(randomUUID());
      await using flooder = await EventLog.connect(gateway().url, { token, transport });
      // Refusals are delayed. Therefore a client that waits for them sends so slowly that it is not closed.
      const refusal = (async () => {
        for (;;) await flooder.connection.invoke('LeaveRoom', 'room-1');
      })();
      await expect(refusal).rejects.toThrow(/You have sent too much|429/);
      expect(await other.publish(1)).toEqual([(await other.client.received(1))[0]?.event_id]);
      expect(other.troubles).toEqual([]);
    },
  );

  const rs = '\u001e';
  test.each([
    ['pings', `{"type":6}${rs}`],
    ['stream items', `{"type":2,"invocationId":"9","item":1}${rs}`],
    ['completions', `{"type":3,"invocationId":"9"}${rs}`],
    ['calls without an ID', `{"type":1,"target":"JoinRoom","arguments":["room-1"]}${rs}`],
    ['streams', `{"type":4,"invocationId":"9","target":"JoinRoom","arguments":["room-1"]}${rs}`],
    ['single characters', ' '],
  ])('a flood of raw %s closes its connection', async (_kind, text) => {
    await using other = await Bystander.join(gateway().url);
    const token = await tokenFor(randomUUID());
    const socket = new WebSocket(`${gateway().url.replace('http', 'ws')}/hubs/events?access_token=${token}`);
    const received: string[] = [];
    const closed = new Promise((resolve) => {
      socket.on('close', resolve);
    });
    socket.on('error', () => {});
    socket.on('message', (data: Buffer) => received.push(data.toString()));
    socket.on('open', () => {
      socket.send(`{"protocol":"json","version":1}${rs}`);
      for (let number = 0; number < 500; number += 1) socket.send(text);
    });
    await closed;
    expect(received.join('')).toContain(closedForIt);
    expect(await other.publish(1)).toEqual([(await other.client.received(1))[0]?.event_id]);
    expect(other.troubles).toEqual([]);
  });
});

describe('a user within the budget', () => {
  test('a client rejoins all rooms of a connection at once, twice in a row, with the default limits', async () => {
    await using roomy = await GatewayProcess.start(normalMode);
    const token = await tokenFor(randomUUID());
    for (let time = 0; time < 2; time += 1) {
      await using client = await EventLog.connect(roomy.url, { token });
      const joins = Array.from({ length: 1_000 }, (_, number) => client.join(`room-${number}`));
      expect(new Set((await Promise.all(joins)).map(({ roomId }) => roomId)).size).toBe(1_000);
    }
    expect(await readMetric(roomy.url, 'hub_calls_refused_total')).toBe(0);
  });

  test('a client of the library that joins more rooms than the budget allows is in all of them in the end', async () => {
    const token = await tokenFor(randomUUID());
    await using busy = await EventLog.connect(gateway().url, { token });
    for (let number = 0; number < 190; number += 1)
      await busy.connection.invoke('LeaveRoom', 'room-1').catch(() => {});
    const client = createClient({ url: gateway().url, accessToken: () => token });
    client.onError(() => {});
    try {
      const rooms = Array.from({ length: 40 }, (_, number) => client.join(`room-${number}`));
      await client.connect();
      await Promise.all(rooms.map((room) => room.joined));
    } finally {
      await client.close();
    }
    expect(
      await readMetric(gateway().url, 'hub_calls_refused_total', { reason: 'rate_limited' }),
    ).toBeGreaterThan(0);
  });

  test('a closed user may come back after ten seconds', async () => {
    const token = await tokenFor(randomUUID());
    await using flooder = await EventLog.connect(gateway().url, { token });
    await flood(flooder, () => flooder.connection.invoke('LeaveRoom', 'room-1'));
    await expect(EventLog.connect(gateway().url, { token })).rejects.toThrow(/429/);
    await using back = await eventually(() => EventLog.connect(gateway().url, { token }));
    await back.join('room-1');
  });
});
