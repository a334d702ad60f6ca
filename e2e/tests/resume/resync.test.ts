// Every client is told once about a loss, either by one `resync` per room or by the answer to its join. The
// `resync` messages are spread over some seconds.
import { randomUUID } from 'node:crypto';
import { setTimeout as pause } from 'node:timers/promises';
import { startRedis } from '@millrace/testkit';
import { expect, test } from 'vitest';
import { EventLog } from '../../fixtures/clients/event-log.js';
import { chatMessage, lastingEvents } from '../../fixtures/events/sample-events.js';
import { readMetric } from '../../fixtures/http/metrics.js';
import { xaddAll, xaddByType } from '../../fixtures/redis/plain-redis.js';
import { EmbeddedGateway } from '../../fixtures/systems/embedded-gateway.js';
import { eventually } from '../../fixtures/waiting/eventually.js';

/** Time within which the clients of these tests, which are few, all receive their `resync`. */
const allToldMs = 6_000;

test('every client gets one resync per room after FLUSHALL, at a random moment, and can then resume', async () => {
  await using redis = await startRedis();
  await using gateway = await EmbeddedGateway.start({ redisUrl: redis.url });
  const { url } = gateway;
  const roomId = randomUUID();
  const clients = await Promise.all(Array.from({ length: 25 }, () => ResyncLog.connect(url, roomId)));
  const [first] = clients;
  await xaddByType(redis, lastingEvents(roomId, 8));
  await first?.log.received(8);
  await redis.cli('FLUSHALL');
  await eventually(() => expect(clients.filter(({ told }) => told.length > 0)).toHaveLength(clients.length));
  // More events are published, but no client gets a second resync.
  await xaddByType(redis, lastingEvents(roomId, 8));
  await pause(allToldMs);
  const times = clients.map(({ told }) => told.map(({ atMs }) => atMs));
  expect(times.map((own) => own.length)).toEqual(clients.map(() => 1));
  const all = times.flat();
  expect(Math.max(...all) - Math.min(...all)).toBeGreaterThan(1_000);
  // A client that got its resync can resume without another resync.
  for (const { log } of clients) await log[Symbol.asyncDispose]();
  const [someone] = clients;
  await using back = await EventLog.connect(url);
  expect(await back.join(roomId, someone?.position)).toMatchObject({ recovered: true });
});

test('a client that reconnects before its resync learns of the loss only from the answer to its join', async () => {
  await using redis = await startRedis();
  await using gateway = await EmbeddedGateway.start({ redisUrl: redis.url });
  const { url } = gateway;
  const roomId = randomUUID();
  const members = await Promise.all(Array.from({ length: 10 }, () => ResyncLog.connect(url, roomId)));
  await xaddAll(redis, 'events:chat', [chatMessage(roomId, 'before')]);
  for (const { log } of members) await log.received(1);
  await redis.cli('FLUSHALL');
  // The gateway's next heartbeat notices the loss and writes a new epoch. The gateway does not know about the loss before.
  await eventually(async () => expect(await redis.cli('EXISTS', 'epoch:{events:chat}')).toBe('1'));
  // Events after the loss arrive at once. Their positions must not hide the loss.
  const after = chatMessage(roomId, 'after');
  await xaddAll(redis, 'events:chat', [after]);
  for (const { log } of members) await log.event(({ event_id }) => event_id === after.event_id);
  const answers: boolean[] = [];
  for (const { log, position, told } of members.slice()) {
    await log[Symbol.asyncDispose]();
    if (told.length > 0) continue;
    const back = await ResyncLog.connect(url, roomId, position);
    answers.push(back.isRecovered);
    members.push(back);
  }
  expect(answers).toEqual(answers.map(() => false));
  await pause(allToldMs);
  for (const { told } of members) expect(told.length).toBeLessThanOrEqual(1);
  // No client is told about the loss both by a resync and by its join.
  for (const { told } of members.slice(10)) expect(told).toEqual([]);
  for (const { log } of members.slice(10)) await log[Symbol.asyncDispose]();
});

test('a gap from a producer’s MAXLEN leads to one resync per room, and the lost entries are counted', async () => {
  await using redis = await startRedis();
  await using gateway = await EmbeddedGateway.start({ redisUrl: redis.url });
  const { url } = gateway;
  const roomId = randomUUID();
  const member = await ResyncLog.connect(url, roomId);
  await xaddAll(redis, 'events:chat', [chatMessage(roomId, 'before')]);
  await member.log.received(1);
  // All entries are added in one script, so that the gateway cannot read in between.
  const fields = (n: number): string => {
    const { payload, metadata, ...event } = chatMessage(roomId, `message ${n}`);
    const all = { ...event, payload: JSON.stringify(payload), metadata: JSON.stringify(metadata ?? {}) };
    return JSON.stringify(Object.entries(all).flat().map(String));
  };
  const burst = Array.from({ length: 50 }, (_, n) => fields(n));
  const script =
    "for i = 1, #ARGV do redis.call('XADD', KEYS[1], 'MAXLEN', '=', 10, '*', unpack(cjson.decode(ARGV[i]))) end";
  await redis.cli('EVAL', script, '1', 'events:chat', ...burst);
  await eventually(async () =>
    expect(await readMetric(url, 'events_dropped_total', { reason: 'expired' })).toBe(40),
  );
  await eventually(() => expect(member.told).toHaveLength(1));
  await pause(allToldMs);
  expect(member.told.map(({ reason }) => reason)).toEqual(['gap']);
  expect(member.log.events).toHaveLength(11);
  await member.log[Symbol.asyncDispose]();
});

/** A client of one room that records its resyncs and the position from which it could resume. */
class ResyncLog {
  readonly log: EventLog;
  readonly told: { readonly reason: string; readonly atMs: number }[] = [];
  isRecovered = false;
  position: string | undefined;

  private constructor(log: EventLog, roomId: string) {
    this.log = log;
    log.connection.on('resync', (message: { readonly room_id: string; readonly reason: string }) => {
      if (message.room_id === roomId) this.told.push({ reason: message.reason, atMs: performance.now() });
    });
    for (const target of ['position', 'chat_message', 'status_change', 'notification']) {
      log.connection.on(target, (message: { readonly position: string }) => {
        this.position = message.position;
      });
    }
  }

  static async connect(url: string, roomId: string, after?: string): Promise<ResyncLog> {
    const member = new ResyncLog(await EventLog.connect(url), roomId);
    const { position, recovered } = await member.log.join(roomId, after);
    member.position = position;
    member.isRecovered = recovered;
    return member;
  }
}
