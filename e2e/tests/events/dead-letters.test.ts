// Dead letters as an operator handles them with the command-line program: list, show, drop, replay.
import { defineCatalog, eventCatalog } from '@millrace/contract';
import { type RedisServer, startRedis } from '@millrace/testkit';
import { expect, test } from 'vitest';
import { EventLog } from '../../fixtures/clients/event-log.js';
import { chatMessage, notification, type SampleEvent } from '../../fixtures/events/sample-events.js';
import { acceptEvents } from '../../fixtures/http/ingest.js';
import { CliProcess } from '../../fixtures/processes/cli-process.js';
import { GatewayProcess } from '../../fixtures/processes/gateway-process.js';
import { eventIdsIn, xadd, xaddEvent } from '../../fixtures/redis/plain-redis.js';
import { EmbeddedGateway } from '../../fixtures/systems/embedded-gateway.js';
import { startOnRedis } from '../../fixtures/systems/redis-system.js';
import { eventually } from '../../fixtures/waiting/eventually.js';

test('a dead letter is listed, shown with its reason, replayed and dropped', async () => {
  await using system = await startOnRedis();
  const poison = { event_type: 'chat_massage', room_id: 'r', payload: '{}', note: '\u001b[2Jboo' };
  const originId = await xadd(system.redis, 'events:chat', poison);
  await deadLetters(system.redis, 1);

  const table = await millrace(system.redis, 'list');
  expect(table.code).toBe(0);
  expect(table.output).toMatch(
    /^REJECTED +STREAM +ID +EVENT +ROOM +REASON\n.*events:chat.*chat_massage  r .*\w/,
  );
  const [deadLetter] = await listed(system.redis);
  expect(deadLetter).toMatchObject({
    stream: 'events:chat',
    origin_id: originId,
    replayable: true,
    fields: poison,
  });
  expect(deadLetter?.reason).toMatch(/event_type/);
  const id = deadLetter?.id ?? '';

  const shown = await millrace(system.redis, 'show', id);
  expect(shown.code).toBe(0);
  for (const text of [deadLetter?.reason ?? '', originId, 'event_type: chat_massage', 'room_id: r'])
    expect(shown.output).toContain(text);
  expect(shown.output).not.toContain('\u001b');

  expect((await millrace(system.redis, 'replay', id)).code).toBe(0);
  const again = await eventually(async () => {
    const entry = (await system.redis.cli('xrange', 'dead:{events:chat}', '-', '+')).split('\n');
    expect(entry[0]).not.toBe(id);
    expect(entry[entry.indexOf('origin_id') + 1]).not.toBe(originId);
    expect(entry).toContain(deadLetter?.reason);
    return entry[0] ?? '';
  });
  const dropped = await millrace(system.redis, 'drop', again);
  const by = expect.stringMatching(/^[^@]+@[^@]+$/) as string;
  expect(dropped).toEqual({
    code: 0,
    output: `dropped  events:chat  ${again}`,
    audit: [
      { action: 'dead_letter_drop', by, target: { stream: 'events:chat', id: again }, outcome: 'done' },
    ],
  });
  expect((await millrace(system.redis, 'drop', again)).audit).toEqual([
    { action: 'dead_letter_drop', by, target: { id: again }, outcome: 'refused', reason: 'not_found' },
  ]);
  expect(await millrace(system.redis, 'list')).toEqual({
    code: 0,
    output: 'millrace: no dead letters; without --app, only the built-in streams are searched',
    audit: [],
  });
  expect(await millrace(system.redis, 'show', again)).toEqual({
    code: 1,
    output: `millrace: not found: ${again} is not a dead letter (any more); without --app, only the built-in streams are searched`,
    audit: [],
  });
});

test('an event that an old gateway rejected reaches a new gateway’s clients exactly once, even after two replays', async () => {
  await using redis = await startRedis();
  const event = chatMessage('r', `long ${'x'.repeat(500)}`);
  await rejectWithSmallCatalog(redis, event);
  const [deadLetter] = await listed(redis);
  expect(deadLetter).toMatchObject({ stream: 'events:chat', fields: { event_id: event.event_id } });
  const id = deadLetter?.id ?? '';

  // A starting gateway reads the newest entries of the stream again. The rejected entry is one of them.
  await using gateway = await GatewayProcess.start({ MILLRACE_REDIS_URL: redis.url });
  await using client = await EventLog.inRoom(gateway.url, 'r');
  const replays = await Promise.all([1, 2].map(() => millrace(redis, 'replay', id)));
  expect(replays.filter(({ code }) => code === 0)).toHaveLength(1);
  expect((await client.received(1)).map(({ event_id }) => event_id)).toEqual([event.event_id]);

  const last = chatMessage('r', 'last');
  await acceptEvents(gateway.url, [last]);
  expect(await client.idsUpTo(last.event_id)).toEqual([event.event_id, last.event_id]);
  expect(await eventIdsIn(redis, 'events:chat')).toEqual([event.event_id, event.event_id, last.event_id]);
  expect(await listed(redis)).toEqual([]);
});

test('`dead-letters drop --all` drops all dead letters of a stream and its partitions, and no others', async () => {
  await using system = await startOnRedis({ environment: { MILLRACE_PARTITIONS: '2' } });
  for (const stream of ['events:chat', 'events:chat.p0', 'events:chat.p1', 'events:ticket.p0']) {
    for (let n = 0; n < 3; n++) await xadd(system.redis, stream, { n: String(n) });
  }
  await deadLetters(system.redis, 12);
  const { output, code, audit } = await millrace(
    system.redis,
    'drop',
    '--all',
    '--stream',
    'events:chat',
    '--json',
  );
  expect(code).toBe(0);
  expect(audit.map(({ action, outcome }) => `${String(action)} ${String(outcome)}`)).toEqual(
    Array.from({ length: 9 }, () => 'dead_letter_drop done'),
  );
  const lines = output.split('\n').filter((line) => line.startsWith('{'));
  expect(lines).toHaveLength(9);
  expect(lines.every((line) => line.includes('"status":"dropped"'))).toBe(true);
  expect(output).toContain('millrace: 9 dropped');
  const rest = await listed(system.redis);
  expect(rest.map(({ stream }) => stream)).toEqual(Array.from({ length: 3 }, () => 'events:ticket.p0'));
  expect(rest.map(({ fields }) => fields['n'])).toEqual(['2', '1', '0']);
});

test('a dead-letters command with wrong arguments prints one line and exits with code 1', async () => {
  await using redis = await startRedis();
  const cases: readonly (readonly [RegExp, ...string[]])[] = [
    [/IDs of dead letters, or --all/, 'drop', '--all', '1-1'],
    [
      /no stream events:chats\. The streams are events:chat,.*\. For those of an application, give --app\.$/,
      'list',
      '--stream',
      'events:chats',
    ],
    [/must be an ID such as/, 'drop', '1-1', '1'],
  ];
  const results = cases.map(async ([pattern, ...args]) => {
    const { code, output } = await millrace(redis, ...args);
    expect({ args, code, output }).toEqual({ args, code: 1, output: expect.stringMatching(pattern) });
    expect(output).not.toMatch(/\n +at /);
  });
  await Promise.all(results);
  await using homeless = CliProcess.millrace(['dead-letters', 'list']);
  expect(await homeless.exit()).toBe(1);
  expect(homeless.output).toMatch(/^millrace: Set MILLRACE_REDIS_URL/);
});

/** A dead letter in the output of the program. */
interface PrintedDeadLetter {
  readonly stream: string;
  readonly id: string;
  readonly origin_id: string;
  readonly reason: string;
  readonly replayable: boolean;
  readonly fields: Readonly<Record<string, string>>;
}

async function millrace(
  redis: RedisServer,
  ...args: readonly string[]
): Promise<{
  readonly code: number | null;
  readonly output: string;
  readonly audit: readonly Readonly<Record<string, unknown>>[];
}> {
  await using program = CliProcess.millrace(['dead-letters', ...args], { MILLRACE_REDIS_URL: redis.url });
  const code = await program.exit();
  // The audit log is on standard error.
  const isAudit = (line: string): boolean => line.includes('"msg":"audit"');
  const audit = program.lines
    .filter(isAudit)
    .map((line) => (JSON.parse(line) as { readonly audit: Readonly<Record<string, unknown>> }).audit);
  return { code, output: program.lines.filter((line) => !isAudit(line)).join('\n'), audit };
}

async function listed(redis: RedisServer): Promise<readonly PrintedDeadLetter[]> {
  const { output } = await millrace(redis, 'list', '--json');
  return output === '' ? [] : output.split('\n').map((line) => JSON.parse(line) as PrintedDeadLetter);
}

async function deadLetters(redis: RedisServer, count: number): Promise<void> {
  await eventually(async () => {
    const keys = (await redis.cli('keys', 'dead:*')).split('\n').filter((key) => key !== '');
    const lengths = await Promise.all(keys.map((key) => redis.cli('xlen', key)));
    expect(lengths.reduce((sum, length) => sum + Number(length), 0)).toBe(count);
  });
}

/** Runs a gateway with a smaller size limit until it has rejected the event. */
async function rejectWithSmallCatalog(redis: RedisServer, event: SampleEvent): Promise<void> {
  const catalog = defineCatalog({ ...eventCatalog, maxEventBytes: 300 });
  await using gateway = await EmbeddedGateway.start({ redisUrl: redis.url, catalog });
  await using client = await EventLog.inRoom(gateway.url, 'r');
  await xaddEvent(redis, event);
  await deadLetters(redis, 1);
  // The gateway rejects nothing but the large event.
  const small = notification('r', 'small');
  await xaddEvent(redis, small);
  expect(await client.idsUpTo(small.event_id)).toEqual([small.event_id]);
}
