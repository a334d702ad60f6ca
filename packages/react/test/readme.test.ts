// The README shows the files in test/readme unchanged, and they work.
import { readFile } from 'node:fs/promises';
import { createClient } from '@millrace/client';
import { defineCatalog, defineEventType, eventCatalog, Type } from '@millrace/contract';
import { createGateway } from '@millrace/gateway';
import { until } from '@millrace/testkit';
import { createElement as h } from 'react';
import { expect, test, vi } from 'vitest';
import { App as Chat } from './readme/chat.js';
import { Orders } from './readme/own-types.js';
import { Messages } from './readme/state.js';
import { App } from './support/components.js';
import { TestPage } from './support/dom.js';
import { bob, TestGateway } from './support/gateway.js';

/** Returns the marked part of an example. */
async function region(name: string): Promise<string> {
  const text = await readFile(new URL(`readme/${name}.tsx`, import.meta.url), 'utf8');
  const [, part = ''] = text.split(/^.*#(?:end)?region\n/m);
  return part.trimEnd();
}

test.each(['chat', 'state', 'own-types'])('the README contains the example %s unchanged', async (name) => {
  const readme = await readFile(new URL('../README.md', import.meta.url), 'utf8');
  expect(readme).toContain(await region(name));
});

test('the guide about stale screens contains the example of a state unchanged', async () => {
  const guide = await readFile(new URL('../../../docs/never-stale.md', import.meta.url), 'utf8');
  expect(guide).toContain(await region('state'));
});

test('the README’s example of a chat shows messages, typing and a lost connection', async () => {
  await using gateway = await TestGateway.start();
  using page = new TestPage();
  const client = gateway.client();
  const other = gateway.client({ id: bob, rooms: ['*'] });
  await other.connect();
  const room = other.join('ticket-42');
  await room.joined;
  page.show(h(Chat, { client }));
  await until(() => client.room('ticket-42')?.status === 'live');
  room.sendTyping(true);
  await until(() => page.text.includes('Bob is typing'));
  const text = await gateway.say('ticket-42');
  await until(() => page.text.includes(text));
  const stopped = gateway.restart();
  await until(() => page.text.includes('No connection'));
  await stopped;
  await until(() => !page.text.includes('No connection'));
});

test('the README’s example of a list shows what was loaded, and adds an event once', async () => {
  await using gateway = await TestGateway.start();
  using page = new TestPage();
  const client = gateway.client();
  const stored = [{ id: crypto.randomUUID(), content: await gateway.say('ticket-42'), sequence_number: 1 }];
  const loads: string[] = [];
  const { fetch } = globalThis;
  vi.stubGlobal('fetch', async (url: string, init?: RequestInit) => {
    if (!url.startsWith('/rooms')) return fetch(url, init);
    loads.push(url);
    return Response.json({ state: stored, upTo: { sequence: 1 } });
  });
  page.show(h(App, { client }, h(Messages, { room: 'ticket-42' })));
  await until(() => page.text.includes('message 1') && client.room('ticket-42')?.status === 'live');
  await gateway.say('ticket-42');
  await until(() => page.text === 'message 1message 2');
  expect(loads).toEqual(['/rooms/ticket-42/messages']);
});

test('the README’s example of own event types handles an event of its own type', async () => {
  const orderPlaced = defineEventType({
    name: 'order_placed',
    payload: Type.Object({ id: Type.String(), items: Type.Integer() }),
    stream: 'events:ticket',
    lane: 'high',
    maxAgeMs: null,
    replay: { mode: 'all' },
  });
  const catalog = defineCatalog({
    streams: eventCatalog.streams,
    eventTypes: [...eventCatalog.eventTypes, orderPlaced],
  });
  const gateway = createGateway({ port: 0, isDevelopment: true, catalog });
  const { url } = await gateway.start();
  using page = new TestPage();
  const client = createClient({ url });
  const orders: string[] = [];
  page.show(h(App, { client }, h(Orders, { onOrder: (id) => void orders.push(id) })));
  await until(() => page.text === 'live');
  await gateway.publisher.publish('order_placed', 'shop', { id: 'o-1', items: 2 });
  await until(() => orders.length > 0);
  expect(orders).toEqual(['o-1']);
  await client.close();
  await gateway.stop();
});
