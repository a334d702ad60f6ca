// What clients tell each other through the hub: SendTyping and MarkRead.
import { randomUUID } from 'node:crypto';
import { expect, test } from 'vitest';
import { EventLog } from '../fixtures/event-log.js';
import { GatewayProcess } from '../fixtures/gateway-process.js';
import { acceptEvents } from '../fixtures/http.js';
import { chatMessage } from '../fixtures/sample-events.js';
import { normalMode, signToken } from '../fixtures/tokens.js';

test('SendTyping reaches the others as typing_start and typing_stop with the name of the token, and not its sender', async () => {
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
  const typist = { user_id: ana, username: 'Aña' };
  expect(start).toMatchObject({
    event_type: 'typing_start',
    room_id: 'r',
    payload: { ...typist, is_typing: true },
  });
  expect(stop).toMatchObject({
    event_type: 'typing_stop',
    room_id: 'r',
    payload: { ...typist, is_typing: false },
  });
  expect(receipt).toMatchObject({
    event_type: 'read_receipt',
    payload: { user_id: ana, message_ids: [messageId] },
  });
  expect((await sender.received(1)).map((event) => event.event_type)).toEqual(['read_receipt']);
});

test('a member who joins is told who is typing now, and no longer after a stop or a message', async () => {
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
