// Typing and read receipts that clients send through the hub with SendTyping and MarkRead.
import { randomUUID } from 'node:crypto';
import { expect, test } from 'vitest';
import { EventLog } from '../../fixtures/clients/event-log.js';
import { chatMessage } from '../../fixtures/events/sample-events.js';
import { acceptEvents } from '../../fixtures/http/ingest.js';
import { readMetric } from '../../fixtures/http/metrics.js';
import { normalMode, signToken } from '../../fixtures/http/tokens.js';
import { GatewayProcess } from '../../fixtures/processes/gateway-process.js';

test('SendTyping sends typing events with the token’s name to other users, but not to the caller', async () => {
  await using gateway = await GatewayProcess.start(normalMode);
  const [ana, bob] = [randomUUID(), randomUUID()];
  await using sender = await EventLog.connect(gateway.url, {
    token: await signToken({ sub: ana, name: 'Aña', rooms: ['r'] }),
  });
  await using reader = await EventLog.connect(gateway.url, {
    token: await signToken({ sub: bob, name: 'Bob', rooms: ['r'] }),
  });
  await Promise.all([sender.join('r'), reader.join('r')]);
  await sender.connection.invoke('SendTyping', 'r', true);
  await reader.received(1);
  await sender.connection.invoke('SendTyping', 'r', false);
  await reader.received(2);
  const messageId = randomUUID();
  await sender.connection.invoke('MarkRead', 'r', [messageId]);
  const [start, stop, receipt] = await reader.received(3);
  const user = { user_id: ana, username: 'Aña' };
  expect(start).toMatchObject({
    event_type: 'typing_start',
    room_id: 'r',
    payload: { ...user, is_typing: true },
  });
  expect(stop).toMatchObject({
    event_type: 'typing_stop',
    room_id: 'r',
    payload: { ...user, is_typing: false },
  });
  expect(receipt).toMatchObject({
    event_type: 'read_receipt',
    payload: { user_id: ana, message_ids: [messageId] },
  });
  expect((await sender.received(1)).map((event) => event.event_type)).toEqual(['read_receipt']);
});

test('typing events are not sent to the typing user’s own connections, whatever the case of the UUID', async () => {
  await using gateway = await GatewayProcess.start();
  const ana = randomUUID();
  await using phone = await EventLog.connectAs(gateway.url, ana.toUpperCase(), 'Ana');
  await using desk = await EventLog.connectAs(gateway.url, ana, 'Ana');
  await using reader = await EventLog.connectAs(gateway.url, randomUUID(), 'Bob');
  for (const client of [phone, desk, reader]) await client.join('r');
  await phone.connection.invoke('SendTyping', 'r', true);
  await reader.received(1);
  // The answer to a join does not list the user's own typing.
  expect((await desk.join('r')).typing).toEqual([]);
  const end = chatMessage('r', 'sent', { sender_id: ana });
  await acceptEvents(gateway.url, end);
  for (const client of [phone, desk]) expect(await client.idsUpTo(end.event_id)).toEqual([end.event_id]);
  expect(await typingNow(gateway.url)).toEqual([]);
});

test('the answer to a join lists a user as typing until that user sends typing_stop or a message', async () => {
  await using gateway = await GatewayProcess.start();
  const [ana, bob] = [randomUUID(), randomUUID()];
  await using first = await EventLog.connectAs(gateway.url, ana, 'Ana');
  await using second = await EventLog.connectAs(gateway.url, bob, 'Bob');
  await using watcher = await EventLog.connect(gateway.url);
  for (const client of [first, second, watcher]) await client.join('r');
  await first.connection.invoke('SendTyping', 'r', true);
  await second.connection.invoke('SendTyping', 'r', true);
  await watcher.received(2);
  expect(await typingNow(gateway.url)).toEqual(['Ana', 'Bob']);
  await first.connection.invoke('SendTyping', 'r', false);
  await watcher.received(3);
  expect(await typingNow(gateway.url)).toEqual(['Bob']);
  await acceptEvents(gateway.url, chatMessage('r', 'sent', { sender_id: bob }));
  await watcher.received(4);
  expect(await typingNow(gateway.url)).toEqual([]);
});

test('SendTyping and MarkRead after LeaveRoom are refused', async () => {
  await using gateway = await GatewayProcess.start();
  await using client = await EventLog.connectAs(gateway.url, randomUUID(), 'Ana');
  await client.join('r');
  await client.connection.invoke('LeaveRoom', 'r');
  await expect(client.connection.invoke('SendTyping', 'r', true)).rejects.toThrow(/HubException: .*oin/);
  await expect(client.connection.invoke('MarkRead', 'r', [randomUUID()])).rejects.toThrow(
    /HubException: .*oin/,
  );
});

async function typingNow(url: string): Promise<string[]> {
  await using newcomer = await EventLog.connect(url);
  const { typing } = await newcomer.join('r');
  return typing.map((user) => user.username).sort();
}

test('a user’s typing indicator ends at once for every client when the user’s last connection ends', async () => {
  await using gateway = await GatewayProcess.start();
  const ana = randomUUID();
  await using watcher = await EventLog.inRoom(gateway.url, 'r');
  await using laptop = await EventLog.connectAs(gateway.url, ana, 'Ana');
  await using phone = await EventLog.connectAs(gateway.url, ana, 'Ana');
  for (const client of [laptop, phone]) await client.join('r');
  await laptop.connection.invoke('SendTyping', 'r', true);
  await watcher.received(1);
  await laptop.connection.stop();
  // One connection of the user remains, so the next event is that of another user.
  await acceptEvents(gateway.url, chatMessage('r', 'not Ana'));
  await watcher.received(2);
  await phone.connection.stop();
  const [start, message, stop] = await watcher.received(3);
  expect([start?.event_type, message?.event_type, stop?.event_type]).toEqual([
    'typing_start',
    'chat_message',
    'typing_stop',
  ]);
  expect(stop?.payload).toMatchObject({ user_id: ana, username: 'Ana', is_typing: false });
  expect(await typingNow(gateway.url)).toEqual([]);
});

test('a user who sends typing and receipts too fast is refused with a time to retry', async () => {
  await using gateway = await GatewayProcess.start();
  await using storm = await EventLog.connectAs(gateway.url, randomUUID(), 'Ana');
  await using other = await EventLog.connectAs(gateway.url, randomUUID(), 'Bob');
  for (const client of [storm, other]) await client.join('r');
  const calls = Array.from({ length: 1_000 }, (_, n) =>
    n % 2 === 0
      ? storm.connection.invoke('SendTyping', 'r', true)
      : storm.connection.invoke('MarkRead', 'r', [randomUUID()]),
  );
  const refused = (await Promise.allSettled(calls)).filter((call) => call.status === 'rejected');
  // The limit is a burst of 60 calls, and then 20 calls per second. A slow machine may let more calls pass, but never all of
  // them.
  expect(refused.length).toBeGreaterThan(100);
  expect(String(refused[0]?.reason)).toMatch(/HubException: .*too fast.* again in \d+ ms/);
  expect(await readMetric(gateway.url, 'events_dropped_total')).toBeGreaterThanOrEqual(refused.length);
  await other.connection.invoke('SendTyping', 'r', true);
});
