// Functions of an application's catalog that throw on a payload. The event becomes a dead letter that names the error; no other event is
// affected, and gateways can start afterwards.
import { randomUUID } from 'node:crypto';
import { startRedis } from '@millrace/testkit';
import { expect, test } from 'vitest';
import { type DeliveredEvent, EventLog } from '../../fixtures/clients/event-log.js';
import { acceptEvents } from '../../fixtures/http/ingest.js';
import { readMetric } from '../../fixtures/http/metrics.js';
import { readPage, readPosition } from '../../fixtures/http/room-reads.js';
import { CliProcess, repositoryPath } from '../../fixtures/processes/cli-process.js';
import { GatewayProcess } from '../../fixtures/processes/gateway-process.js';
import { xadd } from '../../fixtures/redis/plain-redis.js';
import { Resources } from '../../fixtures/systems/resources.js';
import { sharedSystem } from '../../fixtures/systems/shared-system.js';
import { eventually } from '../../fixtures/waiting/eventually.js';

const app = `${repositoryPath}e2e/fixtures/apps/failing.mjs`;
const { failingTypes } = (await import(app)) as { readonly failingTypes: readonly string[] };

const system = sharedSystem(() =>
  Resources.start(async (resources) => {
    const redis = resources.use(await startRedis());
    const environment = { MILLRACE_REDIS_URL: redis.url, MILLRACE_APP: app };
    const startGateway = async () => {
      const gateway = resources.use(await GatewayProcess.start(environment));
      gateway.mayLogErrors = true;
      return gateway;
    };
    const { url } = await startGateway();
    return {
      redis,
      environment,
      startGateway,
      url,
      [Symbol.asyncDispose]: () => resources[Symbol.asyncDispose](),
    };
  }),
);

const fieldsOf = (type: string, roomId: string, payload = '{}') => ({
  event_id: randomUUID(),
  event_type: type,
  timestamp: new Date().toISOString(),
  room_id: roomId,
  payload,
});

async function deadLetters(environment: Readonly<Record<string, string>>, roomId: string) {
  await using list = CliProcess.millrace(['dead-letters', 'list', '--json', '--limit', '1000'], environment);
  expect(await list.exit()).toBe(0);
  const all = list.lines.map(
    (line) =>
      JSON.parse(line) as { readonly reason: string; readonly fields: Readonly<Record<string, string>> },
  );
  return all.filter(({ fields }) => fields['room_id'] === roomId);
}

test.each(failingTypes)(
  'an entry of the type %s on which a function of the catalog throws becomes a dead letter, and the next one arrives',
  async (type) => {
    const { environment, redis, url } = system();
    const roomId = randomUUID();
    await using log = await EventLog.connect(url);
    const events: DeliveredEvent[] = [];
    log.connection.on(type, (event: DeliveredEvent) => void events.push(event));
    await log.join(roomId);
    const bad = fieldsOf(type, roomId, '{"fails":true}');
    await xadd(redis, 'events:chat', bad);
    const good = fieldsOf(type, roomId);
    await xadd(redis, 'events:chat', good);
    await eventually(() => expect(events.map(({ event_id }) => event_id)).toEqual([good.event_id]));
    const [deadLetter, ...others] = await eventually(async () => {
      const found = await deadLetters(environment, roomId);
      expect(found).not.toHaveLength(0);
      return found;
    });
    expect(others).toEqual([]);
    expect(deadLetter?.fields).toEqual(bad);
    expect(deadLetter?.reason).toMatch(
      /failed on purpose|it threw an error|a value was thrown that has no text/,
    );
    expect(await readMetric(url, 'events_dropped_total', { reason: 'invalid' })).toBeGreaterThanOrEqual(1);
  },
);

test('a gateway starts although the streams hold entries on which functions of the catalog throw, and replays the others', async () => {
  const { redis, startGateway, url } = system();
  const roomId = randomUUID();
  const position = await readPosition(url, roomId);
  for (const type of failingTypes) await xadd(redis, 'events:chat', fieldsOf(type, roomId, '{"fails":true}'));
  const good = fieldsOf('refined', roomId);
  await xadd(redis, 'events:chat', good);
  await eventually(async () =>
    expect((await readPage(url, roomId, `?after=${position}`)).events).toHaveLength(1),
  );
  const late = await startGateway();
  const page = await readPage(late.url, roomId, `?after=${position}`);
  expect(page.recovered).toBe(true);
  expect(page.events.map(({ event_id }) => event_id)).toEqual([good.event_id]);
});

test('events whose merge throws are published without a merge', async () => {
  const { redis, url } = system();
  const roomId = randomUUID();
  const [first, second] = [randomUUID(), randomUUID()];
  await acceptEvents(url, [
    { event_id: first, event_type: 'merging', room_id: roomId, payload: { fails: true } },
    { event_id: second, event_type: 'merging', room_id: roomId, payload: {} },
  ]);
  await eventually(async () => {
    const entries = await redis.cli('xrange', 'events:chat', '-', '+');
    expect(entries).toContain(first);
    expect(entries).toContain(second);
  });
  expect(await redis.cli('keys', 'coalesce*')).toBe('');
});
