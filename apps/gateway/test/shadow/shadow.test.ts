// A comparison with a service on a real Redis, look by look.
import { randomUUID } from 'node:crypto';
import { connectGroupReader, type GroupReader } from '@millrace/broker';
import { defineCatalog, defineStream, eventCatalog } from '@millrace/contract';
import { systemClock } from '@millrace/internal';
import { type RedisServer, startRedis } from '@millrace/testkit';
import { afterAll, afterEach, beforeAll, beforeEach, expect, it } from 'vitest';
import { Intake } from '../../src/intake/intake.js';
import type { IntakeRule, PatternRule } from '../../src/intake/rule.js';
import { DEFAULTS } from '../../src/settings/options.js';
import { Shadow } from '../../src/shadow/shadow.js';
import type { ShadowReport, StreamReport } from '../../src/shadow/shadow-report.js';
import { reportJson, reportText } from '../../src/shadow/shadow-text.js';

const TICKETS = 'events:ticket';
const GROUP = 'signalr-consumers';

let redis: RedisServer;
let reader: GroupReader;
let shadow: Shadow;

beforeAll(async () => {
  redis = await startRedis();
});

beforeEach(async () => {
  await redis.cli('flushall');
  await redis.cli('xgroup', 'create', TICKETS, GROUP, '0', 'mkstream');
  reader = await connectGroupReader({ url: redis.url, streams: eventCatalog.streams });
  shadow = new Shadow({
    ...DEFAULTS,
    reader,
    group: GROUP,
    catalog: eventCatalog,
    clock: systemClock,
    onStateChange: () => {},
  });
  await shadow.begin();
});

afterEach(() => reader.close());

afterAll(() => redis[Symbol.asyncDispose]());

async function add(fields: Readonly<Record<string, string>> = {}): Promise<string> {
  const event = {
    event_id: randomUUID(),
    event_type: 'assignment_change',
    timestamp: new Date().toISOString(),
    room_id: 'room',
    payload: '{}',
    ...fields,
  };
  return redis.cli('xadd', TICKETS, '*', ...Object.entries(event).flat());
}

/** Lets the service read entries, and acknowledge the first ones of them. */
async function serve(count: number, acknowledged = count): Promise<void> {
  const reply = await redis.cli(
    '--json',
    'xreadgroup',
    'group',
    GROUP,
    'a',
    'count',
    `${count}`,
    'streams',
    TICKETS,
    '>',
  );
  const read = JSON.parse(reply) as Record<string, [string, unknown][]>;
  const ids = (read[TICKETS] ?? []).map(([id]) => id).slice(0, acknowledged);
  if (ids.length > 0) await redis.cli('xack', TICKETS, GROUP, ...ids);
}

function ticketsOf({ streams }: ShadowReport): StreamReport {
  const found = streams.find(({ stream }) => stream === TICKETS);
  if (found === undefined) throw new Error('no report for the stream');
  return found;
}

it('a service that acknowledges everything that Millrace would deliver can be replaced', async () => {
  for (let n = 0; n < 5; n++) await add();
  await shadow.look();
  expect(ticketsOf(shadow.report()).types).toMatchObject([{ entries: 5, same: 0, unread: 5 }]);
  await serve(5);
  await shadow.look();
  const report = shadow.report();
  expect(report.isSafeToSwitch).toBe(true);
  expect(ticketsOf(report)).toMatchObject({ entries: 5, missed: 0, restarts: 0, reasons: [] });
  expect(ticketsOf(report).types).toMatchObject([
    { eventType: 'assignment_change', entries: 5, same: 5, unread: 0 },
  ]);
  expect(reportText(report)).toMatch(/assignment_change +5 +5 +0 +0 +0 +0 +0 +0 +0\n[^]*Safe to switch/);
});

it('refused entries and repeats are counted by reason, and a refusal makes the switch unsafe', async () => {
  const event_id = randomUUID();
  const ids = [
    await add({ event_id }),
    await add({ event_id }),
    await add({ payload: '[' }),
    await add({ payload: '[' }),
  ];
  ids.push(await add({ event_type: 'ticket_list_update' }));
  await serve(4);
  await shadow.look();
  const report = shadow.report();
  expect(report.isSafeToSwitch).toBe(false);
  expect(ticketsOf(report).reasons).toMatchObject([
    { kind: 'drop', reason: 'duplicate', entries: 1, acknowledged: 1, example: ids[1] },
    { kind: 'refuse', eventType: 'assignment_change', entries: 2, acknowledged: 2, example: ids[2] },
    { kind: 'refuse', eventType: 'ticket_list_update', entries: 1, acknowledged: 0, example: ids[4] },
  ]);
  expect(reportText(report)).toMatch(/NO {2}entries that Millrace would refuse: 3/);
  expect(JSON.parse(reportJson(report))).toMatchObject({
    is_safe_to_switch: false,
    streams: [{}, { pending_at_start: 0 }, {}, {}],
  });
});

it('entries that were trimmed before the service read them are lost today, and not Millrace’s fault', async () => {
  for (let n = 0; n < 10; n++) await add();
  await shadow.look();
  await serve(2, 1);
  await shadow.look();
  await redis.cli('xtrim', TICKETS, 'maxlen', '3');
  await shadow.look();
  await serve(10);
  await shadow.look();
  const report = shadow.report();
  expect(ticketsOf(report).types).toMatchObject([
    { entries: 10, same: 4, lost: 5, pending: 1, unread: 0, unclear: 0 },
  ]);
  expect(report.isSafeToSwitch).toBe(true);
});

it('entries that were removed before the comparison read them are missed and make it unsafe', async () => {
  for (let n = 0; n < 10; n++) await add();
  await redis.cli('xtrim', TICKETS, 'maxlen', '4');
  await serve(10);
  await shadow.look();
  expect(ticketsOf(shadow.report())).toMatchObject({ entries: 4, missed: 6 });
  expect(shadow.report().isSafeToSwitch).toBe(false);
});

it('a stream that was deleted and begins again is reported, and the comparison continues', async () => {
  for (let n = 0; n < 3; n++) await add();
  await shadow.look();
  await redis.cli('del', TICKETS);
  await redis.cli('xgroup', 'create', TICKETS, GROUP, '0', 'mkstream');
  await add();
  await serve(1);
  await shadow.look();
  await shadow.look();
  const tickets = ticketsOf(shadow.report());
  expect(tickets).toMatchObject({ entries: 4, restarts: 1, missed: 0 });
  expect(tickets.types).toMatchObject([{ entries: 4, same: 1, unclear: 3 }]);
});

it('a stream with entries and without the group makes the switch unsafe, and an unused stream does not', async () => {
  await add();
  await serve(1);
  await redis.cli('xadd', 'events:remote', '*', 'a', 'b');
  await shadow.look();
  const { conditions } = shadow.report();
  expect(conditions.filter(({ isMet }) => !isMet).map(({ text }) => text)).toEqual([
    'entries that Millrace would refuse: 1',
    'streams with entries, and without the group signalr-consumers: events:remote',
  ]);
});

it('more pending entries than one look reads are all decided in the end', async () => {
  for (let n = 0; n < 12; n++)
    await redis.cli('eval', "for i = 1, 1000 do redis.call('xadd', KEYS[1], '*', 'n', i) end", '1', TICKETS);
  await redis.cli('xreadgroup', 'group', GROUP, 'a', 'count', '12000', 'streams', TICKETS, '>');
  await shadow.look();
  const last = (await redis.cli('xrevrange', TICKETS, '+', '-', 'count', '1')).split('\n')[0] ?? '';
  await redis.cli('xack', TICKETS, GROUP, last);
  for (let look = 0; look < 3; look++) await shadow.look();
  expect(ticketsOf(shadow.report()).reasons).toMatchObject([{ entries: 12_000, acknowledged: 1 }]);
});

/** Starts a comparison for an application with these streams and intake rules. */
async function compareApp(
  observed: readonly string[],
  rules: Readonly<Record<string, IntakeRule | PatternRule>>,
): Promise<Shadow> {
  reader.close();
  const catalog = defineCatalog({
    streams: eventCatalog.streams.map((stream) =>
      defineStream({ ...stream, retention: observed.includes(stream.name) ? 'observe' : 'acknowledged' }),
    ),
    eventTypes: eventCatalog.eventTypes,
  });
  reader = await connectGroupReader({ url: redis.url, streams: catalog.streams });
  const comparison = new Shadow({
    ...DEFAULTS,
    reader,
    group: GROUP,
    catalog,
    intake: new Intake(rules),
    clock: systemClock,
    onStateChange: () => {},
  });
  await comparison.begin();
  return comparison;
}

it('skipped entries have a count of their own, and neither prove nor prevent that the switch is safe', async () => {
  const rule = { fields: { event_type: { values: { ping: null } } } };
  const comparison = await compareApp([TICKETS, 'events:chat'], { [TICKETS]: rule, 'events:chat': rule });
  const ping = { event_type: 'ping' };
  await add(ping);
  await serve(1);
  await redis.cli('xadd', 'events:chat', '*', 'event_type', 'ping');
  await comparison.look();
  // No event was delivered by both programs. The stream without the consumer group has only a skipped entry.
  const onlySkipped = comparison.report();
  expect(onlySkipped.conditions.filter(({ isMet }) => !isMet).map(({ text }) => text)).toEqual([
    'events that the other service acknowledged and Millrace would deliver: 0',
  ]);
  expect(ticketsOf(onlySkipped)).toMatchObject({
    entries: 1,
    types: [{ entries: 1, skipped: 1, dropped: 0, same: 0 }],
    reasons: [{ kind: 'skip', entries: 1, acknowledged: 1 }],
  });
  await add();
  await serve(1);
  await comparison.look();
  expect(comparison.report().isSafeToSwitch).toBe(true);
  expect(reportText(comparison.report())).toMatch(/1 skipped \(1 acknowledged\)/);
});

it('streams that only Millrace uses and entries that Millrace wrote are not compared, and do not make the switch unsafe', async () => {
  const comparison = await compareApp([TICKETS], {});
  await redis.cli('xadd', 'events:chat', '*', 'n', '1');
  await redis.cli('xadd', 'millrace:events:chat', '*', 'n', '1');
  await add();
  await redis.cli('xadd', TICKETS, '*', 'room_id', 'millrace:control', 'kind', 'any');
  await serve(2);
  await comparison.look();
  const report = comparison.report();
  expect(report.isSafeToSwitch).toBe(true);
  expect(report.notCompared).toEqual(['events:chat', 'events:notification', 'events:remote']);
  expect(report.streams).toMatchObject([{ stream: TICKETS, entries: 1, own: 1, missed: 0 }]);
});

it('the streams of a pattern, even those that appear later, are compared by their own consumer groups', async () => {
  const source = async (name: string, count: number): Promise<void> => {
    await redis.cli('xgroup', 'create', name, GROUP, '0', 'mkstream');
    for (let n = 0; n < count; n++)
      await redis.cli('xadd', name, '*', 'event_type', 'notification', 'title', `${n}`);
    const reply = await redis.cli('--json', 'xreadgroup', 'group', GROUP, 'a', 'streams', name, '>');
    const [[, entries] = ['', []]] = Object.entries(JSON.parse(reply) as Record<string, [string][]>);
    for (const [id] of entries) await redis.cli('xack', name, GROUP, id);
  };
  await source('rooms:1', 1);
  const rules = {
    'rooms:*': { into: 'events:chat', room: 'room-{*}', flatPayload: true, defaults: { type: 'info' } },
  };
  const comparison = await compareApp([TICKETS], rules as Record<string, PatternRule>);
  await redis.cli('xadd', 'rooms:1', '*', 'event_type', 'unknown');
  await source('rooms:2', 3);
  const found = async (): Promise<StreamReport | undefined> => {
    await comparison.look();
    return comparison.report().streams.find(({ stream }) => stream === 'rooms:2');
  };
  await expect.poll(found).toBeDefined();
  expect(await found()).toMatchObject({
    entries: 3,
    missed: 0,
    types: [{ eventType: 'notification', same: 3 }],
  });
  const first = comparison.report().streams.find(({ stream }) => stream === 'rooms:1');
  expect(first).toMatchObject({ entries: 1, types: [{ eventType: 'unknown', refused: 1 }] });
  expect(comparison.report().isSafeToSwitch).toBe(false);
});
