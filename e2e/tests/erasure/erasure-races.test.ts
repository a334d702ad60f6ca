// Publishes, erasures, resumes and reads over HTTP race on three gateways, on one Redis and on a partitioned cluster. Nothing erased is
// sent after its erasure, and nothing else is missing. `ERASURE_RUNS` sets the number of runs.
import { randomUUID } from 'node:crypto';
import { type RedisServer, startRedis, startRedisCluster } from '@millrace/testkit';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { EventLog } from '../../fixtures/clients/event-log.js';
import { HubVisitor, PageVisitor, StreamVisitor } from '../../fixtures/clients/room-visitors.js';
import { StreamReader } from '../../fixtures/clients/stream-reader.js';
import { chatMessage, type SampleEvent } from '../../fixtures/events/sample-events.js';
import { eraseOverHttp } from '../../fixtures/http/erase.js';
import { acceptEvents } from '../../fixtures/http/ingest.js';
import { readAllPages } from '../../fixtures/http/room-reads.js';
import { xaddEvent } from '../../fixtures/redis/plain-redis.js';
import { EmbeddedGateway } from '../../fixtures/systems/embedded-gateway.js';
import { Resources } from '../../fixtures/systems/resources.js';
import { eventually } from '../../fixtures/waiting/eventually.js';

const runs = Number(process.env['ERASURE_RUNS'] ?? 3);
const clusterRuns = Math.ceil(runs / 3);
const gatewayCount = 3;

/** A step of a run. Numbers select a gateway, an event or a client, modulo their count. */
type Step =
  | { readonly kind: 'publish' | 'xadd'; readonly gateway: number }
  | { readonly kind: 'erase' | 'repeat'; readonly gateway: number; readonly event: number }
  | { readonly kind: 'resume'; readonly gateway: number; readonly client: number };

const index = fc.nat(1_000);
const step: fc.Arbitrary<Step> = fc.oneof(
  { weight: 5, arbitrary: fc.record({ kind: fc.constantFrom('publish', 'xadd'), gateway: index }) },
  {
    weight: 3,
    arbitrary: fc.record({ kind: fc.constantFrom('erase', 'repeat'), gateway: index, event: index }),
  },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant('resume'), gateway: index, client: index }) },
);

/** Throws if a member was sent an event after its erasure, was told of a loss, or misses an event that was not erased. */
function judge(heard: readonly string[], kept: readonly string[], erased: ReadonlySet<string>): void {
  const gone = new Set<string>();
  const shown = new Set<string>();
  for (const message of heard) {
    const [kind, id = ''] = message.split(' ');
    expect(message).not.toBe('resync');
    if (kind === 'erased') {
      expect(erased.has(id)).toBe(true);
      gone.add(id);
      shown.delete(id);
    } else {
      expect(gone.has(id), `${id} came after its erasure`).toBe(false);
      shown.add(id);
    }
  }
  expect([...shown].sort()).toEqual([...kept].sort());
}

async function run(urls: readonly string[], redis: RedisServer | undefined, steps: readonly Step[]) {
  await using resources = new Resources();
  const roomId = randomUUID();
  const urlOf = (gateway: number): string => urls[gateway % urls.length] ?? '';
  const members = [
    ...urls.map(() => new HubVisitor(roomId)),
    new StreamVisitor(roomId),
    new PageVisitor(roomId),
  ].map((member) => resources.use(member));
  for (const [at, member] of members.entries()) await member.moveTo(urlOf(at));
  const witness = resources.use(await EventLog.connect(urlOf(0)));
  const { position } = await witness.join(roomId);
  const published: SampleEvent[] = [];
  const erased = new Set<string>();
  // The steps of each kind of actor run one after the other, and the actors race.
  const publishing = (async () => {
    for (const { kind, gateway } of steps) {
      if (kind !== 'publish' && kind !== 'xadd') continue;
      const event = chatMessage(roomId, `${published.length}`);
      if (kind === 'xadd' && redis !== undefined) await xaddEvent(redis, event);
      else await acceptEvents(urlOf(gateway), event);
      published.push(event);
    }
  })();
  const erasing = (async () => {
    for (const current of steps) {
      if (!('event' in current)) continue;
      const event = published[current.event % Math.max(1, published.length)];
      if (event === undefined) continue;
      const { event_id: id } = event;
      if (current.kind === 'repeat') await acceptEvents(urlOf(current.gateway), event);
      else {
        await eraseOverHttp(urlOf(current.gateway), `/v1/events/${id}`);
        erased.add(id);
      }
    }
  })();
  const resuming = (async () => {
    for (const current of steps) {
      if (current.kind !== 'resume') continue;
      await members[current.client % members.length]?.moveTo(urlOf(current.gateway));
    }
  })();
  await Promise.all([publishing, erasing, resuming]);
  const end = chatMessage(roomId, 'the end');
  await acceptEvents(urlOf(0), end);
  for (const member of members) await member.until(end.event_id);
  const kept = [...published, end].map(({ event_id }) => event_id).filter((id) => !erased.has(id));
  for (const member of members) {
    // The message of the last erasure may come after the last event.
    await eventually(async () => {
      await member.moveTo(urlOf(0));
      judge(member.heard, kept, erased);
    });
    expect(member.isRecovered).toBe(true);
  }
  for (const url of urls) expect(await idsSince(url, roomId, position)).toEqual([...kept].sort());
}

/**
 * Returns the IDs of the events that a client receives who comes back to a position, sorted.
 *
 * @throws AssertionError if a SignalR client, a stream and pages differ
 */
async function idsSince(url: string, roomId: string, position: string): Promise<readonly string[]> {
  await using client = await EventLog.connect(url);
  expect(await client.join(roomId, position)).toMatchObject({ recovered: true });
  const ids = [...new Set(client.ids)].sort();
  await using reader = await StreamReader.open(url, roomId, { query: `?after=${position}` });
  expect(await reader.joined()).toMatchObject({ recovered: true });
  const streamed = reader.messages.filter(({ event }) => event === 'chat_message');
  expect([...new Set(streamed.map(({ data }) => (JSON.parse(data) as SampleEvent).event_id))].sort()).toEqual(
    ids,
  );
  const pages = await readAllPages(url, roomId, position, 5);
  expect(pages.every(({ recovered }) => recovered)).toBe(true);
  const onPages = pages
    .flatMap(({ events }) => events)
    .filter(({ event_type }) => event_type === 'chat_message');
  expect([...new Set(onPages.map(({ event_id }) => event_id))].sort()).toEqual(ids);
  return ids;
}

describe('racing publishes, erasures and resumes on three gateways', () => {
  test('nothing erased is sent after its erasure and nothing else is missing, on one Redis (property)', async () => {
    await using resources = new Resources();
    const redis = resources.use(await startRedis());
    const urls: string[] = [];
    for (let count = 0; count < gatewayCount; count += 1)
      urls.push(
        resources.use(await EmbeddedGateway.start({ redisUrl: redis.url, instance: `g${count}` })).url,
      );
    await fc.assert(
      fc.asyncProperty(fc.array(step, { minLength: 10, maxLength: 40 }), (steps) => run(urls, redis, steps)),
      { numRuns: runs, endOnFailure: true },
    );
  });

  test('nothing erased is sent after its erasure and nothing else is missing, on a partitioned cluster (property)', async () => {
    await using resources = new Resources();
    const cluster = resources.use(await startRedisCluster());
    const urls: string[] = [];
    for (let count = 0; count < gatewayCount; count += 1)
      urls.push(
        resources.use(
          await EmbeddedGateway.start({ redisUrl: cluster.urls, partitions: 3, instance: `g${count}` }),
        ).url,
      );
    await fc.assert(
      fc.asyncProperty(fc.array(step, { minLength: 10, maxLength: 40 }), (steps) =>
        run(urls, undefined, steps),
      ),
      { numRuns: clusterRuns, endOnFailure: true },
    );
  });
});
