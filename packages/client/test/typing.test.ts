// Typing: the calls that are sent, and the users who are shown.
import { describe, expect, test } from 'vitest';
import { joinAnswer, type Setup, setUp } from './support/fake-gateway.js';

const ada = { user_id: '1111111a-1111-4111-8111-111111111111', username: 'Ada' };
const bob = { user_id: 'bob', username: 'Bob' };
let position = 100;

async function inRoom(setup: Setup): Promise<Setup> {
  await setup.client.connect();
  await setup.client.join('a').joined;
  return setup;
}

function start({ gateway }: Setup, user = ada): void {
  gateway.connection.event('a', position++, { type: 'typing_start', payload: { ...user, is_typing: true } });
}

function stop({ gateway }: Setup, user = ada): void {
  gateway.connection.event('a', position++, { type: 'typing_stop', payload: { ...user, is_typing: false } });
}

describe('the list of users who are typing', () => {
  test('typing users are listed in the order in which they began, and every change is reported once', async () => {
    const setup = await inRoom(setUp());
    const { client } = setup;
    const lists: string[] = [];
    client.onTypingChange(
      (roomId, users) => void lists.push(`${roomId}: ${users.map((user) => user.username).join(',')}`),
    );
    const ofRoom: number[] = [];
    client.room('a')?.onTypingChange((users) => void ofRoom.push(users.length));
    start(setup);
    const list = client.typingUsers('a');
    expect(list).toEqual([ada]);
    start(setup);
    expect(client.typingUsers('a')).toBe(list);
    start(setup, bob);
    start(setup);
    expect(client.typingUsers('a')).toEqual([ada, bob]);
    stop(setup);
    stop(setup);
    expect(lists).toEqual(['a: Ada', 'a: Ada,Bob', 'a: Bob']);
    expect(ofRoom).toEqual([1, 2, 1]);
    expect(client.typingUsers('nowhere')).toEqual([]);
  });

  test('two user IDs that differ only in case identify the same user only if they are UUIDs', async () => {
    const setup = await inRoom(setUp());
    start(setup);
    start(setup, { ...ada, user_id: ada.user_id.toUpperCase() });
    const upperBob = { ...bob, user_id: 'BOB' };
    start(setup, bob);
    start(setup, upperBob);
    expect(setup.client.typingUsers('a').map(({ username }) => username)).toEqual(['Ada', 'Bob', 'Bob']);
    stop(setup, upperBob);
    expect(setup.client.typingUsers('a').map(({ user_id }) => user_id)).toContain('bob');
  });

  test('a typing indicator expires after ten seconds without a new event', async () => {
    const setup = await inRoom(setUp());
    const { client, clock } = setup;
    start(setup);
    await clock.advance(6_000);
    start(setup, bob);
    await clock.advance(3_999);
    expect(client.typingUsers('a')).toEqual([ada, bob]);
    await clock.advance(1);
    expect(client.typingUsers('a')).toEqual([bob]);
    start(setup, bob);
    await clock.advance(9_999);
    expect(client.typingUsers('a')).toEqual([bob]);
    await clock.advance(1);
    expect(client.typingUsers('a')).toEqual([]);
    expect(clock.timerCount).toBe(0);
  });

  test('a message ends its sender’s typing indicator, and no other user’s', async () => {
    const setup = await inRoom(setUp());
    const { client, gateway } = setup;
    const seenByHandler: number[] = [];
    client.on('chat_message', () => void seenByHandler.push(client.typingUsers('a').length));
    start(setup);
    start(setup, bob);
    gateway.connection.event('a', position++, { payload: { sender_id: ada.user_id.toUpperCase() } });
    gateway.connection.event('a', position++, { payload: { sender_id: null } });
    expect(client.typingUsers('a')).toEqual([bob]);
    expect(seenByHandler).toEqual([1, 1]);
  });

  test('a lost connection ends no typing indicator, but the answer to the rejoin replaces the list', async () => {
    const setup = await inRoom(setUp());
    const { client, gateway, reconnect } = setup;
    await setup.clock.advance(5_000);
    start(setup);
    start(setup, bob);
    gateway.connection.close();
    expect(client.typingUsers('a')).toEqual([ada, bob]);
    gateway.answerTo = (_method, [roomId]) => ({ ...joinAnswer(String(roomId), 9), typing: [bob] });
    await setup.clock.advance(500);
    expect(client.typingUsers('a')).toEqual([bob]);
    await setup.clock.advance(10_000);
    expect(client.typingUsers('a')).toEqual([]);
    await reconnect();
  });

  test('a join lists the users who are already typing, except the client’s own user', async () => {
    const { client, gateway } = setUp();
    const self = { user_id: 'u1', username: 'Me' };
    gateway.answerTo = (_method, [roomId]) => ({
      ...joinAnswer(String(roomId), 1),
      typing: [ada, self, { user_id: 7 }, null],
    });
    await client.connect();
    const room = client.join('a');
    expect((await room.joined).typing).toEqual([ada]);
    expect(room.typingUsers).toEqual([ada]);
  });

  test('leaving a room empties its list of typing users', async () => {
    const setup = await inRoom(setUp());
    const room = setup.client.room('a');
    start(setup);
    await setup.client.leave('a');
    expect(room?.typingUsers).toEqual([]);
    expect(setup.clock.timerCount).toBe(0);
  });

  test('the list of typing users is limited, and payloads without a valid user are ignored', async () => {
    const setup = await inRoom(setUp({ maxTypingUsers: 2 }));
    for (const id of ['1', '2', '3']) start(setup, { user_id: id, username: id });
    expect(setup.client.typingUsers('a').map((user) => user.user_id)).toEqual(['2', '3']);
    setup.gateway.connection.event('a', position++, { type: 'typing_start', payload: { user_id: 5 } });
    setup.gateway.connection.event('a', position++, { type: 'typing_stop', payload: {} });
    expect(setup.client.typingUsers('a')).toHaveLength(2);
  });
});

describe('sending typing', () => {
  const sent = ({ gateway }: Setup): string[] =>
    gateway.connection.log.filter((call) => call.startsWith('SendTyping'));

  test('an unchanged typing state is sent only every four seconds, and a changed state at once', async () => {
    const setup = await inRoom(setUp());
    const { client, clock } = setup;
    client.sendTyping('a', false);
    expect(sent(setup)).toEqual([]);
    for (let second = 0; second < 9; second++) {
      client.sendTyping('a', true);
      client.sendTyping('a', true);
      await clock.advance(1_000);
    }
    expect(sent(setup)).toHaveLength(3);
    client.sendTyping('a', false);
    client.sendTyping('a', false);
    client.sendTyping('a', true);
    expect(sent(setup).slice(3)).toEqual(['SendTyping a false', 'SendTyping a true']);
  });

  test('a keystroke is sent again right after a message of the client’s own user', async () => {
    const setup = await inRoom(setUp());
    setup.client.sendTyping('a', true);
    setup.gateway.connection.event('a', position++, { payload: { sender_id: 'u1' } });
    setup.client.sendTyping('a', true);
    expect(sent(setup)).toHaveLength(2);
  });

  test('a call of sendTyping without a connection is dropped, and is not sent later', async () => {
    const setup = await inRoom(setUp());
    const { client, gateway, clock } = setup;
    client.sendTyping('a', true);
    gateway.connection.close();
    client.sendTyping('a', true);
    await clock.advance(500);
    expect(sent(setup)).toEqual([]);
    client.sendTyping('a', true);
    expect(sent(setup)).toEqual(['SendTyping a true']);
  });

  test('sendTyping throws in a room that was never joined, and is ignored while a room is joining', async () => {
    const { client, gateway } = setUp();
    expect(() => client.sendTyping('a', true)).toThrow(expect.objectContaining({ code: 'invalid_argument' }));
    const room = client.join('a');
    room.sendTyping(true);
    await client.connect();
    await room.joined;
    expect(gateway.connection.log.at(-1)).toBe('JoinRoom a');
  });

  test('a refused call of sendTyping is reported, and a call that is lost with its connection is not', async () => {
    const setup = await inRoom(setUp());
    const { client, gateway, errors, settle } = setup;
    gateway.isAnswering = false;
    client.sendTyping('a', true);
    gateway.connection.call('SendTyping', 'a').refuse('user_id must be a UUID');
    await settle();
    expect(errors.map(({ message }) => message)).toEqual(['Typing was not sent: user_id must be a UUID']);
    client.sendTyping('a', true);
    gateway.connection.close();
    await settle();
    expect(errors).toHaveLength(1);
  });
});
