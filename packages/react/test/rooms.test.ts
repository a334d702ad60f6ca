// A room is joined once for all components, and left after the last one. The tests judge the calls at the socket.
import { setImmediate as turnOfTheEventLoop } from 'node:timers/promises';
import { type ClientError, createClient } from '@millrace/client';
import { until } from '@millrace/testkit';
import { Component, createElement as h, type ReactNode } from 'react';
import { expect, test, vi } from 'vitest';
import { App, Log, Status } from './support/components.js';
import { TestPage } from './support/dom.js';
import { ada, TestGateway, type TestUser } from './support/gateway.js';
import { GatewayByHand } from './support/gateway-by-hand.js';

test('a room that several components use in StrictMode is joined once and left once', async () => {
  await using gateway = await TestGateway.start();
  using page = new TestPage();
  const client = gateway.client();
  const both = [h(Status, { key: 1, room: 'a' }), h(Log, { key: 2, room: 'a', log: [] })];
  page.show(h(App, { client }, both));
  await until(() => page.text === 'a live');
  page.show(h(App, { client }, both[0]));
  page.show(h(App, { client }, both));
  page.show(h(App, { client }, both[1]));
  page.show(h(App, { client }));
  await until(() => client.calls.includes('LeaveRoom a'));
  expect(client.calls).toEqual(['JoinRoom a', 'LeaveRoom a']);
  expect(client.room('a')).toBeUndefined();
});

test('a room stays joined if a component uses it again within the grace', async () => {
  await using gateway = await TestGateway.start();
  using page = new TestPage();
  const client = gateway.client();
  const show = (room: string): void => page.show(h(App, { client, graceMs: 60_000 }, h(Status, { room })));
  show('a');
  await until(() => page.text === 'a live');
  show('b');
  await until(() => page.text === 'b live');
  show('a');
  expect(page.text).toBe('a live');
  expect(client.calls).toEqual(['JoinRoom a', 'JoinRoom b']);
});

test('rooms that change a hundred times are each left as often as they were joined', async () => {
  await using gateway = await TestGateway.start();
  using page = new TestPage();
  const client = gateway.client();
  for (let change = 0; change < 100; change += 1) {
    page.show(h(App, { client, graceMs: 0 }, h(Status, { room: `room-${change % 3}` })));
    // Some changes send their calls before the next change, and others do not.
    if (change % 4 > 0) await turnOfTheEventLoop();
  }
  await until(() => page.text === 'room-0 live');
  page.show(h(App, { client, graceMs: 0 }));
  await until(() => client.room('room-0') === undefined);
  await client.join('end').joined;
  for (const room of ['room-0', 'room-1', 'room-2']) {
    const calls = client.calls.filter((call) => call.endsWith(room));
    expect(calls).toEqual(calls.map((_, index) => `${index % 2 === 0 ? 'JoinRoom' : 'LeaveRoom'} ${room}`));
    expect(calls.length % 2).toBe(0);
  }
});

test('a room that the application joined itself is used but not left', async () => {
  await using gateway = await TestGateway.start();
  using page = new TestPage();
  const client = gateway.client();
  const own = client.join('a');
  page.show(
    h(App, { client, graceMs: 0 }, [
      h(Status, { key: 1, room: 'a' }),
      h(Status, { key: 2, room: 'user:me' }),
    ]),
  );
  await until(() => page.text === 'a liveuser:me live');
  page.show(h(App, { client, graceMs: 0 }, h(Status, { room: 'b' })));
  await until(() => page.text === 'b live');
  page.show(h(App, { client, graceMs: 0 }));
  await until(() => client.calls.includes('LeaveRoom b'));
  expect(own.status).toBe('live');
  expect(client.calls).toEqual(['JoinRoom a', 'JoinRoom b', 'LeaveRoom b']);
});

test('a refused room is shown as refused, and is joined after the rights of the user have changed', async () => {
  await using gateway = await TestGateway.start();
  using page = new TestPage();
  const user: TestUser = { id: ada, rooms: ['a'] };
  const client = gateway.client(user);
  page.show(h(App, { client }, h(Status, { room: 'b' })));
  await until(() => page.text === 'b refused: refused');
  user.rooms = ['a', 'b'];
  await gateway.restart();
  await until(() => page.text === 'b live');
});

test('a component that begins to use a refused room asks the gateway again', async () => {
  await using gateway = await TestGateway.start();
  using page = new TestPage();
  const client = gateway.client({ id: ada, rooms: ['a'] });
  page.show(h(App, { client }, h(Status, { room: 'b' })));
  await until(() => page.text === 'b refused: refused');
  page.show(h(App, { client }, [h(Status, { key: 1, room: 'b' }), h(Log, { key: 2, room: 'b', log: [] })]));
  expect(page.text).not.toContain('refused');
  await until(() => page.text === 'b refused: refused');
});

test('the room of the user is shown as refused, with the ID to use, if a component gives the ID of the user', async () => {
  await using gateway = await TestGateway.start();
  using page = new TestPage();
  const client = gateway.client();
  page.show(h(App, { client }, h(Status, { room: `user:${ada}` })));
  await until(() => page.text === `user:${ada} refused: invalid_argument`);
  expect(client.errors.map(({ message }) => message)).toEqual([`Room user:${ada} is user:me: join user:me.`]);
});

test('a hook without a room is idle, and one without a client is joining', async () => {
  using page = new TestPage();
  page.show(h(App, { client: null }, [h(Status, { key: 1, room: null }), h(Status, { key: 2, room: 'a' })]));
  expect(page.text).toBe('no room idlea joining');
});

test('a component handles the events for everybody once, and stays in their room when it goes', async () => {
  await using gateway = await TestGateway.start();
  using page = new TestPage();
  const client = gateway.client({ id: ada, rooms: [] });
  const log: string[] = [];
  const show = (isShown: boolean): void =>
    page.show(
      h(App, { client, graceMs: 0 }, [
        h(Status, { key: 1, room: '*' }),
        isShown ? h(Log, { key: 2, room: '*', log }) : null,
      ]),
    );
  show(true);
  await until(() => page.text === '* live');
  const said = await gateway.say('*');
  await until(() => log.length > 0);
  expect(log).toEqual([`*: ${said}`]);
  show(false);
  const unseen: string[] = [];
  client.everybody.on('chat_message', ({ payload }) => void unseen.push(payload.content));
  const later = await gateway.say('*');
  await until(() => unseen.length > 0);
  expect([unseen, log.length, client.everybody.status]).toEqual([[later], 1, 'live']);
});

test('a room from which the user was removed is shown as refused, and is live again after a new join', async () => {
  using page = new TestPage();
  const gateway = new GatewayByHand();
  const client = createClient({ url: 'http://gateway.test', createConnection: gateway.createConnection });
  const errors: ClientError[] = [];
  client.onError((error) => errors.push(error));
  const log: string[] = [];
  const shown = [h(Status, { key: 1, room: 'a' }), h(Log, { key: 2, room: 'a', log })];
  page.show(h(App, { client }, shown));
  await until(() => page.text === 'a live');
  gateway.remove('a');
  await until(() => page.text === 'a refused: refused');
  client.join('a');
  await until(() => page.text === 'a live');
  gateway.say('a', 'welcome back');
  expect(log).toEqual(['a: welcome back']);
  gateway.remove('a');
  await until(() => page.text === 'a refused: refused');
  page.show(h(App, { client }, [...shown, h(Log, { key: 3, room: 'a', log: [] })]));
  await until(() => page.text === 'a live');
  expect(errors).toMatchObject([{ code: 'refused' }, { code: 'refused' }]);
  await client.close();
});

/** Shows the error that its children throw. */
class Boundary extends Component<{ readonly children?: ReactNode }, { readonly error?: Error }> {
  override state: { readonly error?: Error } = {};

  static getDerivedStateFromError(error: Error): { readonly error: Error } {
    return { error };
  }

  override render(): ReactNode {
    return this.state.error?.message ?? this.props.children;
  }
}

test('a component whose room ID is empty fails in its error boundary, and adds no handlers to the client', () => {
  vi.spyOn(console, 'error').mockReturnValue();
  using page = new TestPage();
  const client = createClient({ url: 'http://gateway.test' });
  const handlers = [vi.spyOn(client, 'onJoin'), vi.spyOn(client, 'onRemoved')];
  for (const key of ['first', 'again']) {
    page.show(h(App, { client }, h(Boundary, { key }, h(Status, { room: '' }))));
    expect(page.text).toBe('A room ID must be a non-empty text.');
  }
  for (const handler of handlers) expect(handler).not.toHaveBeenCalled();
});
