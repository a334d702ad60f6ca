// The provider connects its client and closes it. The components see the state of the connection.
import { until } from '@millrace/testkit';
import { createElement as h, type ReactElement } from 'react';
import { renderToString } from 'react-dom/server';
import { expect, test, vi } from 'vitest';
import { useClient, useConnection } from '../src/index.js';
import { App, Log, Status } from './support/components.js';
import { TestPage } from './support/dom.js';
import { ada, TestGateway } from './support/gateway.js';

function Connection({ log }: { readonly log?: string[] }): ReactElement {
  const { state, userId } = useConnection();
  if (log?.at(-1) !== state) log?.push(state);
  return h('p', {}, `${state} ${userId ?? 'unknown'}`);
}

test('the provider connects its client once in StrictMode and closes it after the last provider was removed', async () => {
  await using gateway = await TestGateway.start();
  using page = new TestPage();
  const client = gateway.client();
  const connect = vi.spyOn(client, 'connect');
  const close = vi.spyOn(client, 'close');
  const log: string[] = [];
  page.show(h(App, { client }, h(Connection, { log })));
  await until(() => page.text === `live ${ada}`);
  page.show([h(App, { key: 1, client }, h(Connection)), h(App, { key: 2, client })]);
  page.show(h(App, { key: 2, client }));
  expect(connect).toHaveBeenCalledTimes(1);
  expect(close).not.toHaveBeenCalled();
  page.show(null);
  await until(() => client.state === 'closed');
  expect(close).toHaveBeenCalledTimes(1);
  expect(log).toEqual(['idle', 'connecting', 'live']);
});

test('a client that the application has connected is used but not closed', async () => {
  await using gateway = await TestGateway.start();
  using page = new TestPage();
  const client = gateway.client();
  await client.connect();
  page.show(h(App, { client, graceMs: 0 }, h(Status, { room: 'a' })));
  await until(() => page.text === 'a live');
  page.show(null);
  await until(() => client.calls.includes('LeaveRoom a'));
  expect(client.state).toBe('live');
});

test('a room that was not joined before the client was closed is joined by the next connection', async () => {
  await using gateway = await TestGateway.start();
  using page = new TestPage();
  const client = gateway.client();
  const log: string[] = [];
  page.show(h(App, { client }, [h(Status, { key: 1, room: 'a' }), h(Log, { key: 2, room: 'a', log })]));
  await client.close();
  expect(page.text).toBe('a joining');
  await client.connect();
  await until(() => page.text === 'a live');
  const text = await gateway.say('a');
  await until(() => log.length > 0);
  expect(log).toEqual([`a: ${text}`]);
});

test('a component sees why the connection was lost, and gets the client from useClient', async () => {
  await using gateway = await TestGateway.start();
  using page = new TestPage();
  const client = gateway.client();
  const states = new Set<string>();
  const clients = new Set<unknown>();
  const Watch = (): ReactElement => {
    const { state, cause } = useConnection();
    clients.add(useClient());
    states.add(`${state}${cause === undefined ? '' : ' with a cause'}`);
    return h('p', {}, state);
  };
  page.show(h(App, { client }, h(Watch)));
  await until(() => page.text === 'live');
  await gateway.restart();
  await until(() => states.has('reconnecting with a cause') || states.has('reconnecting'));
  await until(() => page.text === 'live');
  expect(Array.from(clients)).toEqual([client]);
});

test('another client replaces the first one, which leaves its rooms and is closed', async () => {
  await using gateway = await TestGateway.start();
  using page = new TestPage();
  const [first, second] = [gateway.client(), gateway.client()];
  const log: string[] = [];
  const show = (client: typeof first): void =>
    page.show(
      h(App, { client, graceMs: 0 }, [h(Status, { key: 1, room: 'a' }), h(Log, { key: 2, room: 'a', log })]),
    );
  show(first);
  await until(() => page.text === 'a live');
  show(second);
  await until(() => page.text === 'a live' && first.state === 'closed');
  expect(second.state).toBe('live');
  const text = await gateway.say('a');
  await until(() => log.length > 0);
  expect(log).toEqual([`a: ${text}`]);
});

test('a hook without a provider throws an error that names the remedy', () => {
  expect(() => renderToString(h(Connection))).toThrow(/need a MillraceProvider/);
});
