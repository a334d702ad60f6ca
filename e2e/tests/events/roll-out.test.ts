// Gateways with different versions of an application run on one Redis, while a type is added, changed and taken away.
import { randomUUID } from 'node:crypto';
import { type RedisServer, startRedis } from '@millrace/testkit';
import { expect, test } from 'vitest';
import { type DeliveredEvent, EventLog } from '../../fixtures/clients/event-log.js';
import { acceptEvents, refusal } from '../../fixtures/http/ingest.js';
import { readMetric } from '../../fixtures/http/metrics.js';
import { CliProcess, repositoryPath } from '../../fixtures/processes/cli-process.js';
import { GatewayProcess } from '../../fixtures/processes/gateway-process.js';
import { assertAllAcknowledged, xadd } from '../../fixtures/redis/plain-redis.js';
import { Resources } from '../../fixtures/systems/resources.js';
import { eventually } from '../../fixtures/waiting/eventually.js';

const stream = 'shop-orders';
const roomId = 'order-7';
const appOf = (version: number): string => `${repositoryPath}e2e/fixtures/apps/rollout-${version}.mjs`;

/** A gateway with one version of the application, and a client in the room. */
class Version implements AsyncDisposable {
  readonly gateway: GatewayProcess;
  readonly log: EventLog;
  readonly events: DeliveredEvent[] = [];

  private constructor(gateway: GatewayProcess, log: EventLog) {
    this.gateway = gateway;
    this.log = log;
    for (const type of ['order_shipped', 'order_returned'])
      log.connection.on(type, (event: DeliveredEvent) => void this.events.push(event));
  }

  static async start(redis: RedisServer, version: number): Promise<Version> {
    const gateway = await GatewayProcess.start({
      MILLRACE_REDIS_URL: redis.url,
      MILLRACE_APP: appOf(version),
    });
    const started = new Version(gateway, await EventLog.connect(gateway.url));
    await started.log.join(roomId);
    return started;
  }

  async received(ids: readonly string[]): Promise<void> {
    await eventually(() => expect(this.events.map(({ event_id }) => event_id)).toEqual(ids));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.log[Symbol.asyncDispose]();
    await this.gateway[Symbol.asyncDispose]();
  }
}

async function publish(redis: RedisServer, type: string, payload: object): Promise<string> {
  const eventId = randomUUID();
  const timestamp = new Date().toISOString();
  const fields = { event_id: eventId, event_type: type, timestamp, room_id: roomId };
  await xadd(redis, stream, { ...fields, payload: JSON.stringify(payload) });
  return eventId;
}

async function deadLetters(redis: RedisServer, ...args: readonly string[]): Promise<string> {
  const environment = { MILLRACE_REDIS_URL: redis.url };
  await using program = CliProcess.millrace(['dead-letters', ...args, '--app', appOf(2)], environment);
  expect(await program.exit()).toBe(0);
  return program.output;
}

/** Returns the IDs of the events that are dead letters, the oldest dead letter first. */
async function rejectedIds(redis: RedisServer): Promise<readonly string[]> {
  const lines = (await deadLetters(redis, 'list', '--json')).split('\n').filter((line) => line !== '');
  const ids = lines.map((line) => (JSON.parse(line) as { fields: { event_id: string } }).fields.event_id);
  // The list begins with the newest one.
  return ids.toReversed();
}

test('a type is added, changed and forgotten while gateways of all versions run, and no event is lost', async () => {
  await using resources = new Resources();
  const redis = resources.use(await startRedis());
  const old = resources.use(await Version.start(redis, 1));
  const next = await Version.start(redis, 2);

  // A new optional field: gateways of both versions deliver events with and without it.
  const plain = await publish(redis, 'order_shipped', { order: '7' });
  const withCarrier = await publish(redis, 'order_shipped', { order: '7', carrier: 'post' });
  for (const version of [old, next]) await version.received([plain, withCarrier]);
  expect(old.events.map(({ payload }) => payload)).toEqual(next.events.map(({ payload }) => payload));
  expect(old.events[1]?.payload).toEqual({ order: '7', carrier: 'post' });

  // A new type: the gateways that have it deliver it, and it is not a dead letter.
  const returned = { event_type: 'order_returned', room_id: roomId, payload: { order: '7' } };
  expect(await refusal(old.gateway.url, returned)).toMatchObject({ code: 'invalid_event' });
  const byHttp = randomUUID();
  await acceptEvents(next.gateway.url, { ...returned, event_id: byHttp });
  const byXadd = await publish(redis, 'order_returned', { order: '7' });
  await next.received([plain, withCarrier, byHttp, byXadd]);
  await eventually(async () =>
    expect(await readMetric(old.gateway.url, 'events_dropped_total', { reason: 'unknown_type' })).toBe(2),
  );
  await old.received([plain, withCarrier]);
  await eventually(() => assertAllAcknowledged(redis, stream));
  expect(await redis.cli('XLEN', `dead:{${stream}}`)).toBe('0');

  // A field that is required now: an event without it is a dead letter of the newest gateways, and the others deliver it.
  {
    await using newest = await Version.start(redis, 3);
    const late = await publish(redis, 'order_shipped', { order: '8' });
    const right = await publish(redis, 'order_shipped', { order: '8', carrier: 'post' });
    await newest.received([right]);
    await old.received([plain, withCarrier, late, right]);
    await eventually(async () => expect(await deadLetters(redis, 'list')).toMatch(/carrier/));
    await deadLetters(redis, 'drop', '--all');
  }

  // The last gateway with the new type is killed: its events become dead letters as soon as it counts as dead.
  await next.gateway.stop('SIGKILL');
  await next[Symbol.asyncDispose]();
  const orphan = await publish(redis, 'order_returned', { order: '9' });
  await eventually(async () => expect(await rejectedIds(redis)).toContain(orphan));
  await old.received([plain, withCarrier, ...old.events.slice(2).map(({ event_id }) => event_id)]);
  // A gateway checks 11 s later whether another one lives that knows the type. So the events shortly before the kill are dead letters,
  // too, although the killed gateway had delivered them.
  const rejected = await rejectedIds(redis);
  expect([byHttp, byXadd, orphan].filter((id) => rejected.includes(id))).toEqual(rejected);

  // The type is known again: the dead letters are replayed, and reach clients once.
  const back = resources.use(await Version.start(redis, 2));
  expect(await deadLetters(redis, 'replay', '--all')).toContain(`${rejected.length} replayed`);
  await back.received(rejected);
  const last = await publish(redis, 'order_shipped', { order: '9' });
  await back.received([...rejected, last]);
  expect(await redis.cli('XLEN', `dead:{${stream}}`)).toBe('0');
}, 120_000);
