// Readers that read too slowly, and readers of a gateway that stops, miss no event.
import { randomUUID } from 'node:crypto';
import { expect, test } from 'vitest';
import { eventsUrl, StreamReader } from '../../fixtures/clients/stream-reader.js';
import { chatMessage, idsOf, type SampleEvent } from '../../fixtures/events/sample-events.js';
import { readMetric } from '../../fixtures/http/metrics.js';
import { read } from '../../fixtures/http/room-reads.js';
import { startOnRedis } from '../../fixtures/systems/redis-system.js';
import { eventually } from '../../fixtures/waiting/eventually.js';

/** 20 messages a second for 20 s: more than the kernel buffers for one reader. */
function twentySecondsOfLoad(roomId: string): readonly SampleEvent[] {
  return Array.from({ length: 400 }, (_, n) => chatMessage(roomId, `${n} `.padEnd(40_000, 'x')));
}

test('a reader that stops reading for 20 s of load catches up in order over the same stream', async () => {
  await using system = await startOnRedis();
  const { url, publisher } = system;
  const roomId = randomUUID();
  await using slow = await StreamReader.open(url, roomId);
  await using fast = await StreamReader.open(url, roomId);
  await Promise.all([slow.joined(), fast.joined()]);
  slow.stopReading();
  const sent = twentySecondsOfLoad(roomId);
  for (let from = 0; from < sent.length; from += 20)
    await publisher.publishEvents(sent.slice(from, from + 20));
  const last = sent.at(-1)?.event_id ?? '';
  expect(await fast.idsUpTo(last)).toEqual(idsOf(sent));
  expect(slow.ids.length).toBeLessThan(sent.length);
  slow.resumeReading();
  expect(await slow.idsUpTo(last)).toEqual(idsOf(sent));
  expect(slow.opened).toBe(1);
  await eventually(async () =>
    expect(await readMetric(url, 'slow_clients_total', { outcome: 'caught_up' })).toBeGreaterThan(0),
  );
});

test('a reader that is cut off for not reading gets every event after it has returned', async () => {
  const environment = { MILLRACE_SEND_TIMEOUT_MS: '1000', MILLRACE_MAX_REPLAY_BYTES_PER_ROOM: '50000000' };
  await using system = await startOnRedis({ environment });
  const { url, publisher } = system;
  const roomId = randomUUID();
  await using slow = await StreamReader.follow(() => eventsUrl(url, roomId), { isReconnecting: true });
  await slow.joined();
  slow.stopReading();
  const sent = twentySecondsOfLoad(roomId).slice(0, 300);
  for (let from = 0; from < sent.length; from += 20)
    await publisher.publishEvents(sent.slice(from, from + 20));
  await eventually(async () =>
    expect(await readMetric(url, 'signalr_server_disconnects_total', { reason: 'send_timeout' })).toBe(1),
  );
  slow.resumeReading();
  await slow.message(({ data }) => data.includes(sent.at(-1)?.event_id ?? ''));
  expect([...new Set(slow.ids)]).toEqual(idsOf(sent));
  expect(slow.opened).toBeGreaterThan(1);
});

test('a gateway that stops ends its streams, and their readers continue elsewhere', async () => {
  await using system = await startOnRedis({ gateways: 2, environment: { MILLRACE_DRAIN_MS: '1000' } });
  const { publisher } = system;
  const [leaving, staying] = [system.gateway, system.gatewayAt(1)];
  const roomId = randomUUID();
  let present = leaving.url;
  await using first = await StreamReader.open(leaving.url, roomId);
  await using reader = await StreamReader.follow(() => eventsUrl(present, roomId), { isReconnecting: true });
  await Promise.all([first.joined(), reader.joined()]);
  const sent: SampleEvent[] = [];
  const publish = async (): Promise<void> => {
    const event = chatMessage(roomId, 'while one gateway leaves');
    sent.push(event);
    await publisher.publishEvents([event]);
  };
  await publish();
  await reader.idsUpTo(sent[0]?.event_id ?? '');
  present = staying.url;
  const stopped = leaving.stop('SIGTERM');
  await first.ended();
  expect(first.comments.at(-1)).toContain('reconnect');
  for (const query of ['', '?wait=1']) {
    const accept = query === '' ? 'text/event-stream' : 'application/json';
    const refused = await read(eventsUrl(leaving.url, roomId, query), { accept });
    expect(refused.body).toMatchObject({ status: 503, code: 'gateway_stopping' });
    expect(refused.headers.get('retry-after')).toBe('1');
  }
  await publish();
  expect(await stopped).toBe(0);
  await publish();
  expect(await reader.idsUpTo(sent.at(-1)?.event_id ?? '')).toEqual(idsOf(sent));
  expect(reader.opened).toBe(2);
});
