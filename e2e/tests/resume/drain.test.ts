// A gateway that stops sends its clients to another gateway in waves. No client misses an event.
import { describe, expect, test } from 'vitest';
import { EventLog } from '../../fixtures/clients/event-log.js';
import { chatMessage } from '../../fixtures/events/sample-events.js';
import { postEvents } from '../../fixtures/http/ingest.js';
import { isReady } from '../../fixtures/http/readiness.js';
import { startOnRedis } from '../../fixtures/systems/redis-system.js';
import { Resources } from '../../fixtures/systems/resources.js';
import { eventually } from '../../fixtures/waiting/eventually.js';

/** Starts two gateways. The tests stop the first gateway. */
async function startTwo(drainMs: number) {
  const environment = { MILLRACE_DRAIN_MS: String(drainMs) };
  const system = await startOnRedis({ gateways: 2, environment });
  return Object.assign(system, { leaving: system.gateway, staying: system.gatewayAt(1) });
}

/** Connects a client that moves to `otherUrl` when its gateway disconnects it, and resumes its room there. */
async function connectMovable(url: string, otherUrl: string, roomId: string): Promise<EventLog> {
  const log = await EventLog.connect(url, { isReconnecting: true });
  log.connection.onreconnecting(() => {
    log.connection.baseUrl = `${otherUrl}/hubs/events`;
  });
  let { position } = await log.join(roomId);
  const resume = async (): Promise<void> => {
    position = log.events.at(-1)?.position ?? position;
    const { recovered } = await log.join(roomId, position);
    if (!recovered) throw new Error(`${roomId} was not recovered`);
  };
  log.connection.onreconnected(() => void resume());
  return log;
}

describe('a gateway that gets SIGTERM', () => {
  test('SIGTERM moves the clients to another gateway, and each client receives every event once and in order', async () => {
    await using system = await startTwo(3_000);
    const { leaving, staying, publisher } = system;
    await using clients = new Resources();
    const logs: EventLog[] = [];
    for (let index = 0; index < 30; index += 1) {
      logs.push(clients.use(await connectMovable(leaving.url, staying.url, `room-${index % 3}`)));
    }
    const sent: string[][] = [[], [], []];
    const publishRound = async (): Promise<void> => {
      const events = sent.map((_, room) => chatMessage(`room-${room}`, 'while one gateway leaves'));
      for (const [room, event] of events.entries()) sent[room]?.push(event.event_id);
      await publisher.publishEvents(events);
    };
    await publishRound();
    const stopped = leaving.stop('SIGTERM');
    const exited = new AbortController();
    void stopped.then(() => exited.abort());
    for (let round = 0; !exited.signal.aborted && round < 10_000; round += 1) {
      await publishRound();
      // This pause sets the rate of the load.
      await new Promise((resolve) => setTimeout(resolve, 10));
    }
    expect(await stopped).toBe(0);
    await publishRound();
    for (const [index, log] of logs.entries()) {
      const expected = sent[index % 3] ?? [];
      await log.event(({ event_id }) => event_id === expected.at(-1));
      // An event that is sent again after a reconnect has the same ID.
      expect([...new Set(log.ids)]).toEqual(expected);
    }
  });

  test('a stopping gateway is not ready and refuses new clients, but still serves its connected clients', async () => {
    await using system = await startTwo(6_000);
    const { leaving, publisher } = system;
    await using earlier = await EventLog.connect(leaving.url);
    // The client that connected last is disconnected last.
    await using log = await EventLog.inRoom(leaving.url, 'room-1');
    leaving.child.kill('SIGTERM');
    await eventually(async () => {
      const response = await fetch(`${leaving.url}/readyz`);
      expect(response.status).toBe(503);
      expect(await response.text()).toContain('gateway is stopping');
    });
    const negotiate = await fetch(`${leaving.url}/hubs/events/negotiate?negotiateVersion=1`, {
      method: 'POST',
    });
    expect(negotiate.status).toBe(503);
    expect(negotiate.headers.get('retry-after')).toBe('1');
    const event = chatMessage('room-1', 'still here');
    await publisher.publishEvents([event]);
    await log.event(({ event_id }) => event_id === event.event_id);
    expect(await leaving.exit()).toBe(0);
    expect(earlier.events).toEqual([]);
  });

  test('each answer of a stopping gateway ends its connection, so that proxies keep none to it', async () => {
    await using system = await startTwo(3_000);
    const { leaving } = system;
    // The drain time passes only while a client is connected.
    await using earlier = await EventLog.connect(leaving.url);
    await using last = await EventLog.connect(leaving.url);
    await Promise.all([earlier.join('room-1'), last.join('room-1')]);
    const paths = ['/healthz', '/readyz', '/v1/rooms/room-1/position', '/v1/unknown'];
    const kept = async (): Promise<readonly unknown[]> =>
      Promise.all(
        paths.map(async (path) => {
          const answer = await fetch(`${leaving.url}${path}`);
          await answer.text();
          return answer.headers.get('connection');
        }),
      );
    expect(await kept()).toEqual(paths.map(() => 'keep-alive'));
    leaving.child.kill('SIGTERM');
    await eventually(async () => expect(await isReady(leaving.url)).toBe(false));
    expect(await kept()).toEqual(paths.map(() => 'close'));
    expect(await leaving.exit()).toBe(0);
  });

  test('a gateway that stops stores every event that backends send to it, until it refuses their connections', async () => {
    await using system = await startTwo(0);
    const { leaving } = system;
    const statuses: number[] = [];
    const send = async (): Promise<void> => {
      for (;;) statuses.push((await postEvents(leaving.url, chatMessage('room-1', 'to be stored'))).status);
    };
    const backends = Array.from({ length: 10 }, send);
    await eventually(async () => expect(statuses.length).toBeGreaterThan(100));
    leaving.child.kill('SIGTERM');
    await Promise.allSettled(backends);
    expect(new Set(statuses)).toEqual(new Set([201]));
    expect(await leaving.exit()).toBe(0);
  });

  test('a gateway that stops releases its cursors, its slot and its leases', async () => {
    await using system = await startTwo(0);
    const { leaving, redis } = system;
    const slots = async (): Promise<number> => Number(await redis.cli('HLEN', 'slots:{signalr-consumers}'));
    await eventually(async () => expect(await slots()).toBe(2));
    expect(await leaving.stop('SIGTERM')).toBe(0);
    expect(await slots()).toBe(1);
    for (const stream of ['events:chat', 'events:ticket', 'events:notification', 'events:remote']) {
      expect(Number(await redis.cli('HLEN', `cursors:{${stream}}`))).toBe(1);
    }
  });

  test('a second SIGTERM ends the gateway without waiting for the drain time', async () => {
    await using system = await startTwo(600_000);
    const { leaving } = system;
    // The gateway disconnects the first client at once, and the second one after half of the drain time.
    await using first = await EventLog.connect(leaving.url);
    await using second = await EventLog.connect(leaving.url);
    await Promise.all([first.join('room-1'), second.join('room-1')]);
    leaving.child.kill('SIGTERM');
    await leaving.line(/"msg":"stopping"/);
    expect(await leaving.stop('SIGTERM')).toBe(1);
  });
});
