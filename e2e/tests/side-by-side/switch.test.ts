// The switch from another service to Millrace, and the way back, with the commands of the guide. Every event is counted.
import { execFile } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import { promisify } from 'node:util';
import { startRedis } from '@millrace/testkit';
import { expect, test } from 'vitest';
import { EventLog } from '../../fixtures/clients/event-log.js';
import { chatMessages, idsOf, type SampleEvent } from '../../fixtures/events/sample-events.js';
import { repositoryPath } from '../../fixtures/processes/cli-process.js';
import { assertAllAcknowledged } from '../../fixtures/redis/plain-redis.js';
import { OldBackend, OldService } from '../../fixtures/systems/old-service.js';
import { Resources } from '../../fixtures/systems/resources.js';
import { sideBySide } from '../../fixtures/systems/side-by-side.js';
import { eventually } from '../../fixtures/waiting/eventually.js';

const roomId = 'room';
const chat = 'events:chat';

test.each(['SIGTERM', 'SIGKILL'] as const)(
  'a switch and the way back lose no event, with gateways that end by %s',
  async (signal) => {
    await using resources = new Resources();
    const redis = resources.use(await startRedis());
    // The backend keeps so few entries that most of what Millrace delivers is trimmed before the old service comes back.
    const backend = resources.use(await OldBackend.connect(redis, 100));
    const system = sideBySide(redis);
    const sent: SampleEvent[] = [];
    const send = async (count: number): Promise<SampleEvent[]> => {
      const events = chatMessages(roomId, count);
      await backend.add(events);
      sent.push(...events);
      return events;
    };

    // The old service alone, then both.
    const before = resources.use(await OldService.start(redis));
    await send(50);
    await eventually(() => assertAllAcknowledged(redis, chat));
    const gateway = resources.use(await system.gateway());
    const client = resources.use(await EventLog.inRoom(gateway.url, roomId));
    const both = await send(50);
    await client.received(both.length);
    await eventually(() => assertAllAcknowledged(redis, chat));
    await before.stop();

    // Millrace alone.
    const alone: SampleEvent[] = [];
    for (let n = 0; n < 10; n++) {
      alone.push(...(await send(40)));
      await client.received(both.length + alone.length);
    }
    expect(idsOf(client.events)).toEqual(idsOf([...both, ...alone]));
    await gateway.stop(signal);
    const between = await send(20);

    // The way back.
    const back = await system.switchBack();
    await promisify(execFile)('sh', ['-c', back]);
    const after = resources.use(await OldService.start(redis));
    const last = await send(30);
    await eventually(() => expect(after.eventIds).toContain(last.at(-1)?.event_id));
    await after.stop();

    const delivered = new Set([...before.eventIds, ...client.ids, ...after.eventIds]);
    expect(idsOf(sent).filter((id) => !delivered.has(id))).toEqual([]);
    // After a clean stop, the old service continues exactly where Millrace has stopped.
    if (signal === 'SIGTERM') expect(after.eventIds).toEqual(idsOf([...between, ...last]));
    else expect(after.eventIds.slice(-50)).toEqual(idsOf([...between, ...last]));
  },
);

test('the guide contains the commands of these tests', async () => {
  const guide = await readFile(`${repositoryPath}docs/side-by-side.md`, 'utf8');
  const lines = guide.match(/^ *npx millrace .*$/gm)?.map((line) => line.trim());
  expect(lines).toEqual([
    'npx millrace shadow --app ./app.mjs --duration 24h',
    'npx millrace serve --app ./app.mjs',
    'npx millrace shadow --app ./app.mjs --switch-back > back.sh',
  ]);
});
