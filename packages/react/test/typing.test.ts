// Typing in a room: the other users who type, and this user's own typing.
import { until } from '@millrace/testkit';
import { createElement as h } from 'react';
import { expect, test } from 'vitest';
import { type Typing, useTyping } from '../src/index.js';
import { App, Status } from './support/components.js';
import { TestPage } from './support/dom.js';
import { bob, TestGateway } from './support/gateway.js';

test('a component shows the other users who type, and its own typing ends when it shows another room', async () => {
  await using gateway = await TestGateway.start();
  using page = new TestPage();
  const client = gateway.client();
  const other = gateway.client({ id: bob, rooms: ['*'] });
  await other.connect();
  const room = other.join('a');
  await room.joined;
  const seen: Typing[] = [];
  const Composer = ({ room }: { readonly room: string }) => {
    const typing = useTyping(room);
    if (seen.at(-1) !== typing) seen.push(typing);
    return h('p', {}, typing.users.map(({ username }) => username).join());
  };
  const show = (id: string): void =>
    page.show(
      h(App, { client, graceMs: 60_000 }, [
        h(Status, { key: 1, room: id }),
        h(Composer, { key: 2, room: id }),
      ]),
    );
  show('a');
  await until(() => page.text === 'a live');
  room.sendTyping(true);
  await until(() => page.text === 'a liveBob');
  const shown = seen.at(-1);
  show('a');
  expect(seen.at(-1)).toBe(shown);
  room.sendTyping(false);
  await until(() => page.text === 'a live');

  seen.at(-1)?.sendTyping(true);
  await until(() => room.typingUsers.length === 1);
  expect(room.typingUsers.map(({ username }) => username)).toEqual(['Ada']);
  show('b');
  await until(() => room.typingUsers.length === 0);
  expect(client.calls).toEqual(['JoinRoom a', 'SendTyping a true', 'SendTyping a false', 'JoinRoom b']);
});

test('typing without a room or a client does nothing', () => {
  using page = new TestPage();
  const Composer = ({ room }: { readonly room: string | null }) => {
    const { users, sendTyping } = useTyping(room);
    sendTyping(true);
    return h('p', {}, users.length);
  };
  page.show(
    h(App, { client: null }, [h(Composer, { key: 1, room: 'a' }), h(Composer, { key: 2, room: null })]),
  );
  expect(page.text).toBe('00');
});
