// An erasure together with a trim, a failover, and a gateway that stalled: nobody is told of a loss.
import { randomUUID } from 'node:crypto';
import { startRedis, startTcpProxy, until } from '@millrace/testkit';
import { expect, test } from 'vitest';
import { ErasureLog } from '../../fixtures/clients/erasure-log.js';
import { EventLog } from '../../fixtures/clients/event-log.js';
import { chatMessage, chatMessages, idsOf } from '../../fixtures/events/sample-events.js';
import { eraseOverHttp } from '../../fixtures/http/erase.js';
import { acceptEvents } from '../../fixtures/http/ingest.js';
import { readMetric } from '../../fixtures/http/metrics.js';
import { assertAllAcknowledged, eventIdsIn, xaddAll } from '../../fixtures/redis/plain-redis.js';
import { EmbeddedGateway } from '../../fixtures/systems/embedded-gateway.js';
import { GatewayRow } from '../../fixtures/systems/gateway-row.js';
import { Resources } from '../../fixtures/systems/resources.js';
import { eventually } from '../../fixtures/waiting/eventually.js';

test.each([
  ['the newest entry', (ids: readonly string[]) => ids.at(-1) ?? ''],
  ['the oldest entry after a trim', (ids: readonly string[]) => ids[0] ?? ''],
])(
  'a client exactly at %s recovers after its erasure and a failover, and no gateway resets',
  async (_, choose) => {
    await using resources = new Resources();
    const redis = resources.use(await startRedis());
    const replica = resources.use(await startRedis());
    await replica.cli('replicaof', '127.0.0.1', String(redis.port));
    await until(async () => (await replica.cli('info', 'replication')).includes('master_link_status:up'));
    const wire = resources.use(await startTcpProxy(redis.port));
    // The memory has room for a few events only, so that clients that come back need the stream.
    const options = { redisUrl: `redis://127.0.0.1:${wire.port}`, maxReplayBytes: 4_000 };
    const gateway = resources.use(await EmbeddedGateway.start(options));
    const roomId = randomUUID();
    const client = resources.use(await EventLog.connect(gateway.url));
    const log = new ErasureLog(client);
    await log.join(roomId);
    await xaddAll(redis, 'events:chat', chatMessages('elsewhere', 30));
    const events = chatMessages(roomId, 3);
    await acceptEvents(gateway.url, events);
    await client.received(3);
    const target = choose(idsOf(events));
    const position = client.events.find(({ event_id }) => event_id === target)?.position ?? '';
    await eventually(() => assertAllAcknowledged(redis, 'events:chat'));
    const stored = await eventIdsIn(redis, 'events:chat');
    await redis.cli(
      'XTRIM',
      'events:chat',
      'MAXLEN',
      '=',
      String(stored.length - stored.indexOf(idsOf(events)[0] ?? '')),
    );
    await eraseOverHttp(gateway.url, `/v1/events/${target}`);
    await eventually(() => expect(log.erased).toEqual([target]));
    await eventually(async () => expect(await eventIdsIn(redis, 'events:chat')).not.toContain(target));

    await redis.cli('client', 'pause', '10000', 'write');
    const offsetOf = async (server: typeof redis): Promise<string | undefined> =>
      /master_repl_offset:(\d+)/.exec(await server.cli('info', 'replication'))?.[1];
    await until(async () => (await offsetOf(redis)) === (await offsetOf(replica)));
    await redis.stop();
    await replica.cli('replicaof', 'no', 'one');
    wire.switchTo(replica.port);
    wire.cut();

    const after = chatMessage(roomId, 'after');
    await eventually(() => acceptEvents(gateway.url, after));
    await client.event(({ event_id }) => event_id === after.event_id);
    const others = resources.use(await EmbeddedGateway.start(options));
    for (const { url } of [gateway, others]) {
      const back = resources.use(await EventLog.connect(url));
      const backLog = new ErasureLog(back);
      await eventually(async () =>
        expect(await backLog.join(roomId, position)).toMatchObject({ recovered: true }),
      );
      const missed = idsOf(events).slice(idsOf(events).indexOf(target) + 1);
      expect([...new Set(back.ids)]).toEqual([...missed, after.event_id]);
      expect(new Set(backLog.erased)).toEqual(new Set([target]));
    }
    expect(log.heard).not.toContain('resync');
    expect(await readMetric(gateway.url, 'event_gap_entries_total')).toBe(0);
  },
);

test('a gateway that stalled while events were erased and removed finds no gap, and delivers only the others', async () => {
  await using row = await GatewayRow.start(2);
  const { redis } = row;
  const [writer, sleeper] = [row.get('gateway-1'), row.get('gateway-2')];
  const roomId = randomUUID();
  await using client = await EventLog.connect(sleeper.url);
  const log = new ErasureLog(client);
  await log.join(roomId);
  const [seen, ...unseen] = idsOf(chatMessages(roomId, 1)).length === 1 ? chatMessages(roomId, 6) : [];
  if (seen === undefined) throw new Error('no event');
  await acceptEvents(writer.url, seen);
  await client.received(1);
  sleeper.child.kill('SIGSTOP');
  try {
    await acceptEvents(writer.url, unseen);
    const erased = [seen, ...unseen.slice(1, 4)].map(({ event_id }) => event_id);
    for (const id of erased) await eraseOverHttp(writer.url, `/v1/events/${id}`);
    // The entries go as soon as the gateway that stalls is declared dead.
    await eventually(async () => {
      const stored = await eventIdsIn(redis, 'events:chat');
      expect(stored.filter((id) => erased.includes(id))).toEqual([]);
    });
    sleeper.child.kill('SIGCONT');
    const end = chatMessage(roomId, 'the end');
    await acceptEvents(writer.url, end);
    await client.event(({ event_id }) => event_id === end.event_id);
    await eventually(() => expect(log.erased).toEqual(erased));
    const kept = idsOf([...unseen.filter(({ event_id }) => !erased.includes(event_id)), end]);
    expect(log.shown).toEqual(kept);
    expect(client.ids).toEqual([seen.event_id, ...kept]);
    // Some heartbeats later, the gateway has counted everything that it read.
    for (let beats = 0; beats < 3; beats += 1) {
      const more = chatMessage(roomId, 'more');
      await acceptEvents(writer.url, more);
      await client.event(({ event_id }) => event_id === more.event_id);
    }
    expect(await readMetric(sleeper.url, 'event_gap_entries_total')).toBe(0);
    expect(log.heard).not.toContain('resync');
  } finally {
    sleeper.child.kill('SIGCONT');
  }
});
