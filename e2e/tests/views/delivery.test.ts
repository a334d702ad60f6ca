// Existing clients of a view receive its messages over both protocols, in order, and however slowly they read.
import { randomUUID } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { expect, test } from 'vitest';
import { chatIn, chatModule, connectChat } from '../../fixtures/clients/chat-view.js';
import { EventLog } from '../../fixtures/clients/event-log.js';
import { chatMessage, idsOf, sampleEvent, typing } from '../../fixtures/events/sample-events.js';
import { readMetric } from '../../fixtures/http/metrics.js';
import { CliProcess, repositoryPath } from '../../fixtures/processes/cli-process.js';
import { xaddEvent } from '../../fixtures/redis/plain-redis.js';
import { startOnRedis } from '../../fixtures/systems/redis-system.js';
import { sharedSystem } from '../../fixtures/systems/shared-system.js';
import { eventually } from '../../fixtures/waiting/eventually.js';

const system = sharedSystem(() =>
  startOnRedis({ environment: { MILLRACE_APP: chatModule, MILLRACE_SEND_TIMEOUT_MS: '120000' } }),
);

const protocols = [
  ['JSON', false],
  ['MessagePack', true],
] as const;

test.each(protocols)(
  'a client with %s receives the messages of its groups with their arguments',
  async (_, isBinary) => {
    const { redis, publisher, url } = system();
    const [room, user] = [randomUUID(), randomUUID()];
    await using client = await chatIn(url, room, { isBinary, query: `?user=${user}` });
    await using plain = await EventLog.inRoom(url, room);
    expect(client.calls).toEqual([
      ['Connected', { userId: user }],
      ['RoomJoined', room],
    ]);
    const message = chatMessage(room, 'Grüße');
    const receipt = sampleEvent(room, 'read_receipt', { user_id: user, message_ids: [randomUUID()] });
    const note = sampleEvent(`user:${user}`, 'notification', { type: 'info', title: 'Hi', n: 1.5 });
    await xaddEvent(redis, message);
    await publisher.publishEvents([typing(room, user, true), typing(room, randomUUID(), true)]);
    await publisher.publishEvents([receipt, note]);
    const [[notification, position] = []] = await client.callsUntil('Notification', 1);
    await client.callsUntil('TypingIndicator', 1);
    const [[read] = []] = await client.callsUntil('ReadStatusUpdate', 1);
    expect(notification).toEqual({ eventId: note.event_id, data: note.payload });
    expect(position).toMatch(/^[\w.~-]+$/);
    expect(read).toEqual({ requestId: room, userId: user, messageIds: receipt.payload['message_ids'] });
    // Only the last message for an event has the position.
    expect(client.callsOf('ReceiveMessage')).toEqual([[message.payload, null]]);
    expect(client.callsOf('ChatMoved')).toEqual([[room, message.event_id, expect.any(String)]]);
    // The user's own typing is not sent back.
    expect(client.callsOf('TypingIndicator')).toEqual([
      [
        {
          requestId: room,
          userId: expect.not.stringMatching(user),
          username: expect.any(String),
          isTyping: true,
        },
        expect.any(String),
      ],
    ]);
    // The gateway's own hub has the same events with the same positions.
    const same = await plain.event((event) => event.event_id === message.event_id);
    expect(client.callsOf('ChatMoved')[0]?.[2]).toBe(same.position);
  },
);

test('a client that has left its room, or joined another one, receives none of its messages', async () => {
  const { publisher, url } = system();
  const [left, joined, other] = [randomUUID(), randomUUID(), randomUUID()];
  await using client = await chatIn(url, left);
  await client.connection.invoke('LeaveRoom', left);
  await client.connection.invoke('JoinRoom', joined);
  const rooms = [left, joined, other];
  expect(await Promise.all(rooms.map((room) => client.connection.invoke('IsInRoom', room)))).toEqual([
    false,
    true,
    false,
  ]);
  const events = [left, other, joined].map((room) => chatMessage(room, room));
  for (const event of events) await publisher.publishEvents([event]);
  expect(await client.callsUntil('ReceiveMessage', 1)).toEqual([[events[2]?.payload, null]]);
  expect(client.callsOf('RoomLeft')).toEqual([[left]]);
});

test.each<[string, readonly unknown[], RegExp]>([
  ['no room', [], /room ID must be/],
  ['a room that is not a string', [7], /room ID must be/],
  ['the reserved room of control entries', ['millrace:control'], /room ID must be/],
  ['a position that no gateway gave out', ['room', 'nonsense'], /position is not one/],
])('a join with %s is refused', async (_, args, message) => {
  await using client = await connectChat(system().url);
  await expect(client.connection.invoke('JoinRoom', ...args)).rejects.toThrow(message);
});

test('the guide to views shows the unchanged example modules', async () => {
  const guide = await readFile(`${repositoryPath}docs/views.md`, 'utf8');
  for (const name of ['app.mjs', 'sessions.mjs'])
    expect(guide).toContain(await readFile(`${repositoryPath}examples/views/${name}`, 'utf8'));
});

test('the command check prints the hubs of the example with their methods and messages', async () => {
  await using check = CliProcess.millrace(['check', '--app', chatModule]);
  expect(await check.exit()).toBe(0);
  expect(check.output).toContain('hub /hubs/chat (groups request, user; messages end with their position)');
  expect(check.output).toContain('method  JoinRoom: joins request, replies RoomJoined');
  expect(check.output).toContain('send    chat_message → ReceiveMessage(payload) to request');
});

/** The event IDs, taken from the second message of each event. The messages of an event must be neighbours. */
function movedIds(calls: readonly (readonly unknown[])[]): readonly unknown[] {
  const own = calls.filter(([method]) => method === 'ReceiveMessage' || method === 'ChatMoved');
  for (const [index, [method]] of own.entries())
    expect(method).toBe(index % 2 === 0 ? 'ReceiveMessage' : 'ChatMoved');
  return own.filter(([method]) => method === 'ChatMoved').map(([, , id]) => id);
}

test.each(protocols)(
  'a client with %s that stops reading shows in the metrics, and then gets every message in order',
  async (_, isBinary) => {
    const { publisher, url } = system();
    const room = randomUUID();
    await using slow = await chatIn(url, room, { isBinary });
    await using fast = await chatIn(url, room);
    const caughtUp = () => readMetric(url, 'slow_clients_total', { outcome: 'caught_up' });
    const before = await caughtUp();
    slow.stopReading();
    // 20 messages a second for 20 s: more than the kernel buffers for one client.
    const sent = Array.from({ length: 400 }, (__, n) => chatMessage(room, `${n} `.padEnd(40_000, 'x')));
    for (let from = 0; from < sent.length; from += 20)
      await publisher.publishEvents(sent.slice(from, from + 20));
    await fast.callsUntil('ChatMoved', sent.length);
    expect(movedIds(fast.calls)).toEqual(idsOf(sent));
    expect(slow.callsOf('ChatMoved').length).toBeLessThan(sent.length);
    expect(await readMetric(url, 'signalr_server_waiting_bytes')).toBeGreaterThan(100_000);
    slow.resumeReading();
    await slow.callsUntil('ChatMoved', sent.length);
    expect(movedIds(slow.calls)).toEqual(idsOf(sent));
    // On a busy machine, the fast client may have lagged, too.
    await eventually(async () => expect(await caughtUp()).toBeGreaterThan(before));
  },
);
