// Broadcasts: events for everybody, published to the room `*`. Each client of each gateway receives each of them once and in order,
// by every way in, over the kill of a gateway.
import { randomUUID } from 'node:crypto';
import { createClient } from '@millrace/client';
import { connectPublisher } from '@millrace/publisher';
import { startRedis, startRedisCluster } from '@millrace/testkit';
import { expect, test } from 'vitest';
import { EventLog } from '../../fixtures/clients/event-log.js';
import { eventsUrl, StreamReader } from '../../fixtures/clients/stream-reader.js';
import { chatMessage, idsOf, type SampleEvent } from '../../fixtures/events/sample-events.js';
import { acceptEvents } from '../../fixtures/http/ingest.js';
import { readPage, readPosition } from '../../fixtures/http/room-reads.js';
import { GatewayProcess } from '../../fixtures/processes/gateway-process.js';
import { entryFields } from '../../fixtures/redis/plain-redis.js';
import { withoutTypes } from '../../fixtures/systems/delivery-system.js';
import { Resources } from '../../fixtures/systems/resources.js';
import { eventually } from '../../fixtures/waiting/eventually.js';

/** A store with partitions, as a backend without our libraries uses it. */
interface Store {
  readonly url: string;
  xadd(stream: string, fields: readonly string[]): Promise<unknown>;
  length(stream: string): Promise<string>;
}

const stores: readonly [string, (resources: Resources) => Promise<Store>][] = [
  [
    'one Redis',
    async (resources) => {
      const redis = resources.use(await startRedis());
      return {
        url: redis.url,
        xadd: (stream, fields) => redis.cli('XADD', stream, '*', ...fields),
        length: (stream) => redis.cli('XLEN', stream),
      };
    },
  ],
  [
    'a Redis Cluster',
    async (resources) => {
      const cluster = resources.use(await startRedisCluster({ nodeTimeoutMs: 30_000 }));
      return {
        url: cluster.urls,
        xadd: (stream, fields) => cluster.cli(stream, 'XADD', stream, '*', ...fields),
        length: (stream) => cluster.cli(stream, 'XLEN', stream),
      };
    },
  ],
];

test.each(stores)(
  'everybody receives each broadcast once and in order over the kill of a gateway, with partitions on %s',
  async (_, start) => {
    await using resources = new Resources();
    const store = await start(resources);
    const environment = { MILLRACE_REDIS_URL: store.url, MILLRACE_PARTITIONS: '3' };
    const first = resources.use(await GatewayProcess.start(environment));
    const second = resources.use(await GatewayProcess.start(environment));
    const publisher = await connectPublisher({ redisUrl: store.url });
    resources.defer(() => publisher.close());
    const sent: SampleEvent[] = [];
    /** Publishes broadcasts by the library, by HTTP and by plain XADD, in turn. */
    const broadcast = async (rounds: number): Promise<void> => {
      for (let round = 0; round < rounds; round += 1) {
        const events = ['library', 'HTTP', 'XADD'].map((way) => chatMessage('*', `${way} ${round}`));
        const [library, http, xadd] = events as [SampleEvent, SampleEvent, SampleEvent];
        await withoutTypes(publisher).publishEvents([library]);
        await acceptEvents(second.url, http);
        await store.xadd('events:chat', Object.entries(entryFields(xadd)).flat());
        sent.push(...events);
      }
    };

    const plain = await Promise.all(
      [first, second].map(async ({ url }) => resources.use(await EventLog.connect(url))),
    );
    const leaving = await EventLog.connect(first.url, { query: '?resume=1' });
    const { position } = await leaving.join('*');
    const client = createClient({ url: `${first.url}/?user=${randomUUID()}&name=Ana`, retryBaseMs: 100 });
    resources.defer(() => client.close());
    const [ofClient, ofRoom]: string[][] = [[], []];
    client.onAny(({ event_id }) => void ofClient?.push(event_id));
    client.everybody.on('chat_message', ({ event_id }) => void ofRoom?.push(event_id));
    const lost: string[] = [];
    client.onResync((roomId) => void lost.push(roomId));
    client.onError(() => {}); // The client reports that its gateway is unavailable.
    await client.connect();
    let present = first.url;
    const stream = resources.use(
      await StreamReader.follow(() => eventsUrl(present, '*'), { isReconnecting: true }),
    );
    const after = await readPosition(second.url, '*');
    const poll = readPage(second.url, '*', `?after=${after}&wait=30`);

    await broadcast(4);
    for (const log of plain)
      expect((await log.received(sent.length)).map(({ event_id }) => event_id)).toEqual(idsOf(sent));
    const polled = idsOf((await poll).events);
    expect(polled).toEqual(idsOf(sent).slice(0, Math.max(1, polled.length)));
    await leaving.received(sent.length);
    const seen = leaving.events.length;
    await leaving.connection.stop();

    await first.stop('SIGKILL');
    present = second.url;
    await broadcast(4);
    // The gateway has read all of them, so the joins replay them.
    await plain[1]?.received(sent.length);
    const back = resources.use(await EventLog.connect(second.url, { query: '?resume=1' }));
    expect(await back.join('*', leaving.events.at(-1)?.position)).toMatchObject({
      roomId: '*',
      recovered: true,
      replayed: sent.length - seen,
    });
    const late = resources.use(await EventLog.connect(second.url, { query: '?resume=1' }));
    expect(await late.join('*', position)).toMatchObject({ recovered: true, replayed: sent.length });
    resources.use(await GatewayProcess.start({ ...environment, MILLRACE_PORT: new URL(first.url).port }));
    await broadcast(4);

    const all = idsOf(sent);
    for (const log of [plain[1], late])
      expect((await log?.received(all.length))?.map(({ event_id }) => event_id)).toEqual(all);
    await back.received(all.length - seen);
    expect([...idsOf(leaving.events), ...back.ids]).toEqual(all);
    expect(await stream.idsUpTo(all.at(-1) ?? '')).toEqual(all);
    await eventually(() => expect(ofClient).toEqual(all));
    expect(ofRoom).toEqual(all);
    expect(lost).toEqual([]);
    expect(await store.length('events:chat')).toBe(String(all.length));
  },
  120_000,
);

test('a position of any room resumes the broadcasts that came after it', async () => {
  await using resources = new Resources();
  const redis = resources.use(await startRedis());
  const environment = { MILLRACE_REDIS_URL: redis.url, MILLRACE_PARTITIONS: '3' };
  const { url } = resources.use(await GatewayProcess.start(environment));
  const log = resources.use(await EventLog.connect(url, { query: '?resume=1' }));
  const { position } = await log.join('ticket-42');
  const events = [chatMessage('*', 'one'), chatMessage('ticket-42', 'beside'), chatMessage('*', 'two')];
  await acceptEvents(url, events);
  await log.received(1);
  expect(await log.join('*', position)).toMatchObject({ recovered: true, replayed: 2 });
  expect(log.events.map(({ room_id }) => room_id)).toEqual(['ticket-42', '*', '*']);
});
