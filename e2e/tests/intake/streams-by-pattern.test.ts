// A program that has one stream per room: its streams are found and read, and their entries reach clients once and in order.
import { HubConnectionBuilder, LogLevel } from '@microsoft/signalr';
import { type RedisServer, startRedis, startRedisCluster } from '@millrace/testkit';
import { createClient } from '@redis/client';
import { expect, test } from 'vitest';
import { readMetric } from '../../fixtures/http/metrics.js';
import { CliProcess, repositoryPath } from '../../fixtures/processes/cli-process.js';
import { GatewayProcess } from '../../fixtures/processes/gateway-process.js';
import { xadd } from '../../fixtures/redis/plain-redis.js';
import { Resources } from '../../fixtures/systems/resources.js';
import { eventually } from '../../fixtures/waiting/eventually.js';

// The tests wait for searches and leases most of the time, so they run side by side.
const example = `${repositoryPath}examples/intake/streams-by-pattern.mjs`;
const rule = 'events:chat:*';

/** An unmodified client that keeps the texts of the messages in its rooms. */
class Reader implements AsyncDisposable {
  readonly texts: string[] = [];
  readonly ids: string[] = [];
  position = '';
  readonly #connection;

  private constructor(url: string) {
    this.#connection = new HubConnectionBuilder()
      .withUrl(`${url}/hubs/events`)
      .configureLogging(LogLevel.None)
      .build();
    this.#connection.on(
      'message:new',
      (event: { event_id: string; position: string; payload: { text: string } }) => {
        this.texts.push(event.payload.text);
        this.ids.push(event.event_id);
        this.position = event.position;
      },
    );
  }

  static async in(url: string, ...rooms: readonly string[]): Promise<Reader> {
    const reader = new Reader(url);
    await reader.#connection.start();
    for (const room of rooms) await reader.join(room);
    return reader;
  }

  async join(
    room: string,
    after?: string,
  ): Promise<{ readonly recovered: boolean; readonly position: string }> {
    return this.#connection.invoke('JoinRoom', room, after ?? null);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#connection.stop();
  }
}

const write = (redis: RedisServer, room: string, text: string): Promise<string> =>
  xadd(redis, `events:chat:${room}`, { type: 'message:new', text });

const startGateway = (url: string): Promise<GatewayProcess> =>
  GatewayProcess.start({ MILLRACE_APP: example, MILLRACE_REDIS_URL: url });

test.concurrent('the command check shows an entry of a stream that matches before and after', async () => {
  await using check = CliProcess.millrace(['check', '--app', example]);
  expect(await check.exit()).toBe(0);
  expect(check.output).toContain('room_id: chat-example\n  payload: {"text":"Hello"}');
});

test.concurrent('streams are read from their end at first, and new ones from their beginning', async () => {
  await using resources = new Resources();
  const redis = resources.use(await startRedis());
  await write(redis, '1', 'history');
  const gateway = resources.use(await startGateway(redis.url));
  await eventually(async () => expect(await readMetric(gateway.url, 'intake_streams', { rule })).toBe(1));
  const reader = resources.use(await Reader.in(gateway.url, 'chat-1', 'chat-2'));
  for (const [room, text] of [
    ['1', 'a'],
    ['2', 'b'],
    ['2', 'c'],
  ] as const)
    await write(redis, room, text);
  await eventually(() => expect(reader.texts.toSorted()).toEqual(['a', 'b', 'c']));
  expect(reader.texts.indexOf('b')).toBeLessThan(reader.texts.indexOf('c'));
  // A client that comes back, to a gateway that has no events in its memory, gets the same events from the stream.
  const later = resources.use(await startGateway(redis.url));
  const back = resources.use(await Reader.in(later.url));
  const { position } = await reader.join('chat-2');
  await write(redis, '2', 'd');
  await eventually(() => expect(reader.texts).toContain('d'));
  expect(await back.join('chat-2', position)).toMatchObject({ recovered: true });
  await eventually(() => expect(back.texts).toEqual(['d']));
  expect(await redis.cli('XLEN', 'events:chat:2')).toBe('3');
});

test.concurrent.each([
  ['is killed', 'SIGKILL'],
  ['stalls for longer than its lease', 'SIGSTOP'],
] as const)(
  'another gateway continues if the one that reads the streams %s, and no event is lost or sent twice',
  async (_, signal) => {
    await using resources = new Resources();
    const redis = resources.use(await startRedis());
    const gateways = [
      resources.use(await startGateway(redis.url)),
      resources.use(await startGateway(redis.url)),
    ];
    const rooms = ['1', '2', '3'];
    const readsOf = async ({ url }: GatewayProcess) => readMetric(url, 'intake_streams', { rule });
    for (const room of rooms) await write(redis, room, `${room}/0`);
    const holder = async (): Promise<GatewayProcess> => {
      const counts = await Promise.all(gateways.map(readsOf));
      const found = gateways[counts.findIndex((count) => count === rooms.length)];
      if (found === undefined) throw new Error(`nobody reads the streams: ${counts.join(', ')}`);
      return found;
    };
    const dying = await eventually(holder);
    const surviving = gateways.find((gateway) => gateway !== dying) ?? dying;
    const reader = resources.use(await Reader.in(surviving.url, ...rooms.map((room) => `chat-${room}`)));
    const writer = await createClient({ url: redis.url }).connect();
    const load = async (from: number, to: number): Promise<void> => {
      for (let n = from; n < to; n += 1)
        await Promise.all(
          rooms.map((room) =>
            writer.xAdd(`events:chat:${room}`, '*', { type: 'message:new', text: `${room}/${n}` }),
          ),
        );
    };
    await load(1, 100);
    dying.child.kill(signal);
    await load(100, 200);
    await eventually(async () => expect(await readsOf(surviving)).toBe(rooms.length));
    if (signal === 'SIGSTOP') dying.child.kill('SIGCONT');
    await load(200, 300);
    await writer.close();
    const textsOf = (room: string): readonly string[] =>
      reader.texts.filter((text) => text.startsWith(`${room}/`) && !text.endsWith('/0'));
    await eventually(() => {
      for (const room of rooms)
        expect(textsOf(room)).toEqual(Array.from({ length: 299 }, (_, n) => `${room}/${n + 1}`));
    });
    expect(new Set(reader.ids).size).toBe(reader.ids.length);
  },
);

test.concurrent('a gateway reads at most 256 streams, and one that disappears makes room for another', async () => {
  await using resources = new Resources();
  const redis = resources.use(await startRedis());
  const client = await createClient({ url: redis.url }).connect();
  resources.defer(() => client.close());
  await Promise.all(
    Array.from({ length: 260 }, (_, n) =>
      client.xAdd(`events:chat:${n}`, '*', { type: 'message:new', text: `${n}` }),
    ),
  );
  await client.set('events:chat:text', 'no stream');
  const gateway = resources.use(await startGateway(redis.url));
  const counts = async (): Promise<readonly number[]> =>
    Promise.all(
      ['intake_streams', 'intake_streams_ignored'].map((name) => readMetric(gateway.url, name, { rule })),
    );
  await eventually(async () => expect(await counts()).toEqual([256, 4]));
  await client.del([
    'events:chat:0',
    'events:chat:1',
    'events:chat:10',
    'events:chat:100',
    'events:chat:101',
  ]);
  await eventually(async () => expect(await counts()).toEqual([255, 0]));
});

test.concurrent('idle streams cost at most one script a second in all', async () => {
  await using resources = new Resources();
  const redis = resources.use(await startRedis());
  const gateway = resources.use(await startGateway(redis.url));
  const waiting = resources.use(await startGateway(redis.url));
  for (let n = 0; n < 50; n += 1) await write(redis, String(n), 'x');
  const counts = async (): Promise<number> =>
    (await readMetric(gateway.url, 'intake_streams')) + (await readMetric(waiting.url, 'intake_streams'));
  await eventually(async () => expect(await counts()).toBe(50));
  const monitor = await createClient({ url: redis.url }).connect();
  resources.defer(async () => monitor.destroy());
  const scripts: number[] = [];
  await monitor.monitor((line) => {
    const time = /^(\d+\.\d+) \[\d+ [^l][^\]]*\] "evalsha" .*"collect(?:or|ed):\{rooms\}"/i.exec(line)?.[1];
    if (time !== undefined) scripts.push(Number(time));
  });
  // Measured by the times of Redis, because this process may be slower than the gateways.
  await eventually(() => expect(scripts.length).toBeGreaterThanOrEqual(6));
  const [first = 0] = scripts;
  const seconds = (scripts.at(-1) ?? 0) - first;
  expect(scripts.length - 1).toBeLessThanOrEqual(Math.ceil(seconds));
});

test.concurrent('an entry with bytes that are not UTF-8 is a dead letter, and the following entries arrive', async () => {
  await using resources = new Resources();
  const redis = resources.use(await startRedis());
  const gateway = resources.use(await startGateway(redis.url));
  const reader = resources.use(await Reader.in(gateway.url, 'chat-1'));
  const client = await createClient({ url: redis.url }).connect();
  await client.sendCommand(['XADD', 'events:chat:1', '*', 'text', Buffer.from([0xff, 0xfe])] as never);
  await client.close();
  await write(redis, '1', 'good');
  await eventually(() => expect(reader.texts).toEqual(['good']));
  await eventually(async () =>
    expect(await readMetric(gateway.url, 'intake_rejected_total', { rule, step: 'layout' })).toBe(1),
  );
  expect(await redis.cli('XRANGE', 'dead:{rooms}', '-', '+')).toContain('bytes that are not UTF-8 text');
});

test.concurrent('the streams of all masters of a cluster are found and read', async () => {
  await using resources = new Resources();
  const cluster = resources.use(await startRedisCluster());
  const gateway = resources.use(await startGateway(cluster.url));
  const rooms = ['a', 'b', 'c', 'd', 'e', 'f'];
  const reader = resources.use(await Reader.in(gateway.url, ...rooms.map((room) => `chat-${room}`)));
  for (const n of [0, 1])
    for (const room of rooms) {
      const stream = `events:chat:${room}`;
      await cluster.cli(stream, 'XADD', stream, '*', 'type', 'message:new', 'text', `${room}${n}`);
    }
  await eventually(() =>
    expect(reader.texts.toSorted()).toEqual(rooms.flatMap((room) => [`${room}0`, `${room}1`])),
  );
});
