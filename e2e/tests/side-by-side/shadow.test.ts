// `millrace shadow` beside a running service: it only reads, and reports what it has compared.
import { startRedis } from '@millrace/testkit';
import { expect, test } from 'vitest';
import { chatMessage, chatMessages, streamNames } from '../../fixtures/events/sample-events.js';
import type { CliProcess } from '../../fixtures/processes/cli-process.js';
import { recordCommands } from '../../fixtures/redis/redis-monitor.js';
import { OldBackend, OldService } from '../../fixtures/systems/old-service.js';
import { Resources } from '../../fixtures/systems/resources.js';
import { sideBySide, untilCompared } from '../../fixtures/systems/side-by-side.js';

/** Commands of a comparison, then those of every connection. */
const reading =
  /^(XINFO|XPENDING|XRANGE|HELLO|AUTH|INFO|PING|CLIENT SETNAME|CLIENT ID|CLUSTER (SLOTS|INFO))$/;

/** A service with its backend, and a comparison that has begun. */
async function startComparison(resources: Resources, args: readonly string[]) {
  const redis = resources.use(await startRedis());
  const backend = resources.use(await OldBackend.connect(redis));
  const service = resources.use(await OldService.start(redis));
  const theirs = [await backend.address(), await service.address()];
  const recording = resources.use(await recordCommands(redis));
  const shadow = resources.use(sideBySide(redis).run(['shadow', '--app', './app.mjs', ...args]));
  await shadow.line(/comparing with the consumer group signalr-consumers/);
  return { redis, backend, service, theirs, recording, shadow };
}

test('a comparison only reads, and says that it is safe to switch', async () => {
  await using resources = new Resources();
  const { redis, backend, service, theirs, recording, shadow } = await startComparison(resources, []);
  await backend.add(chatMessages('room', 20));
  const commands = (await untilCompared(redis, recording)).filter(({ source }) => !theirs.includes(source));
  expect(await interrupted(shadow)).toBe(0);
  expect(shadow.output).toMatch(/chat_message +20 +20 +0/);
  expect(shadow.output).toMatch(/To which clients the other service sent them is not compared/);
  expect(shadow.output).toMatch(/^Safe to switch/m);
  expect(service.handled).toHaveLength(20);
  const names = commands.flatMap(({ words: [name = '', second = ''] }) => {
    const command = name.toUpperCase();
    // The test itself asks for the end of the stream.
    if (command === 'XREVRANGE') return [];
    // A connection tries out whether the server knows scripts, with one that cannot write.
    if (command === 'EVAL' && second.startsWith('#!lua flags=no-writes')) return [];
    return [/^(CLIENT|CLUSTER)$/.test(command) ? `${command} ${second.toUpperCase()}` : command];
  });
  expect(names.filter((name) => !reading.test(name))).toEqual([]);
  for (const name of ['XINFO', 'XPENDING', 'XRANGE']) expect(names).toContain(name);
  expect((await redis.cli('KEYS', '*')).split('\n').toSorted()).toEqual([...streamNames].toSorted());
});

test('a comparison says which entries Millrace would refuse, and why', async () => {
  await using resources = new Resources();
  const { redis, backend, recording, shadow } = await startComparison(resources, ['--json']);
  await backend.add(chatMessages('room', 200));
  await backend.add([chatMessage('room', 'refused', { request_id: 'no UUID' })]);
  await untilCompared(redis, recording);
  expect(await interrupted(shadow)).toBe(1);
  const report = JSON.parse(shadow.lines.find((line) => line.startsWith('{')) ?? '') as {
    readonly streams: readonly Readonly<Record<string, unknown>>[];
  };
  expect(report).toMatchObject({ is_safe_to_switch: false, group: 'signalr-consumers' });
  expect(report.streams[0]).toMatchObject({
    stream: 'events:chat',
    entries: 201,
    missed: 0,
    types: [{ event_type: 'chat_message', entries: 201, same: 200, refused: 1, unread: 0, pending: 0 }],
    reasons: [{ kind: 'refuse', event_type: 'chat_message', entries: 1, acknowledged: 1 }],
  });
  expect(JSON.stringify(report)).not.toContain('no UUID');
});

/** Ends the comparison as Ctrl-C does, and returns its exit code. */
function interrupted(shadow: CliProcess): Promise<number | null> {
  return shadow.stop('SIGINT');
}
