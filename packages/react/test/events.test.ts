// Handlers get each event once, and only events of the room that their component shows.
import { createClient } from '@millrace/client';
import { until } from '@millrace/testkit';
import { createElement as h, useLayoutEffect, useState } from 'react';
import { flushSync } from 'react-dom';
import { expect, test } from 'vitest';
import { useEvents, useResync, useRoom } from '../src/index.js';
import { App, Log, Status } from './support/components.js';
import { TestPage } from './support/dom.js';
import { TestGateway } from './support/gateway.js';
import { GatewayByHand } from './support/gateway-by-hand.js';

test('a handler is called once per event in StrictMode, with the latest properties and state', async () => {
  await using gateway = await TestGateway.start();
  using page = new TestPage();
  const client = gateway.client();
  const log: string[] = [];
  const Counter = ({ label }: { readonly label: string }) => {
    const [count, setCount] = useState(0);
    useEvents('a', 'chat_message', ({ payload }) => {
      log.push(`${label} ${count} ${payload.content}`);
      flushSync(() => setCount(count + 1));
    });
    return h('p', {}, count);
  };
  const show = (label: string): void =>
    page.show(h(App, { client }, [h(Status, { key: 1, room: 'a' }), h(Counter, { key: 2, label })]));
  show('first');
  await until(() => page.text === 'a live0');
  const one = await gateway.say('a');
  await until(() => page.text === 'a live1');
  show('second');
  const two = await gateway.say('a');
  await until(() => page.text === 'a live2');
  expect(log).toEqual([`first 0 ${one}`, `second 1 ${two}`]);
});

test('a component that changes its room gets every event of the room that it shows and no other', async () => {
  await using gateway = await TestGateway.start();
  using page = new TestPage();
  const client = gateway.client();
  const switching: string[] = [];
  const logs = { a: [] as string[], b: [] as string[] };
  const rooms = ['a', 'b'] as const;
  const show = (room: string): void =>
    page.show(
      h(App, { client }, [
        ...rooms.map((id) => h(Log, { key: id, room: id, log: logs[id] })),
        ...rooms.map((id) => h(Status, { key: `${id} status`, room: id })),
        h(Log, { key: 'switching', room, log: switching }),
      ]),
    );
  show('a');
  await until(() => page.text === 'a liveb live');
  const said = { a: [] as string[], b: [] as string[] };
  for (let turn = 0; turn < 50; turn += 1) {
    const room = rooms[turn % 2 === 0 ? 0 : 1];
    show(room);
    // Both events are already on their way when the component changes its room.
    for (const id of rooms) said[id].push(`${id}: ${await gateway.say(id)}`);
  }
  await until(() => logs.a.length === 50 && logs.b.length === 50);
  expect(logs).toEqual(said);
  expect(switching.filter((line) => line.includes('from'))).toEqual([]);
  expect(new Set(switching).size).toBe(switching.length);
  expect(client.calls).toEqual(['JoinRoom a', 'JoinRoom b']);
});

test('an event between the display of another room and its effects is not handled', async () => {
  using page = new TestPage();
  const gateway = new GatewayByHand();
  const client = createClient({ url: 'http://localhost', createConnection: gateway.createConnection });
  const log: string[] = [];
  const Switching = ({ room }: { readonly room: string }) => {
    // React runs layout effects together with the display. The effects that subscribe run later.
    useLayoutEffect(() => gateway.say('a', `while ${room} is displayed`), [room]);
    return h(Log, { room, log });
  };
  const show = (room: string): void =>
    page.show(h(App, { client }, [h(Status, { key: 1, room: 'a' }), h(Switching, { key: 2, room })]));
  show('a');
  await until(() => page.text === 'a live');
  gateway.say('a', 'one');
  show('b');
  show('a');
  gateway.say('a', 'two');
  expect(log).toEqual(['a: one', 'a: two']);
  await client.close();
});

test('a handler gets only the types that it names', async () => {
  await using gateway = await TestGateway.start();
  using page = new TestPage();
  const client = gateway.client();
  const got: Record<string, string[]> = { one: [], two: [], all: [] };
  const Watch = () => {
    const room = useRoom('a');
    useEvents(room, 'notification', (event) => got['one']?.push(event.event_type));
    useEvents(room, ['notification', 'chat_message'], (event) => got['two']?.push(event.event_type));
    useEvents(room, (event) => got['all']?.push(event.event_type));
    return h('p', {}, room.status);
  };
  page.show(h(App, { client }, h(Watch)));
  await until(() => page.text === 'live');
  await gateway.say('a');
  await gateway.notify('a', 'last');
  await until(() => got['one']?.length === 1);
  expect(got).toEqual({
    one: ['notification'],
    two: ['chat_message', 'notification'],
    all: ['chat_message', 'notification'],
  });
});

test('an error of a handler is reported to the client and stops no other handler', async () => {
  await using gateway = await TestGateway.start();
  using page = new TestPage();
  const client = gateway.client();
  const Failing = () => {
    useEvents('a', async () => {
      throw new Error('no');
    });
    return null;
  };
  const log: string[] = [];
  page.show(
    h(App, { client }, [
      h(Failing, { key: 1 }),
      h(Log, { key: 2, room: 'a', log }),
      h(Status, { key: 3, room: 'a' }),
    ]),
  );
  await until(() => page.text === 'a live');
  await gateway.say('a');
  await until(() => client.errors.length > 0 && log.length > 0);
  expect(client.errors.map(({ code }) => code)).toEqual(['handler_failed']);
});

test('a resync is handled once per room, and later events follow it', async () => {
  await using gateway = await TestGateway.start();
  using page = new TestPage();
  const client = gateway.client();
  const log: string[] = [];
  const Watch = () => {
    useResync('a', (reason) => log.push(`resync: ${reason}`));
    return null;
  };
  page.show(
    h(App, { client }, [
      h(Watch, { key: 1 }),
      h(Log, { key: 2, room: 'a', log }),
      h(Status, { key: 3, room: 'a' }),
    ]),
  );
  await until(() => page.text === 'a live');
  const before = await gateway.say('a');
  await until(() => log.length > 0);
  // The streams of the in-memory broker are lost when the gateway stops.
  await gateway.restart();
  await until(() => log.length > 1 && page.text === 'a live');
  const after = await gateway.say('a');
  await until(() => log.length > 2);
  expect(log).toEqual([`a: ${before}`, 'resync: not_recovered', `a: ${after}`]);
});
