// Invalid entries that a program adds directly to a stream. Each becomes one dead letter, and the gateway continues.
import { createClient } from '@redis/client';
import { expect, test } from 'vitest';
import { EventLog } from '../../fixtures/clients/event-log.js';
import { badEvents, canary } from '../../fixtures/events/bad-events.js';
import { chatMessage, notification, streamNames } from '../../fixtures/events/sample-events.js';
import { readMetric } from '../../fixtures/http/metrics.js';
import { assertAllAcknowledged, entryFields, xadd, xaddEvent } from '../../fixtures/redis/plain-redis.js';
import {
  assertGoodEventsArrive,
  securedRoom,
  sharedSecuredSystem,
  startSecured,
} from '../../fixtures/systems/secured-system.js';
import { eventually } from '../../fixtures/waiting/eventually.js';

const bad = badEvents(securedRoom);
const deadStream = 'dead:{events:chat}';
const system = sharedSecuredSystem();

test.each(bad.map(({ what, path, event }) => [what, path, event] as const))(
  'an entry with %s (%s) becomes one dead letter',
  async (_, __, event) => {
    await assertOneDeadLetter(() => xadd(system().redis, 'events:chat', fieldsOf(event)));
  },
);

test.each<[string, Readonly<Record<string, string>>]>([
  [
    'broken JSON as payload',
    { ...entryFields(notification(securedRoom, '')), payload: `{"title":"${canary}"` },
  ],
  ['an empty payload', { ...entryFields(notification(securedRoom, '')), payload: '' }],
  ['broken JSON as metadata', { ...entryFields(notification(securedRoom, canary)), metadata: '{' }],
  [
    'two JSON texts as payload',
    { ...entryFields(notification(securedRoom, '')), payload: '{"type":"a","title":"b"} {}' },
  ],
  [
    'a payload nested 20,000 deep',
    { ...entryFields(notification(securedRoom, '')), payload: nested(20_000) },
  ],
  ['fields that nobody knows', { foo: canary, __proto__x: 'y' }],
])('an entry with %s becomes one dead letter', async (_, fields) => {
  await assertOneDeadLetter(() => xadd(system().redis, 'events:chat', fields));
});

test('an entry of 2 MB becomes one dead letter', async () => {
  await assertOneDeadLetter(() =>
    xaddBinary({ ...entryFields(notification(securedRoom, '')), payload: bigPayload() }),
  );
});

test('an entry whose payload is not UTF-8 becomes one dead letter', async () => {
  const payload = Buffer.concat([
    Buffer.from('{"type":"a","title":"'),
    Buffer.from([0xff, 0xfe, 0xc0]),
    Buffer.from('"}'),
  ]);
  await assertOneDeadLetter(() => xaddBinary({ ...entryFields(notification(securedRoom, '')), payload }));
});

test('each of the four streams has its own dead letters', async () => {
  for (const stream of streamNames) {
    const before = await deadLetters(stream);
    await xadd(system().redis, stream, { event_type: 'nonsense' });
    await eventually(async () => expect(await deadLetters(stream)).toBe(before + 1));
  }
});

test('dead letters are counted in the metrics', async () => {
  const { url } = system().gateway;
  const before = await readMetric(url, 'events_dropped_total', { reason: 'invalid' });
  await assertOneDeadLetter(() => xadd(system().redis, 'events:chat', { event_type: 'nonsense' }));
  expect(await readMetric(url, 'events_dropped_total', { reason: 'invalid' })).toBe(before + 1);
});

test('each entry of a stream full of invalid entries becomes one dead letter when a gateway starts', async () => {
  await using own = await startSecured();
  for (const { event } of bad) await xadd(own.redis, 'events:chat', fieldsOf(event));
  await eventually(async () => expect(await own.redis.cli('XLEN', deadStream)).toBe(String(bad.length)));
  await own.gateway.stop();
  const next = await own.startGateway();
  await using client = await EventLog.inRoom(next.url, securedRoom, { token: own.token });
  const good = chatMessage(securedRoom, 'good');
  await xaddEvent(own.redis, good);
  await client.received(1);
  await eventually(() => assertAllAcknowledged(own.redis, 'events:chat'));
  expect(await own.redis.cli('XLEN', deadStream)).toBe(String(bad.length));
});

async function deadLetters(stream: string): Promise<number> {
  return Number(await system().redis.cli('XLEN', `dead:{${stream}}`));
}

async function assertOneDeadLetter(add: () => Promise<string>): Promise<void> {
  const before = await deadLetters('events:chat');
  const entryId = await add();
  await assertGoodEventsArrive(system());
  await eventually(async () =>
    expect(await system().redis.cli('XREVRANGE', deadStream, '+', '-', 'COUNT', '1')).toContain(entryId),
  );
  await eventually(() => assertAllAcknowledged(system().redis, 'events:chat'));
  expect(await deadLetters('events:chat')).toBe(before + 1);
  const deadLetter = await system().redis.cli('XREVRANGE', deadStream, '+', '-', 'COUNT', '1');
  expect(deadLetter).toMatch(/\nreason\n.*\w/);
}

/** Returns the entry fields that a backend without checks would write. */
function fieldsOf(event: Readonly<Record<string, unknown>>): Record<string, string> {
  const texts = Object.entries(event).map(([name, value]) => [
    name,
    typeof value === 'string' && name !== 'payload' ? value : JSON.stringify(value),
  ]);
  return Object.fromEntries(texts) as Record<string, string>;
}

function nested(depth: number): string {
  return `{"type":"a","title":"b","deep":${'['.repeat(depth)}${']'.repeat(depth)}}`;
}

function bigPayload(): string {
  return JSON.stringify({ type: 'info', title: 'x'.repeat(2_000_000) });
}

/** Adds an entry whose bytes redis-cli cannot take on a command line. */
async function xaddBinary(fields: Readonly<Record<string, string | Buffer>>): Promise<string> {
  const client = await createClient({ url: system().redis.url }).connect();
  try {
    return await client.xAdd('events:chat', '*', { ...fields });
  } finally {
    await client.close();
  }
}
