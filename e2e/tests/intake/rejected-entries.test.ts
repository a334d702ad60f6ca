// An entry that a rule cannot take in is a dead letter, counted by rule, and is taken in after the rule was corrected.
import { defineApp, type IntakeRule } from '@millrace/gateway';
import { startRedis } from '@millrace/testkit';
import { expect, test } from 'vitest';
import { EventLog } from '../../fixtures/clients/event-log.js';
import { readMetric } from '../../fixtures/http/metrics.js';
import { CliProcess } from '../../fixtures/processes/cli-process.js';
import { xadd } from '../../fixtures/redis/plain-redis.js';
import { EmbeddedGateway } from '../../fixtures/systems/embedded-gateway.js';
import { Resources } from '../../fixtures/systems/resources.js';
import { eventually } from '../../fixtures/waiting/eventually.js';

const stream = 'events:notification';
const rule: IntakeRule = {
  jsonField: 'message',
  fields: { event_type: { from: 'kind', default: 'notification', values: { ping: null } } },
  flatPayload: true,
};

test('garbage becomes dead letters with a reason, and is delivered once the rule was corrected', async () => {
  await using resources = new Resources();
  const redis = resources.use(await startRedis());
  const throwing = defineApp({
    intake: {
      [stream]: {
        ...rule,
        map: ({ payload }) => ({ payload: { title: (payload as { readonly text: string }).text.trim() } }),
      },
    },
  });
  const first = await EmbeddedGateway.start({ redisUrl: redis.url, app: throwing });
  const { url } = first;
  const client = resources.use(await EventLog.inRoom(url, 'room'));
  const { position } = await client.join('room');
  const entries = [
    { message: 'secret' },
    { message: '{"room_id":"room","title":"secret"}' },
    { message: '{"kind":"unknown_kind","room_id":"room","text":"x"}' },
    { message: '{"text":"no room"}' },
    { message: '{"kind":"ping"}' },
    { other: 'secret' },
    { message: '{"room_id":"room","text":"good"}' },
  ];
  for (const fields of entries) await xadd(redis, stream, fields);
  const [good] = await client.received(1);
  expect(good?.payload).toEqual({ title: 'good' });
  const counted = (step: string) => readMetric(url, 'intake_rejected_total', { rule: stream, step });
  await eventually(async () => expect(await counted('event')).toBe(2));
  expect([await counted('layout'), await counted('map')]).toEqual([2, 1]);
  expect(await readMetric(url, 'events_dropped_total', { reason: 'skipped' })).toBe(1);

  const environment = { MILLRACE_REDIS_URL: redis.url };
  await using list = CliProcess.millrace(['dead-letters', 'list', '--json'], environment);
  expect(await list.exit()).toBe(0);
  const rejected = list.lines
    .map((line) => JSON.parse(line) as { reason: string; fields: object })
    .toReversed();
  expect(rejected.map(({ reason }) => reason)).toEqual([
    `intake of ${stream}: the field message must be the JSON text of an object`,
    `intake of ${stream}: map threw TypeError`,
    expect.stringContaining('/event_type'),
    expect.stringContaining('/room_id'),
    `intake of ${stream}: the entry has no field message`,
  ]);
  expect(rejected.map(({ fields }) => fields)).toEqual([
    entries[0],
    entries[1],
    entries[2],
    entries[3],
    entries[5],
  ]);

  await first.gateway.stop();
  const corrected = defineApp({ intake: { [stream]: { ...rule, rename: { text: 'title' } } } });
  const second = resources.use(await EmbeddedGateway.start({ redisUrl: redis.url, app: corrected }));
  const back = resources.use(await EventLog.inRoom(second.url, 'room'));
  await using replay = CliProcess.millrace(['dead-letters', 'replay', '--all'], environment);
  await replay.exit();
  const [replayed] = await back.received(1);
  expect(replayed?.payload).toEqual({ title: 'secret' });
  // The others are dead letters again.
  await eventually(async () => expect(await redis.cli('XLEN', `dead:{${stream}}`)).toBe('4'));
  const later = resources.use(await EventLog.connect(second.url));
  const answer = await later.join('room', position);
  expect(answer).toMatchObject({ recovered: true, replayed: 2 });
  expect(later.events.map(({ payload }) => payload['title'])).toEqual(['good', 'secret']);
});
